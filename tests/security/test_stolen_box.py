"""A box is stolen: what its disk gives, and what its disk and key give. docs/threat-model.md lists exactly this."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import msgspec
import pytest

from gateway.bundle import unpack
from gateway.keys import Enrolled, Envelope, Master, NotAuthentic, derive
from gateway.wire import StationTopics, SwipeRecord
from rules.model import Credential, CredentialKind, token_of
from simulators.sam import Card
from tests.e2e.pair import OTHER, YUAN
from tests.e2e.rig import wait_until
from tests.security.site import HERE, KNOWN, Site, Someone, forms_of, known_at_the_gate, running

pytestmark = [pytest.mark.long, pytest.mark.real("mosquitto"), pytest.mark.timeout(600)]

STRANGER = Someone(998, "尉迟建军", date(1901, 2, 3))
LISTED = Someone(997, "宇文秀英", date(1902, 3, 4))


@dataclass(frozen=True)
class Loot:
    """What the thief has: the box's disk, and its enrolment where they got that, too. The rest is the world's."""

    disk: Path
    enrolled: Enrolled
    enrolment: bytes
    master: Master

    def files(self) -> Iterator[tuple[str, bytes]]:
        for file in self.disk.rglob("*"):
            if file.is_file():
                yield str(file.relative_to(self.disk)), file.read_bytes()

    def swipes(self) -> list[SwipeRecord]:
        (spool,) = self.disk.rglob("spool.sqlite3")
        connection = sqlite3.connect(spool)
        rows = connection.execute("SELECT record FROM swipes UNION ALL SELECT record FROM plain").fetchall()
        connection.close()
        return [msgspec.json.decode(row[0], type=SwipeRecord) for row in rows]

    def token(self, number: str) -> bytes:
        return token_of(self.enrolled.token_key, Credential(CredentialKind.CITIZEN_ID, number))


@pytest.fixture(scope="module")
def loot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loot]:
    folder = tmp_path_factory.mktemp("box")
    with running(folder) as site:
        _pass_by(site)
        site.station.stop()
        disk = folder / "disk"
        shutil.copytree(site.station.folder, disk)
        enrolment = (folder / "station.enrolment").read_bytes()
        yield Loot(disk, Enrolled.loads(enrolment.decode()), enrolment, site.centre.master)


def _pass_by(site: Site) -> None:
    row = {"kind": "citizen-id", "number": LISTED.number, "name": LISTED.name, "since": "2026-01-01", "room": "102室"}
    site.ask("PUT", f"{HERE}/enrolments", {"rows": [row]})
    known_at_the_gate(site, 2)
    site.present(Card(name=STRANGER.name, number=STRANGER.number))
    wait_until(site.settled, 60, "the centre has both")


def test_the_disk_alone_gives_nobody_and_no_key(loot: Loot) -> None:
    """Times, gates, verdicts and tokens; a token says nothing to whoever has no key."""
    texts = [text for one in (KNOWN, LISTED, STRANGER) for text in one.texts]
    keys = [loot.enrolled.secret, loot.enrolled.token_key, derive(loot.enrolled.secret, "up")]
    for name, data in loot.files():
        assert [text for text in texts for form in forms_of(text) if len(form) >= 6 and form in data] == [], name
        assert [key for key in keys if key in data or key.hex().encode() in data] == [], name
        assert loot.enrolment not in data, name
    held = [name for name, data in loot.files() if b"PRIVATE KEY" in data]
    assert held == ["data/station-yuan-1/identity-1.pem"], "its way in at the broker"


def test_with_its_certificate_alone_nothing_is_read_and_nothing_forged(loot: Loot) -> None:
    """Whoever comes in at the broker as this station hears and says only what the station's secret seals."""
    topics, keys = StationTopics(YUAN, "yuan-1"), loot.master.station("yuan-1", 1)
    certificate = next(data for name, data in loot.files() if name.endswith("identity-1.pem"))
    for guess in (bytes(32), derive(certificate, "up"), derive(certificate, "down")):
        thief = Envelope(guess, loot.enrolled.keys.key_id)
        with pytest.raises(NotAuthentic):
            keys.up().unwrap(topics("swipe"), thief.wrap(topics("swipe"), b"{}"))
        with pytest.raises(NotAuthentic):
            thief.unwrap(topics("roster"), keys.down().wrap(topics("roster"), b"{}"))


def test_the_disk_gives_when_which_gate_was_passed_and_how_it_decided(loot: Loot) -> None:
    swipes = loot.swipes()
    assert {one.portal for one in swipes} == {"gate"}
    assert {one.verdict for one in swipes} >= {"grant", "attend"}
    assert all(one.at > 0 and len(one.token or b"") == 16 for one in swipes)
    assert [one.sealed is not None for one in swipes if one.token == loot.token(KNOWN.number)][-1] is False


def test_disk_and_key_tell_a_guessed_number_of_this_compound_and_when_it_passed(loot: Loot) -> None:
    passed = {one.token for one in loot.swipes()}
    assert loot.token(KNOWN.number) in passed
    assert loot.token(STRANGER.number) in passed
    assert loot.token(LISTED.number) not in passed
    rosters = [data for _, data in loot.files() if data.startswith(_magic(loot))]
    (known, *_) = [unpack(data, loot.enrolled.roster_public, YUAN) for data in rosters]
    found = known.find(loot.token(LISTED.number))
    assert found is not None, "who may pass here, by guessing"
    told = {one.name for one in fields(found)} - {"token", "portals", "schedule", "count_only", "enrolled"}
    registered = {"registered_until", "registered_elsewhere"}
    assert told == {"since", "until", "role", "lost", "age_band"} | registered, "docs/threat-model.md lists these"
    assert known.find(loot.token(STRANGER.number)) is None


def test_disk_and_key_open_no_seal_and_no_other_compound_and_forge_no_roster(loot: Loot) -> None:
    (sealed,) = {one.sealed for one in loot.swipes() if one.token == loot.token(STRANGER.number) and one.sealed}
    for key in (loot.enrolled.secret, loot.enrolled.token_key):
        thief = Master(key)
        with pytest.raises(NotAuthentic):
            thief.unseal(sealed, "yuan-1", "0" * 16, 1)
        with pytest.raises(NotAuthentic):
            unpack(_resigned(loot, thief), loot.enrolled.roster_public, YUAN)
    assert loot.master.token_key(OTHER) != loot.enrolled.token_key
    topic = StationTopics(OTHER, "other-1")("swipe")
    forged = loot.enrolled.keys.up().wrap(topic, b"{}")
    with pytest.raises(NotAuthentic):
        loot.master.station("other-1", 1).up().unwrap(topic, forged)


def _magic(loot: Loot) -> bytes:
    """How a roster on this disk begins."""
    (first, *_) = [data for name, data in loot.files() if "roster" in Path(name).name]
    return first[:4]


def _resigned(loot: Loot, thief: Master) -> bytes:
    (data, *_) = [data for name, data in loot.files() if "roster" in Path(name).name]
    return data[:-64] + thief.sign(data[:-64])
