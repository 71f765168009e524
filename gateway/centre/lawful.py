"""依法调取: passes given to an authority that the law gives them to, and no other way for anybody.

A request has a document and an authority; it is about one community, named gates and 24 hours at most, so never about
a person. One person enters it and another one releases it. What is handed over is what is still kept, sealed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row

from gateway.centre import audit
from gateway.centre.audit import Who
from gateway.centre.lists import writing
from gateway.centre.slips import Stale
from gateway.keys import Master, NotAuthentic
from gateway.keys.sealed import passphrase, seal_file
from gateway.store.queries import lawful, streams
from rules.cases import NotPossible
from rules.model import CIVIL, CredentialKind

LONGEST_MS = 24 * 3_600_000
WAITS_MS = 7 * 86_400_000
"""A request that nobody released for so long is over."""
KEPT_MS = 30 * 86_400_000
"""What was handed over is kept, sealed, for so long."""
PURPOSE = "lawful"
_TITLE = "依法调取"
_HEADINGS = ("时间", "出入口", "方向", "结果", "凭证", "姓名", "证件号码")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an authority asks for, as it stands on its paper."""

    document: str
    authority: str
    community: str
    portals: tuple[str, ...]
    since: int
    until: int
    tell: bool


@dataclass(frozen=True, slots=True)
class Released:
    """What was released: the words that open it, which are kept nowhere, and how many passes it has."""

    passphrase: str
    rows: int


def ask(connection: Connection, who: Who, asked: Asked, kept_ms: int) -> int:
    """Enter a request; its number. `kept_ms`: for so long passes are kept.

    Raises:
        LookupError: there is no such community. NotPossible: it asks for more than a request may.
    """
    community = streams.community(connection, asked.community)
    if community is None:
        raise LookupError("there is no such community")
    if not asked.portals or not set(asked.portals) <= set(community.portals):
        raise NotPossible("a request names gates of that community")
    if not 0 < asked.until - asked.since <= LONGEST_MS:
        raise NotPossible("a request is about 24 hours at most")
    if asked.until > who.at:
        raise NotPossible("a request is about what has been: there is no standing query")
    if asked.since < who.at - kept_ms:
        raise NotPossible("what is asked for is not kept any more")
    values = {name: getattr(asked, name) for name in ("document", "authority", "community", "since", "until", "tell")}
    values |= {"portals": sorted(set(asked.portals)), "asked_by": who.actor, "asked": who.at, "state": "waiting"}
    number = lawful.add(connection, values)
    audit.note(
        connection, who, "lawful.ask", f"disclosures/{number}", community=asked.community, purpose=asked.document
    )
    return number


def release(connection: Connection, master: Master, who: Who, number: int) -> Released:
    """Release a request that another person entered: what it asks for is sealed, and the act recorded.

    Raises:
        LookupError: there is no such request. Stale: it is decided.
        NotPossible: whoever entered it releases it, or it has waited too long.
    """
    row = _waiting(connection, number)
    if row.asked_by == who.actor:
        raise NotPossible("a request is released by another person than the one who entered it")
    if who.at - row.asked > WAITS_MS:
        raise NotPossible("the request has waited too long: enter it anew")
    passes = [
        _said(master, one)
        for one in lawful.passes_of_gates(connection, row.community, row.portals, row.since, row.until)
    ]
    head = [("文号", row.document), ("机关", row.authority), ("小区", row.community), ("放行人", who.actor)]
    book = writing.pages([(_TITLE, [_HEADINGS, *passes]), ("说明", head)])
    words = passphrase()
    digest = hashlib.sha256(book).hexdigest()
    values = {"state": "released", "decided_by": who.actor, "decided": who.at, "rows": len(passes), "digest": digest}
    if not lawful.decide(connection, number, values | {"file": seal_file(book, words, PURPOSE)}):
        raise Stale
    about = f"disclosures/{number}"
    audit.note(connection, who, "lawful.release", about, community=row.community, purpose=row.document)
    return Released(words, len(passes))


def refuse(connection: Connection, who: Who, number: int, why: str) -> None:
    """Refuse a request, with the reason.

    Raises:
        LookupError: there is no such request. Stale: it is decided.
    """
    row = _waiting(connection, number)
    values = {"state": "refused", "decided_by": who.actor, "decided": who.at, "why": why}
    if not lawful.decide(connection, number, values):
        raise Stale
    audit.note(connection, who, "lawful.refuse", f"disclosures/{number}", community=row.community, purpose=row.document)


def take(connection: Connection, who: Who, number: int) -> bytes:
    """The sealed file of a request that was released; that it was taken is recorded.

    Raises:
        LookupError: there is no such file, or it is not kept any more.
    """
    row = lawful.one(connection, number)
    if row is None or row.file is None:
        raise LookupError("there is no such file")
    audit.note(connection, who, "lawful.take", f"disclosures/{number}", community=row.community, purpose=row.document)
    return bytes(row.file)


def of_year(connection: Connection, now: int) -> tuple[int, int]:
    """The civil year of this instant, and how many requests were released in it: published to everybody."""
    year = datetime.fromtimestamp(now / 1000, UTC).astimezone(CIVIL).year
    begins, ends = (int(datetime(one, 1, 1, tzinfo=CIVIL).timestamp() * 1000) for one in (year, year + 1))
    return year, lawful.released(connection, begins, ends)


def _waiting(connection: Connection, number: int) -> Row[Any]:
    row = lawful.one(connection, number)
    if row is None:
        raise LookupError("there is no such request")
    if row.state != "waiting":
        raise Stale
    return row


def _said(master: Master, row: Any) -> Sequence[str]:
    """A pass as it is handed over. Of whoever is not enrolled, what the gate sealed, while it is kept."""
    at = datetime.fromtimestamp(row.at / 1000, UTC).astimezone(CIVIL)
    head = (f"{at:%Y-%m-%d %H:%M:%S}", row.portal, row.direction, row.verdict, row.kind or "")
    return (*head, *_whose(master, row))


def _whose(master: Master, row: Any) -> tuple[str, str]:
    try:
        if row.person is not None:
            number = master.show("persons.number", row.number)
            known = row.document not in (CredentialKind.NO_NUMBER, CredentialKind.VISITOR)
            return master.show("persons.name", row.name), number if known else ""
        if row.sealed is not None:
            said = json.loads(master.unseal(row.sealed, row.station, row.epoch, row.seq))
            return str(said.get("name", "")), str(said["number"])
    except (NotAuthentic, ValueError, KeyError, TypeError):
        return "(无法读取)", ""
    return "", ""
