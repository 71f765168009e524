"""How slips reach a police station, as the configuration says it: files where it says nothing, mistakes all at once."""

from pathlib import Path

import pytest

from gateway.routes import MqttRoute, Police, Routes, WebhookRoute
from gateway.settings import SettingsError, load

COMMUNITY = """
[[communities]]
id = "yuan"
name = "测试苑"
street = "测试街道"
police_station = "jiangwan"
portals = ["gate"]
"""


def read(folder: Path, police: str) -> tuple[Police, ...]:
    (folder / "gateway.toml").write_text(COMMUNITY + police, encoding="utf-8")
    return load(folder / "gateway.toml", {}).police


def test_a_station_that_nothing_is_said_of_gets_files_at_half_past_eight(tmp_path: Path) -> None:
    assert read(tmp_path, "") == ()
    other = Routes().of("jiangwan")
    assert (f"{other.file.at:%H:%M}" if other.file else "", other.mqtt, other.webhook) == ("08:30", False, None)
    (named,) = read(tmp_path, '[[police]]\nname = "jiangwan"\n')
    assert named.routes == other.routes


def test_each_route_is_said_with_its_settings_and_files_lie_beside_the_configuration(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path,
        '[[police]]\nname = "jiangwan"\nroutes = [{ kind = "mqtt" }, { kind = "file", at = 09:00:00 },\n'
        '{ kind = "webhook", url = "https://police.example/slips", secret_file = "one.secret" }]\n',
    )
    assert isinstance(found.routes[0], MqttRoute)
    hook = WebhookRoute(url="https://police.example/slips", secret_file=tmp_path / "one.secret")
    assert (found.webhook, found.mqtt, f"{found.file.at:%H:%M}" if found.file else "") == (hook, True, "09:00")
    assert Routes([found]).with_webhook() == [found]


@pytest.mark.parametrize(
    ("said", "mistake"),
    [
        ('name = "hekou"', "no community has this police station"),
        ('name = "jiangwan"\n[[police]]\nname = "jiangwan"', "stands 2 times"),
        ('name = "jiangwan"\nroutes = []', "at least 1"),
        ('name = "jiangwan"\nroutes = [{ kind = "fax" }]', "does not match any of the expected tags"),
        ('name = "jiangwan"\nroutes = [{ kind = "mqtt" }, { kind = "mqtt" }]', "each kind at most"),
        ('name = "jiangwan"\nroutes = [{ kind = "webhook", url = "http://10.0.0.1/", secret_file = "s" }]', "https://"),
        ('name = "jiangwan"\nroutes = [{ kind = "webhook", url = "https://a:b@c/", secret_file = "s" }]', "a user"),
        ('name = "jiangwan"\nroutes = [{ kind = "webhook", url = "ftp://police", secret_file = "s" }]', "no address"),
        (
            'name = "jiangwan"\nroutes = [{ kind = "webhook", url = "https://a/\\r\\nb", secret_file = "s" }]',
            "no address",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, said: str, mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        read(tmp_path, f"[[police]]\n{said}\n")
