"""`make bench`: python -m tests.bench [--quick] [section...]. A new section is one module and a line in SECTIONS."""

import argparse

from tests.bench import intake, pages, readers, screens
from tests.bench.harness import Section, run

SECTIONS: tuple[Section, ...] = (readers.SECTION, intake.SECTION, screens.SECTION, pages.SECTION)


def main() -> None:
    by_name = {section.name: section for section in SECTIONS}
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(by_name)}; all without a word")
    parser.add_argument("--quick", action="store_true", help="a coarse answer in a fraction of the time")
    options = parser.parse_args()
    if unknown := set(options.sections) - by_name.keys():
        parser.error(f"no section {', '.join(sorted(unknown))}")
    run([by_name[name] for name in options.sections or by_name], quick=options.quick)


if __name__ == "__main__":
    main()
