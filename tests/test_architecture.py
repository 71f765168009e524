"""The shape of the house: what is where, who may import whom, and what no file may hold."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, entry_points, packages_distributions
from pathlib import Path

import pytest

from drivers.api import NativeDriver, StreamDriver
from drivers.registry import find

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("rules", "drivers", "gateway", "simulators")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LINES = 400
PERSONAL_PATH = re.compile(r"(?<![\w.~-])/(?:root|home|Users|work)/")
HOST = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org|security\.debian\.org")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> list[Path]:
    """The files that git knows; a checkout may belong to another user than the one that tests it."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data and path != Path(__file__).resolve():
            found.append((path, data.decode("utf-8")))
    return found


@pytest.mark.parametrize("name", sorted(PYPROJECT["project"]["entry-points"]["gateway.drivers"]))
def test_every_driver_that_we_announce_is_found_by_its_name(name: str) -> None:
    assert isinstance(find(name), StreamDriver | NativeDriver)


def test_every_entry_point_of_the_installed_program_resolves() -> None:
    ours = list(distribution("xiaoqu-gateway").entry_points)
    assert {one.name for one in ours} >= {"gateway", "ga467"}, "pyproject.toml changed: make setup"
    assert all(callable(one.load()) for one in ours if one.group == "console_scripts")


def test_no_other_distribution_answers_to_the_name_of_a_driver_of_ours() -> None:
    theirs = [one for one in entry_points(group="gateway.drivers") if one.dist and one.dist.name != "xiaoqu-gateway"]
    assert not {one.name for one in theirs} & PYPROJECT["project"]["entry-points"]["gateway.drivers"].keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_plain_names_of_our_packages_are_ours_alone(package: str) -> None:
    assert set(packages_distributions().get(package, ())) <= {"xiaoqu-gateway"}
    elsewhere = [Path(folder) / package for folder in sys.path if (Path(folder) / package).is_dir()]
    assert {path.resolve() for path in elsewhere} == {ROOT / package}


def test_the_wheel_holds_our_four_packages() -> None:
    assert tuple(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_says_its_one_idea_in_its_first_line(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert said.split("\n")[0].strip()


def test_no_module_is_too_long_to_read_at_once() -> None:
    long = {named(path): count for path in MODULES if (count := len(path.read_text("utf-8").splitlines())) > LINES}
    assert not long


def test_the_rules_need_nothing_but_the_standard_library() -> None:
    needed = set()
    for path in (ROOT / "rules").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                needed |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                needed.add(node.module or "")
    assert {name.split(".")[0] for name in needed} <= sys.stdlib_module_names | {"rules"}


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_dependency_has_its_reason_on_paper() -> None:
    groups = PYPROJECT["dependency-groups"]
    asked = [*PYPROJECT["project"]["dependencies"], *(one for group in groups.values() for one in group)]
    paper = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    names = {re.split(r"[<>=~!; ]", one)[0] for one in asked}
    assert not {name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", paper)}


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    assert not [(named(path), hit.group()) for path, text in texts() if (hit := PERSONAL_PATH.search(text))]


def test_no_file_names_the_host_of_a_registry() -> None:
    assert not [(named(path), hit.group()) for path, text in texts() if (hit := HOST.search(text))]
