"""Keys: published vectors where there are any, and that nothing opens anywhere but where it belongs."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys import (
    Enrolled,
    Envelope,
    KeyFileError,
    Master,
    NotAuthentic,
    StationKeys,
    derive,
    load_or_create_master,
    read_secret,
    seal,
    verify,
    write_secret,
)
from rules.model import Credential, CredentialKind, token_of

KEY = bytes(range(32))
MASTER = Master(KEY)
TOPIC = "xq/v1/s/1/yuan/yuan-1/swipe"
EPOCH = "0123456789abcdef"

bytes_changed = st.tuples(st.integers(0, 10_000), st.integers(1, 255))


def changed(data: bytes, change: tuple[int, int]) -> bytes:
    place, bits = change[0] % len(data), change[1]
    return data[:place] + bytes((data[place] ^ bits,)) + data[place + 1 :]


def enrolled(**over: object) -> Enrolled:
    station = MASTER.station("yuan-1", 1)
    fields: dict[str, object] = {
        "station": "yuan-1",
        "community": "yuan",
        "generation": 1,
        "secret": station.secret,
        "token_key": MASTER.token_key("yuan"),
        "token_key_id": 1,
        "roster_public": MASTER.roster_public(),
        "identity_public": MASTER.identity_public(),
        "broker_url": "mqtt://127.0.0.1:1883",
    }
    return Enrolled(**{**fields, **over})  # type: ignore[arg-type]


def test_hkdf_is_that_of_rfc_5869() -> None:
    """Appendix A.3: no salt, no info; and ours is the same with our purpose as the info."""
    told = HKDF(hashes.SHA256(), 42, salt=None, info=b"").derive(bytes.fromhex("0b" * 22))
    assert told.hex() == ("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    same = HKDF(hashes.SHA256(), 32, salt=None, info=b"xq1\x1ftoken\x1fyuan").derive(KEY)
    assert derive(KEY, "token", "yuan") == MASTER.token_key("yuan") == same


@pytest.mark.parametrize(
    ("secret", "public", "message", "signature"),
    [
        (  # RFC 8032, 7.1, TEST 1
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b",
        ),
        (  # RFC 8032, 7.1, TEST 2
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ],
)
def test_signatures_are_those_of_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    made = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(bytes.fromhex(message))
    assert made.hex() == signature
    verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message))
    with pytest.raises(NotAuthentic):
        verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message) + b"\0")


@given(data=st.binary(max_size=200), change=bytes_changed)
def test_a_signature_is_for_these_bytes_alone(data: bytes, change: tuple[int, int]) -> None:
    signature = MASTER.sign(data)
    verify(MASTER.roster_public(), signature, data)
    with pytest.raises(NotAuthentic):
        verify(MASTER.roster_public(), changed(signature, change), data)
    with pytest.raises(NotAuthentic):
        verify(Master(KEY[::-1]).roster_public(), signature, data)


@given(signature=st.binary(max_size=70), public=st.binary(max_size=40))
def test_what_is_no_signature_or_no_key_is_not_authentic(signature: bytes, public: bytes) -> None:
    with pytest.raises(NotAuthentic):
        verify(public, signature, b"roster")


@given(plain=st.binary(max_size=300), change=bytes_changed)
def test_an_envelope_with_any_byte_changed_does_not_open(plain: bytes, change: tuple[int, int]) -> None:
    envelope = Envelope(KEY, 1)
    sealed = envelope.wrap(TOPIC, plain)
    assert envelope.unwrap(TOPIC, sealed) == plain
    with pytest.raises(NotAuthentic):
        envelope.unwrap(TOPIC, changed(sealed, change))


@given(data=st.binary(max_size=80))
def test_an_envelope_of_random_bytes_does_not_open(data: bytes) -> None:
    for forged in (data, b"\x01\x01" + data):
        with pytest.raises(NotAuthentic):
            Envelope(KEY, 1).unwrap(TOPIC, forged)


def test_an_envelope_opens_under_its_topic_key_and_direction_alone() -> None:
    keys = MASTER.station("yuan-1", 1)
    sealed = keys.up().wrap(TOPIC, b"{}")
    assert keys.up().unwrap(TOPIC, sealed) == b"{}"
    others = [
        (keys.down(), TOPIC),
        (keys.up(), TOPIC.replace("yuan-1", "yuan-2")),
        (MASTER.station("yuan-2", 1).up(), TOPIC),
        (MASTER.station("yuan-1", 2).up(), TOPIC),
        (StationKeys(keys.secret, 2).up(), TOPIC),
        (Master(KEY[::-1]).station("yuan-1", 1).up(), TOPIC),
    ]
    for envelope, topic in others:
        with pytest.raises(NotAuthentic):
            envelope.unwrap(topic, sealed)


def test_equal_payloads_are_never_equal_on_the_wire() -> None:
    envelope = Envelope(KEY, 1)
    assert len({envelope.wrap(TOPIC, b"{}") for _ in range(100)}) == 100


@given(plain=st.binary(max_size=200), change=bytes_changed)
def test_a_seal_opens_for_its_swipe_alone(plain: bytes, change: tuple[int, int]) -> None:
    sealed = seal(MASTER.identity_public(), plain, "yuan-1", EPOCH, 7)
    assert MASTER.unseal(sealed, "yuan-1", EPOCH, 7) == plain
    others = [("yuan-2", EPOCH, 7), ("yuan-1", EPOCH[::-1], 7), ("yuan-1", EPOCH, 8)]
    for station, epoch, seq in others:
        with pytest.raises(NotAuthentic):
            MASTER.unseal(sealed, station, epoch, seq)
    for forged in (changed(sealed, change), sealed[: change[0] % len(sealed)]):
        with pytest.raises(NotAuthentic):
            MASTER.unseal(forged, "yuan-1", EPOCH, 7)
    with pytest.raises(NotAuthentic):
        Master(KEY[::-1]).unseal(sealed, "yuan-1", EPOCH, 7)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), change=bytes_changed)
def test_a_field_opens_in_its_column_alone(text: str, change: tuple[int, int]) -> None:
    hidden = MASTER.hide("persons.name", text)
    assert MASTER.show("persons.name", hidden) == text
    assert hidden != MASTER.hide("persons.name", text)
    for column, what in (("persons.phone", hidden), ("persons.name", changed(hidden, change))):
        with pytest.raises(NotAuthentic):
            MASTER.show(column, what)


@given(data=st.binary(max_size=40))
def test_random_bytes_are_no_field_and_no_seal(data: bytes) -> None:
    for forged in (data, b"\x01" + data):
        with pytest.raises(NotAuthentic):
            MASTER.show("persons.name", forged)
        with pytest.raises(NotAuthentic):
            MASTER.unseal(forged, "yuan-1", EPOCH, 1)


def test_the_same_card_has_another_token_in_each_community() -> None:
    card = Credential(CredentialKind.CARD_UID, "04AABBCC")
    tokens = {token_of(MASTER.token_key(f"yuan-{i}"), card) for i in range(50)}
    assert len(tokens) == 50


def test_an_index_says_only_whether_numbers_are_equal() -> None:
    assert MASTER.index("1") == MASTER.index("1") != MASTER.index("2")
    assert MASTER.index("1") != Master(KEY[::-1]).index("1")


def test_nothing_secret_is_printed() -> None:
    station = MASTER.station("yuan-1", 1)
    box = enrolled()
    printed = " ".join(f"{thing} {thing!r}" for thing in (MASTER, station, station.up(), box))
    for secret in (KEY, station.secret, box.token_key, derive(station.secret, "up")):
        assert secret.hex() not in printed
        assert repr(secret)[2:-1] not in printed
    assert station.broker_password() not in printed


def test_an_enrolment_reads_back_as_it_was_written() -> None:
    box = enrolled()
    assert Enrolled.loads(box.dumps()) == box
    assert box.keys.broker_password() == MASTER.station("yuan-1", 1).broker_password()


@pytest.mark.parametrize(
    "over",
    [
        {"secret": "c2hvcnQ="},
        {"secret": "not base64: my-secret"},
        {"token_key": ""},
        {"roster_public": "AAAA"},
        {"version": 2},
        {"colour": "red"},
        {"generation": 0},
        {"station": "yuan-1/#"},
        {"community": "+"},
        {"community": "yuan\n"},
    ],
)
def test_what_is_no_enrolment_is_refused_without_being_quoted(over: dict[str, object]) -> None:
    text = msgspec.json.encode({**msgspec.json.decode(enrolled().dumps()), **over}).decode()
    with pytest.raises(KeyFileError) as caught:
        Enrolled.loads(text)
    assert "my-secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "null", '"my-secret"', "{}"])
def test_any_other_text_is_no_enrolment(text: str) -> None:
    with pytest.raises(KeyFileError) as caught:
        Enrolled.loads(text)
    assert "my-secret" not in str(caught.value)


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        load_or_create_master(tmp_path / "keys" / "master.key")
    finally:
        os.umask(old)
    path = tmp_path / "keys" / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o610])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    path.write_text(KEY.hex())
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_or_create_master(path)


@pytest.mark.parametrize("text", ["", "abc", KEY.hex()[:-2], KEY.hex() + "00", "ü" * 64])
def test_a_file_that_holds_no_key_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        load_or_create_master(path)
    assert not text or text not in str(caught.value)
    assert path.read_text(encoding="utf-8") == text


def test_a_secret_is_never_written_over(tmp_path: Path) -> None:
    write_secret(tmp_path / "one", "first")
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "one", "second")
    assert read_secret(tmp_path / "one") == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


def test_a_secret_for_which_the_disk_has_no_room_leaves_nothing(tmp_path: Path) -> None:
    """A file may not grow beyond 16 bytes here: the system writes those and refuses the rest, as a full disk does."""
    program = (
        "import resource, signal, sys; from pathlib import Path; from gateway.keys import write_secret\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n"
        "try:\n    write_secret(Path(sys.argv[1]), 'x' * 64)\nexcept OSError:\n    sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "key")], timeout=30, check=False)
    assert done.returncode == 7
    assert list(tmp_path.iterdir()) == []


def test_many_that_make_the_master_key_at_once_agree(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from gateway.keys import load_or_create_master\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(load_or_create_master(Path(sys.argv[1])).broker_password('x'))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "master.key")]
    pipe = subprocess.PIPE
    made = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in made:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said = [process.communicate("go\n", timeout=30)[0].strip() for process in made]
    assert len(said[0]) == 64
    assert said[0] == said[1]


def test_threads_that_make_the_master_key_at_once_agree(tmp_path: Path) -> None:
    together, made = threading.Barrier(8), []

    def make() -> None:
        together.wait()
        made.append(load_or_create_master(tmp_path / "master.key").broker_password("x"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
