"""The keys of tokens at a station: from its enrolment and from rosters, kept sealed, used together with a roster."""

from pathlib import Path

import msgspec
import pytest

from gateway.bundle import pack
from gateway.keys import NotAuthentic
from gateway.station.assembly import Incoming
from gateway.station.roster import load, save
from gateway.station.token_keys import TokenKeys
from gateway.wire import RosterPart, TokenKey
from tests.gateway import rosters

FIRST, SECOND, THIRD = (rosters.MASTER.token_key(rosters.COMMUNITY, n) for n in (1, 2, 3))


def bundle(key: int, version: int = 2) -> bytes:
    header = msgspec.structs.replace(rosters.header(version, version), token_key_id=key)
    return pack(header, [rosters.person()], rosters.MASTER.sign)


def test_keys_that_came_are_there_after_a_start_and_cannot_be_read_from_the_disk(tmp_path: Path) -> None:
    keys = TokenKeys(tmp_path, rosters.enrolled())
    assert keys.known == {1: FIRST}
    keys.keep(keys.with_those([TokenKey(2, SECOND), TokenKey(1, FIRST)]))
    assert TokenKeys(tmp_path, rosters.enrolled()).known == {1: FIRST, 2: SECOND}
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    for secret in (SECOND, msgspec.json.encode(SECOND)[1:-1]):
        assert secret not in file.read_bytes()


def test_a_key_that_is_named_no_more_is_forgotten(tmp_path: Path) -> None:
    keys = TokenKeys(tmp_path, rosters.enrolled())
    keys.keep(keys.with_those([TokenKey(2, SECOND), TokenKey(1, FIRST)]))
    keys.keep(keys.with_those([TokenKey(3, THIRD)]))
    assert set(TokenKeys(tmp_path, rosters.enrolled()).known) == {1, 3}, "that of its enrolment it has anyhow"
    keys.keep(keys.with_those([]))
    assert set(keys.known) == {1, 3}


def test_a_file_of_another_box_or_damaged_is_not_used(tmp_path: Path) -> None:
    keys = TokenKeys(tmp_path, rosters.enrolled())
    keys.keep(keys.with_those([TokenKey(2, SECOND)]))
    other = msgspec.structs.replace(rosters.enrolled(), secret=bytes(32))
    assert TokenKeys(tmp_path, other).known == {1: FIRST}
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert TokenKeys(tmp_path, rosters.enrolled()).known == {1: FIRST}


def test_a_roster_on_the_disk_whose_key_is_not_known_is_not_used(tmp_path: Path) -> None:
    save(tmp_path, bundle(2))
    public = rosters.MASTER.roster_public()
    assert load(tmp_path, public, rosters.COMMUNITY, {1}) is None
    assert load(tmp_path, public, rosters.COMMUNITY, {1, 2}) is not None


def test_a_roster_comes_with_its_keys_or_is_refused() -> None:
    incoming = Incoming(rosters.enrolled(), None)
    with pytest.raises(NotAuthentic, match="key"):
        incoming.add(RosterPart(2, 1, 1, bundle(2)))
    assert incoming.version == 0, "it is asked for again"
    found = incoming.add(RosterPart(2, 1, 1, bundle(2), [TokenKey(2, SECOND)]))
    assert found is not None
    assert found.keys == (TokenKey(2, SECOND),)
    assert Incoming(rosters.enrolled(), None, [1, 2]).add(RosterPart(2, 1, 1, bundle(2))) is not None


def test_keys_come_with_the_first_of_many_parts_in_whatever_order() -> None:
    data, incoming = bundle(2), Incoming(rosters.enrolled(), None)
    parts = [RosterPart(2, 1, 2, data[:50], [TokenKey(2, SECOND)]), RosterPart(2, 2, 2, data[50:])]
    assert incoming.add(parts[1]) is None
    found = incoming.add(parts[0])
    assert found is not None
    assert found.keys == (TokenKey(2, SECOND),)
