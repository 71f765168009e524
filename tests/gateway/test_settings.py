"""The configuration: what is wrong with it is said all at once, and the safe reading is the default."""

from datetime import date
from pathlib import Path

import pytest

from gateway.settings import Settings, SettingsError, load
from rules.indicators import Indicator

ROOT = Path(__file__).parents[2]

GOOD = """
[station]
name = "yuan-1"
community = "yuan"

[[communities]]
id = "yuan"
name = "苑"
street = "街道"
police_station = "jiangwan"
portals = ["east"]

[[portals]]
id = "east"
name = "东门"
attended = "07:00-22:00"
unattended = "grant"
opener = "relay"

[[readers]]
id = "east-in"
portal = "east"
direction = "in"
driver = "ga467"
url = "/dev/null"

[[outputs]]
id = "relay"
driver = "relay-lcus"
url = "/dev/null"
"""


def read(folder: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environment or {})


def mistakes(folder: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text, environment)
    return caught.value.mistakes


def test_the_shipped_sample_is_good() -> None:
    settings = load(ROOT / "config" / "gateway.toml", {})
    assert settings.station is not None
    assert settings.centre.policy == ROOT / "config" / "policy.toml"
    assert settings.database == f"sqlite:///{ROOT / 'config' / '..' / 'data' / 'centre.sqlite3'}"


def test_the_good_file_of_these_tests_is_good(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).portals[0].opener == "relay"


def test_every_mistake_is_said_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace('opener = "relay"', 'opener = "nobody"\npulse_seconds = "long"\ncolour = "red"')
        .replace('direction = "in"', 'direction = "up"')
        .replace('portal = "east"', 'portal = "west"')
    )
    said = "\n".join(mistakes(tmp_path, text))
    for place in ("pulse_seconds", "colour", "direction", "no output 'nobody'", "no portal 'west'"):
        assert place in said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('unattended = "grant"', 'unattended = "hope"', "unattended"),
        ('unattended = "grant"', "", "unattended"),
        ('attended = "07:00-22:00"', "", "attended"),
        ('attended = "07:00-22:00"', 'attended = "7-22"', "attended"),
        ('attended = "07:00-22:00"', 'attended = "22:00-07:00"', "ends before it begins"),
        ('attended = "07:00-22:00"', 'attended = "09:00-09:00"', "ends before it begins"),
        ('name = "yuan-1"', 'name = "Yuan 1"', "station.name"),
        ('name = "yuan-1"', 'name = "centre"', "station.name"),
        ('name = "yuan-1"', 'name = "police-jiangwan"', "station.name"),
        ('community = "yuan"', 'community = "nowhere"', "no community 'nowhere'"),
        ('portals = ["east"]', 'portals = ["west"]', "does not list the portal 'east'"),
        ('id = "relay"', 'id = "east-in"', "is a reader and an output"),
    ],
)
def test_a_mistake_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    assert said in "\n".join(mistakes(tmp_path, GOOD.replace(before, after, 1)))


def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    again = '\n[[outputs]]\nid = "relay"\ndriver = "relay-lcus"\nurl = "/dev/null"\n'
    assert "output 'relay' stands 2 times" in "\n".join(mistakes(tmp_path, GOOD + again))


def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    over = {"GATEWAY__CENTRE__PORT": "9000", "GATEWAY__BROKER__MANAGED": "false", "HOME": "/nowhere"}
    settings = read(tmp_path, GOOD, over | {"GATEWAY__BROKER__URL": "mqtts://broker:8883"})
    assert (settings.centre.port, settings.broker.managed, settings.broker.url) == (9000, False, "mqtts://broker:8883")


def test_an_unknown_name_in_the_environment_is_refused_with_all_the_rest(tmp_path: Path) -> None:
    over = {"GATEWAY__CENTRE__PROT": "9000", "GATEWAY__DATA__PLACE": "x", "GATEWAY__READERS__0__URL": "x"}
    said = "\n".join(mistakes(tmp_path, 'data = "d"\ncolour = 1\n' + GOOD, over))
    for place in ("prot", "colour", "GATEWAY__DATA__PLACE", "GATEWAY__READERS__0__URL"):
        assert place in said


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.10", "gate.local", "::"])  # noqa: S104 - refused
@pytest.mark.parametrize("part", ["CENTRE", "STATION"])
def test_pages_leave_the_machine_only_behind_a_declared_proxy(tmp_path: Path, host: str, part: str) -> None:
    place = {f"GATEWAY__{part}__HOST": host}
    assert "behind_proxy" in "\n".join(mistakes(tmp_path, GOOD, place))
    assert read(tmp_path, GOOD, place | {f"GATEWAY__{part}__BEHIND_PROXY": "true"}).portals


