from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from drivers import ascii_line, ga467, relay, wiegand
from drivers.api import StreamDriver
from drivers.registry import BadSettings, find, known, settings_for


@dataclass(frozen=True, slots=True)
class Everything:
    must: str
    mode: Literal["a", "b"] = "a"
    count: int = 1
    share: float = 0.5
    loud: bool = False
    key: str | None = None
    lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.count > 9:
            raise ValueError("count: at most 9")
        if self.count < 0:
            raise KeyError(self.must)


DRIVER = StreamDriver("everything", Everything, relay.LcusRelay)
NOT_A_DRIVER = 7


@pytest.mark.parametrize("driver", [ga467.DRIVER, wiegand.DRIVER, ascii_line.DRIVER, relay.LCUS], ids=lambda d: d.name)
def test_our_own_drivers_are_found_by_name_like_anybody_elses(driver: StreamDriver) -> None:
    assert find(driver.name) is driver
    assert driver.name in known()


def test_a_driver_in_one_file_is_found_by_module_and_attribute() -> None:
    assert find("drivers.ga467:DRIVER") is ga467.DRIVER


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ga468", "ga467"),
        ("", "known are"),
        ("no_such_module:DRIVER", "no_such_module"),
        ("drivers.ga467:DRIVR", "DRIVR"),
        ("drivers.ga467:SamReader", "not a driver"),
        (":DRIVER", "cannot be loaded"),
        ("drivers.ga467:", "cannot be loaded"),
    ],
)
def test_what_is_no_driver_is_refused_with_what_is_known(name: str, said: str) -> None:
    with pytest.raises(LookupError, match=said):
        find(name)


@pytest.mark.parametrize(
    "does", ["raise RuntimeError('no such board')", "raise KeyError('x')", "open('/no/such')", "exit(3)"]
)
def test_a_module_that_fails_in_any_way_when_it_is_imported_is_no_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    (tmp_path / "broken_driver.py").write_text(does, encoding="ascii")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LookupError, match="'broken_driver:DRIVER' cannot be loaded"):
        find("broken_driver:DRIVER")


def test_settings_that_fail_in_any_way_are_refused_without_quoting_a_value() -> None:
    with pytest.raises(BadSettings, match="they fail: KeyError") as refused:
        settings_for(DRIVER, {"must": "secret", "count": -1})
    assert "secret" not in str(refused.value)


def test_settings_are_made_from_a_table() -> None:
    table = {"must": "x", "mode": "b", "count": 2, "share": 1, "loud": True, "key": "k", "lengths": [35, 37]}
    assert settings_for(DRIVER, table) == Everything("x", "b", 2, 1.0, True, "k", (35, 37))
    assert settings_for(DRIVER, {"must": "x"}) == Everything("x")
    assert settings_for(ga467.DRIVER, {"read": "identity"}) == ga467.Settings(read="identity")


def test_every_mistake_is_named_at_once_and_no_value_is_quoted() -> None:
    table = {"mode": "secret-c", "count": "secret", "share": "x", "loud": 1, "key": 5, "lengths": ["secret"], "huh": 1}
    with pytest.raises(BadSettings) as refused:
        settings_for(DRIVER, table)
    named = [problem.split(":")[0] for problem in refused.value.problems]
    assert sorted(named) == ["count", "huh", "key", "lengths", "loud", "mode", "must", "share"]
    assert "secret" not in str(refused.value)


def test_what_the_driver_itself_refuses_is_a_mistake_too() -> None:
    with pytest.raises(BadSettings, match="at most 9"):
        settings_for(DRIVER, {"must": "x", "count": 10})


def test_true_is_not_a_number() -> None:
    with pytest.raises(BadSettings, match="count: must be a whole number"):
        settings_for(DRIVER, {"must": "x", "count": True})
