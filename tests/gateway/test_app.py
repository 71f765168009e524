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


def test_what_libraries_say_of_a_start_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    before = {name: logging.getLogger(name).level for name in ("alembic", "uvicorn")}
    try:
        app._log(load(ROOT / "config" / "gateway.toml", {}))
        assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.INFO)
        assert not logging.getLogger("alembic.runtime.migration").isEnabledFor(logging.INFO)
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
