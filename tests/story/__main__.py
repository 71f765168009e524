"""Tell the story: `python -m tests.story [sqlite|postgres] [--keep FOLDER]`; the last line is one JSON object."""

import argparse
import json
import sys
import tempfile
import traceback
from pathlib import Path

from tests.gateway.store.databases import Postgres
from tests.story.plot import BEGINS, Story
from tests.story.town import Town, faketime


def main() -> int:
    """0 when every step was so, 1 when one was not, 2 where the story cannot be told here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", default="sqlite", choices=("sqlite", "postgres"))
    parser.add_argument("--keep", type=Path, help="a folder for its data and log, to look at afterwards")
    options = parser.parse_args()
    if faketime() is None:
        print("libfaketime is not installed: make story sets it up", file=sys.stderr)
        return 2
    server = Postgres() if options.database == "postgres" else None
    try:
        with tempfile.TemporaryDirectory(prefix="story-") as name:
            folder = options.keep or Path(name)
            folder.mkdir(parents=True, exist_ok=True)
            return tell(folder.resolve(), server.empty() if server is not None else "")
    finally:
        if server is not None:
            server.close()


def tell(folder: Path, database: str) -> int:
    with Town(folder, database, BEGINS) as town:
        story = Story(town)
        try:
            story.tell()
        except Exception:  # noqa: BLE001 - what came before is told all the same
            traceback.print_exc()
            story.steps["told_to_its_end"] = False
        else:
            story.steps["told_to_its_end"] = True
    print(json.dumps({"steps": story.steps}))
    return 0 if all(story.steps.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
