"""What the composition root decides by itself."""

import logging
from pathlib import Path

import pytest

from gateway import app
from gateway.settings import load

ROOT = Path(__file__).parents[2]


def test_the_samples_are_without_a_mistake() -> None:
    mistakes, _ = app.check(ROOT / "config" / "gateway.toml")
    assert mistakes == []


def test_what_a_training_policy_asks_less_is_noted_and_no_mistake(tmp_path: Path) -> None:
    text = (ROOT / "config" / "gateway.toml").read_text(encoding="utf-8")
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    short = (ROOT / "config" / "policy-short.toml").read_text(encoding="utf-8")
    (tmp_path / "policy.toml").write_text(short, encoding="utf-8")
    mistakes, remarks = app.check(tmp_path / "gateway.toml")
    assert mistakes == []
    assert any("safeguards" in remark for remark in remarks)


ELSEWHERE = 'managed = false\nurl = "mqtt://gate.example:1883"\n'
SECURE = 'listen = "0.0.0.0"\nhost = "gate.example"\n'


@pytest.mark.parametrize(
    ("broker", "said"),
    [
        ("port = 0", "broker.port: 0 is no port"),
        (SECURE + "tls_port = 0", "broker.tls_port: 0 is no port"),
        (SECURE + "port = 8883", "broker.tls_port: port 8883 is broker.port, too"),
        ("tls = true\ntls_port = 8080", "broker.tls_port: port 8080 is centre.port, too"),
        ('ca_file = "/nonexistent"', "broker.ca_file: there is no file /nonexistent"),
        ('certificate_file = "/nonexistent"', "broker.certificate_file: there is no file /nonexistent"),
        ('password_file = "/nonexistent"', "broker.password_file: there is no file /nonexistent"),
        (ELSEWHERE, "broker.url: mqtt:// sends passwords in the clear"),
        ('managed = false\nurl = "mqtt://"', "broker.url: it names no host"),
        ('managed = false\nurl = "mqtt://["', "broker.url: it is no address"),
    ],
)
def test_a_broker_that_cannot_be_reached_or_believed_is_a_mistake(tmp_path: Path, broker: str, said: str) -> None:
    found = mistakes_with(tmp_path, broker)
    assert len(found) == 1
    assert found[0].startswith(said)


@pytest.mark.parametrize(
    "broker",
    [
        ELSEWHERE + "cleartext = true",
        ELSEWHERE.replace("mqtt:", "mqtts:"),
        ELSEWHERE.replace("gate.example", "localhost"),
        ELSEWHERE.replace("gate.example", "[::1]"),
        "tls_port = 1883",
        "tls_port = 0",
    ],
)
def test_a_broker_that_can_be_reached_safely_is_none(tmp_path: Path, broker: str) -> None:
    assert mistakes_with(tmp_path, broker) == []


def mistakes_with(folder: Path, broker: str) -> list[str]:
    (folder / "gateway.toml").write_text(f"[broker]\n{broker}\n", encoding="utf-8")
    (folder / "policy.toml").write_text((ROOT / "config" / "policy.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return app.check(folder / "gateway.toml")[0]


def test_what_libraries_say_of_a_start_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    before = {name: logging.getLogger(name).level for name in ("alembic", "uvicorn")}
    try:
        app._log(load(ROOT / "config" / "gateway.toml", {}))
        assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.INFO)
        assert not logging.getLogger("alembic.runtime.migration").isEnabledFor(logging.INFO)
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
