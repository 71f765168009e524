"""The master key under a passphrase, and files that were sealed to be handed over, at the command line."""

import stat
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.centre.lawful import PURPOSE
from gateway.keeping import WORDS
from gateway.keys import NotAuthentic, load_or_create_master
from gateway.keys.sealed import HEAD, open_file, passphrase, seal_file

CONFIG = 'data = "data"\n'
GOOD = "correct horse battery"


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gateway.toml").write_text(CONFIG, encoding="utf-8")
    load_or_create_master(tmp_path / "data" / "master.key")
    monkeypatch.setenv(WORDS, GOOD)
    return tmp_path


def keys(centre: Path, *words: str) -> int:
    return main(["keys", *words, "--config", str(centre / "gateway.toml")])


def test_a_key_comes_back_by_its_passphrase_and_is_never_overwritten(
    centre: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, kept = centre / "data" / "master.key", centre / "kept"
    before = key.read_bytes()
    assert keys(centre, "backup", str(kept)) == 0
    assert "cannot be had back, by anybody" in capsys.readouterr().out
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert before.strip() not in kept.read_bytes()
    assert bytes.fromhex(before.decode()) not in kept.read_bytes()
    assert keys(centre, "restore", str(kept)) == 2, "there is one already"
    key.unlink()
    monkeypatch.setenv(WORDS, GOOD + "x")
    assert keys(centre, "restore", str(kept)) == 1
    assert not key.exists()
    monkeypatch.setenv(WORDS, GOOD)
    assert keys(centre, "restore", str(kept)) == 0
    assert key.read_bytes() == before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_short_passphrase_keeps_no_key(centre: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORDS, "too short")
    assert keys(centre, "backup", str(centre / "kept")) == 2
    assert not (centre / "kept").exists()


def test_what_was_handed_over_is_opened_with_its_words_alone(centre: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, file, out = passphrase(), centre / "lawful-1.sealed", centre / "passes.xlsx"
    file.write_bytes(seal_file(b"PK passes", words, PURPOSE))
    assert keys(centre, "open", str(file), "--out", str(out)) == 1
    monkeypatch.setenv(WORDS, f" {words}\n")
    assert keys(centre, "open", str(file)) == 2
    assert keys(centre, "open", str(file), "--out", str(out)) == 0
    assert out.read_bytes() == b"PK passes"
    assert keys(centre, "restore", str(file)) == 1, "a file of one purpose is none of another"


@pytest.mark.parametrize("at", [0, len(HEAD) - 1, len(HEAD), len(HEAD) + 16, len(HEAD) + 28, -1])
def test_a_sealed_file_that_was_changed_does_not_open(at: int) -> None:
    sealed = bytearray(seal_file(b"plain", GOOD, "test"))
    sealed[at] ^= 1
    with pytest.raises(NotAuthentic):
        open_file(bytes(sealed), GOOD, "test")
    with pytest.raises(NotAuthentic):
        open_file(bytes(sealed[: len(HEAD) + 5]), GOOD, "test")
