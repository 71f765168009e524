"""The master key under a passphrase, and files that were sealed to be handed over, at the command line."""

import json
import stat
from pathlib import Path

import pytest

from gateway import wire
from gateway.__main__ import main
from gateway.centre.lawful import PURPOSE
from gateway.keeping import WORDS
from gateway.keys import NotAuthentic, load_or_create_master
from gateway.keys.sealed import HEAD, open_file, passphrase, seal_file
from gateway.store import tables as t
from gateway.store.queries import audit as acts
from rules.model import Credential, CredentialKind, token_of
from tests.gateway.centre.centres import running
from tests.gateway.centre.office import MASTER, YUAN, number

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


def test_a_sealed_file_that_was_changed_does_not_open() -> None:
    sealed = seal_file(b"plain", GOOD, "test")
    for at in (0, len(HEAD) - 1, len(HEAD), len(HEAD) + 16, -1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(NotAuthentic):
            open_file(bytes(changed), GOOD, "test")
    with pytest.raises(NotAuthentic):
        open_file(sealed[: len(HEAD) + 5], GOOD, "test")


def test_a_compounds_token_key_is_rotated_recorded_and_not_without_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as centre:
        row = {"kind": "citizen-id", "number": number(1), "name": "测试甲", "since": "2026-01-01", "room": "101室"}
        row |= {"cards": [{"kind": "card-uid", "number": "04A1B2C3"}]}
        path = f"/api/v1/communities/{YUAN}/enrolments"
        assert centre.ask("PUT", path, "property-here", {"rows": [row]}).status == 200
        for made in range(2, 2 + wire.MAX_OLDER):
            assert keys(tmp_path, "rotate", "--community", YUAN) == 0
            said = json.loads(capsys.readouterr().out)
            assert said == {"community": YUAN, "token_key": made, "waiting": 1}
            with centre.database().read() as connection:
                rows = connection.execute(t.credentials.select().where(~t.credentials.c.superseded)).all()
                (noted,) = acts.newest(connection, 1)
            held = {(one.kind, one.token_key, one.token) for one in rows}
            assert ("citizen-id", made, token_by(made)) in held, "whose number is known has a new token at once"
            assert {one[1] for one in held if one[0] == "card-uid"} == {1}, "a card keeps its own until it is shown"
            assert (noted.act, noted.about) == ("key.rotate", f"communities/{YUAN}")
        assert keys(tmp_path, "rotate", "--community", YUAN) == 2, "too many keys would be good at a time"
        assert keys(tmp_path, "rotate", "--community", "nowhere") == 2


def token_by(key: int) -> bytes:
    return token_of(MASTER.token_key(YUAN, key), Credential(CredentialKind.CITIZEN_ID, number(1)))
