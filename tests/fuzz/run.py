"""One fuzz target by name, guided by the coverage of our own code: TARGET CORPUS [options of libFuzzer]."""

import sys
from pathlib import Path

import atheris  # in an environment of its own

with atheris.instrument_imports(include=["rules", "drivers", "gateway"]):
    from tests.fuzz.targets import TARGETS, seeds

name, corpus, *options = sys.argv[1:]
Path(corpus).mkdir(parents=True, exist_ok=True)
for number, seed in enumerate(seeds(name)):
    (Path(corpus) / f"seed-{number}").write_bytes(seed)
atheris.Setup([name, corpus, *options], TARGETS[name][0])
atheris.Fuzz()
