"""One process at a time in a folder, whatever the state of the disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.lock import AlreadyRunning, hold

_READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
_HOLD = (
    "import sys; from pathlib import Path; from gateway.lock import AlreadyRunning, hold\n"
    "path = Path(sys.argv[1]) / 'station.lock'\n"
    "try:\n    path.with_name('other').touch()\n    sys.exit('it can be written')\nexcept OSError:\n    pass\n"
    "try:\n"
    "    with hold(path):\n"
    "        print('held')\n"
    "        with hold(path):\n            print('held twice')\n"
    "except AlreadyRunning:\n    print('already running')\n"
)


_GATE = (
    "import sys; from pathlib import Path; from gateway.lock import hold\n"
    "from simulators.ascii_line import AsciiDevice; from simulators.relay import RelayBoard\n"
    "from tests.gateway.station.test_process import CODE, get, running; from tests.waiting import until\n"
    "data, scanner = Path(sys.argv[1]) / 'data', AsciiDevice()\n"
    "with hold(data / 'station-test-1' / 'station.lock'), running(data, RelayBoard(), scanner) as station:\n"
    "    scanner.show(CODE)\n"
    "    until(lambda: 'gateway_unrecorded_total 1.0' in get(station, '/metrics')[1])\n"
    "    print(sorted(data.parent.iterdir()), station.parts()['recorder'])\n"
)


def unshared(*command: str) -> list[str]:
    """A command among mounts of its own."""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), *command]


def test_a_lock_is_held_by_one_and_let_go_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with hold(path), pytest.raises(AlreadyRunning, match="already running"), hold(path):
        pass
    with hold(path):
        assert path.exists()


@pytest.mark.real("mounts")
@pytest.mark.parametrize("before", [True, False])
def test_a_folder_that_cannot_be_written_is_held_all_the_same_and_by_one(tmp_path: Path, before: bool) -> None:
    if before:
        (tmp_path / "station.lock").touch()
    command = unshared("sh", "-c", _READ_ONLY, "sh", str(tmp_path), sys.executable, _HOLD)
    done = subprocess.run(command, timeout=30, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["held", "already running"]


@pytest.mark.real("mounts")
def test_a_station_whose_folder_cannot_even_be_made_lets_people_pass(tmp_path: Path) -> None:
    command = unshared("sh", "-c", _READ_ONLY, "sh", str(tmp_path), sys.executable, _GATE)
    done = subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[] the spool cannot be written"], done.stderr
