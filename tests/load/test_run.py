"""A small form of `make load`: a fleet is cut off and comes back, and nothing that its stations made is missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(180), pytest.mark.xdist_group("e2e")]


def test_a_small_fleet_that_is_cut_off_loses_and_doubles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.run", "--stations", "10", "--rate", "40", "--minutes", "0.05", "--cut", "1"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["lost"], result["doubled"], result["cut"]["left"]) == (0, 0, 0)
    assert result["steady"]["swipes"] > 20