@pytest.mark.parametrize("text", ["[broker", "\x00", '[broker]\nport = "\ud83d"'.encode("utf-8", "replace").decode()])
def test_what_is_not_toml_is_one_mistake(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


def test_a_missing_file_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml", {})


def test_values_are_not_quoted_in_mistakes(tmp_path: Path) -> None:
    over = {"GATEWAY__BROKER__PORT": "my-secret-word"}
    assert "my-secret-word" not in "\n".join(mistakes(tmp_path, GOOD, over))


def test_a_broker_is_either_managed_or_named(tmp_path: Path) -> None:
    for over in ({"GATEWAY__BROKER__URL": "mqtt://x"}, {"GATEWAY__BROKER__MANAGED": "false"}):
        assert "managed" in "\n".join(mistakes(tmp_path, GOOD, over))
    http = {"GATEWAY__BROKER__MANAGED": "false", "GATEWAY__BROKER__URL": "http://x"}
    assert "mqtt://" in "\n".join(mistakes(tmp_path, GOOD, http))


def test_a_station_keeps_what_is_acknowledged_for_two_backups(tmp_path: Path) -> None:
    text = (
        (ROOT / "config" / "gateway.toml")
        .read_text(encoding="utf-8")
        .replace("keep_acknowledged_days = 3", "keep_acknowledged_days = 1.5")
    )
    file = tmp_path / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"1\.5 days are less than twice centre"):
        load(file, {})
    assert load(file, {"GATEWAY__CENTRE__BACKUP_INTERVAL_HOURS": "12"}).centre.backup_interval_hours == 12


def test_a_backup_every_few_microseconds_is_a_mistake(tmp_path: Path) -> None:
    over = {"GATEWAY__CENTRE__BACKUP_INTERVAL_HOURS": "1e-9"}
    assert "backup_interval_hours" in "\n".join(mistakes(tmp_path, GOOD, over))


@pytest.mark.parametrize(
    ("broker", "wrong"),
    [
        ('listen = "0.0.0.0"', "state host"),
        ('listen = "::"', "state host"),
        ('listen = "everywhere"', "an address of this machine"),
        ('listen = "0.0.0.0"\nhost = "a b"', "broker.host"),
    ],
)
def test_a_broker_that_stations_could_not_find_is_a_mistake(tmp_path: Path, broker: str, wrong: str) -> None:
    (tmp_path / "gateway.toml").write_text(f"[broker]\n{broker}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=wrong):
        load(tmp_path / "gateway.toml", {})


@pytest.mark.parametrize(
    ("broker", "secure", "reached"),
    [
        ("", False, "127.0.0.1"),
        ("tls = true", True, "127.0.0.1"),
        ('listen = "192.168.1.10"', True, "192.168.1.10"),
        ('listen = "0.0.0.0"\nhost = "gate.example"', True, "gate.example"),
        ('managed = false\nurl = "mqtts://x"\ntls = true', False, "127.0.0.1"),
    ],
)
def test_whoever_listens_beyond_this_machine_does_so_over_tls(
    tmp_path: Path, broker: str, secure: bool, reached: str
) -> None:
    (tmp_path / "gateway.toml").write_text(f"[broker]\n{broker}\n", encoding="utf-8")
    found = load(tmp_path / "gateway.toml", {}).broker
    assert (found.secure, found.reached_at) == (secure, reached)


def test_a_community_says_what_it_is_and_what_it_aims_at(tmp_path: Path) -> None:
    said = """central = true
gated = false
property_company = "江湾物业"
staff = 2
phase = "accept"
base_date = 2026-11-01
targets = { registration = 0.99, plates = 1.0 }
"""
    (one,) = read(tmp_path, GOOD.replace('portals = ["east"]\n', f'portals = ["east"]\n{said}')).communities
    assert (one.central, one.gated, one.staff, one.phase, one.base_date) == (
        True,
        False,
        2,
        "accept",
        date(2026, 11, 1),
    )
    assert one.targets == {Indicator.REGISTRATION: 0.99, Indicator.PLATES: 1.0}
    for wrong in ("targets = { beauty = 1.0 }", "targets = { plates = 95 }", 'phase = "soon"', "staff = -1"):
        assert len(mistakes(tmp_path, GOOD.replace('portals = ["east"]\n', f'portals = ["east"]\n{wrong}\n'))) == 1
