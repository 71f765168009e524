"""A box is stolen: it is revoked, the compound's tokens get a new key, and nobody at the other gate notices."""

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openpyxl import load_workbook

from gateway.keys import Master
from rules.model import Credential, CredentialKind, token_of
from simulators.ascii_line import AsciiDevice
from simulators.line import PtyLine
from tests.e2e.pair import YUAN, Box, Office, box, office
from tests.e2e.rig import get, wait_until
from tests.gateway.centre.office import number

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.timeout(600), pytest.mark.xdist_group("e2e")]

CODE = "71000001"
CARD, OTHER_CARD = "04A1B2C3", "04D4E5F6"


def named(master: Master, kind: CredentialKind, number: str, key: int) -> bytes:
    return token_of(master.token_key(YUAN, key), Credential(kind, number))


def swipes(centre: Office, kind: str) -> list[tuple[bytes, str]]:
    return centre.rows("SELECT token, verdict FROM swipes WHERE kind = ? ORDER BY id", kind)  # type: ignore[return-value]


def owners(centre: Office) -> set[tuple[int, str]]:
    """Whose the stored swipes are, as the centre finds it: person and verdict."""
    joined = "SELECT c.person, s.verdict FROM swipes s LEFT JOIN credentials c ON c.token = s.token"
    return set(centre.rows(joined))  # type: ignore[arg-type]


def in_use(station: Box, rows: int, times: int = 1) -> bool:
    return station.log().count(f"with {rows} rows is in use") >= times


@contextmanager
def two_boxes(folder: Path) -> Iterator[tuple[Office, Box, Callable[[str], bool]]]:
    """A centre; a station with a roster of one visitor and of somebody with two cards; how to show it a card."""
    stays, gone = folder / "yuan-1.enrolment", folder / "yuan-2.enrolment"
    reader = AsciiDevice("length-xor")
    with office(folder / "centre") as centre, PtyLine(reader, folder / "line-cards"):
        centre.enrol("yuan-1", stays)
        centre.enrol("yuan-2", gone)
        with box(folder / "station", stays, start=False) as station:
            station.write_config(
                f'[[readers]]\nid = "cards"\nportal = "gate"\ndirection = "in"\ndriver = "ascii-line"\n'
                f'url = "{folder / "line-cards"}"\nsettings = {{ frame = "length-xor" }}\n'
            )
            station.start()
            wait_until(station.connected, 60, "the station is connected")
            centre.let_in(CODE)
            cards = [{"kind": "card-uid", "number": one} for one in (CARD, OTHER_CARD)]
            row = {"kind": "citizen-id", "number": number(1), "name": "测试甲", "role": "resident", "cards": cards}
            row |= {"building": "1", "unit": "1", "room": "101", "since": "2026-01-01"}
            assert centre.ask("PUT", f"/communities/{YUAN}/enrolments", {"rows": [row]})[0] == 200
            wait_until(lambda: in_use(station, 4), 60, "the station has the roster")

            def card_opens(uid: str) -> bool:
                station.shut.wait(10)
                station.opened.clear()
                reader.show(uid)
                return station.opened.wait(10)

            yield centre, station, card_opens


def revoked(centre: Office) -> None:
    """Revoke the other box, and read the list of who must be told."""
    cut = json.loads(centre.gateway("station", "revoke", "yuan-2"))
    assert (cut["token_key"], cut["waiting"], cut["people"], cut["to_tell"]) == (2, 2, 2, 1)
    told = Path(cut["told"])
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    (sheet,) = load_workbook(told).worksheets
    who = list(sheet.values)[1]
    assert (who[:4], who[5]) == (("测试甲", "1", "1", "101"), "是")


def test_a_stolen_box_costs_its_key_and_no_card_and_no_swipe(tmp_path: Path) -> None:
    with two_boxes(tmp_path) as (centre, station, card_opens):
        assert card_opens(CARD)
        wait_until(lambda: len(swipes(centre, "card-uid")) == 1, 60, "it is stored")
        centre.stop()
        wait_until(lambda: not station.connected(), 60, "the centre is away")
        assert card_opens(CARD)
        assert station.show(CODE)
        revoked(centre)

        centre.start()
        wait_until(lambda: in_use(station, 4, 2), 60, "the roster by the new key is in use")
        wait_until(lambda: len(swipes(centre, "card-uid")) == 2, 60, "what waited in the spool is stored")
        old = named(centre.master, CredentialKind.CARD_UID, CARD, 1)
        assert {token for token, _ in swipes(centre, "card-uid")} == {old}
        assert None not in {person for person, _ in owners(centre)}, "swipes by the old key are their persons'"

        assert station.show(CODE), "a number is known by its new token at once"
        assert card_opens(CARD), "a card opens by the token that it had"
        new = named(centre.master, CredentialKind.CARD_UID, CARD, 2)
        wait_until(lambda: new in {token for token, _ in swipes(centre, "card-uid")}, 60, "it has a new one")
        wait_until(lambda: in_use(station, 4, 3), 60, "the next roster has it by the new one alone")
        assert centre.rows("SELECT sealed FROM swipes WHERE sealed IS NOT NULL") == [], "its number is not kept"

        centre.stop()
        station.stop()
        station.start()
        wait_until(lambda: get(f"{station.url}/healthz")[0] > 0, 60, "the station answers")
        for uid in (CARD, OTHER_CARD):
            assert card_opens(uid), "a station that begins without the centre has the keys"
        centre.start()
        wait_until(lambda: len(swipes(centre, "card-uid")) == 5, 60, "all is stored")
        assert {verdict for _, verdict in swipes(centre, "card-uid")} == {"grant"}
        assert None not in {person for person, _ in owners(centre)}
        waits = "SELECT count(*) FROM credentials WHERE token_key < 2 AND NOT superseded"
        wait_until(lambda: centre.rows(waits) == [(0,)], 60, "no card waits any more")
        assert centre.reasons("yuan-1") == []
        assert "token key" not in station.log()
