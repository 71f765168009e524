"""Small rosters of nobody, signed by a centre that exists in tests alone."""

from dataclasses import replace
from datetime import date, time
from typing import Any

from gateway.bundle import Header, Roster, pack, unpack
from gateway.keys import Enrolled, Master
from rules.model import Enrolment, GatePolicy, Hours, Role

MASTER = Master(bytes(range(32)))
COMMUNITY = "yuan"
STATION = "yuan-1"


def enrolled(broker_url: str = "mqtt://127.0.0.1:1", station: str = STATION) -> Enrolled:
    return Enrolled(
        station=station,
        community=COMMUNITY,
        generation=1,
        secret=MASTER.station(station, 1).secret,
        token_key=MASTER.token_key(COMMUNITY),
        token_key_id=1,
        roster_public=MASTER.roster_public(),
        identity_public=MASTER.identity_public(),
        broker_url=broker_url,
    )


def header(version: int = 1, issued: int = 1, policy: GatePolicy | None = None, community: str = COMMUNITY) -> Header:
    return Header(
        version=version,
        community=community,
        issued=issued,
        register_as_of=date(2026, 11, 20),
        token_key_id=1,
        portals=["east", "west", "garage"],
        schedules=[("day", [Hours(time(7), time(22))]), ("night", [Hours(time(18), time(0))])],
        policy=policy or GatePolicy(version=3),
    )


def token(number: int) -> bytes:
    return number.to_bytes(16, "big")


def person(number: int = 1, **over: Any) -> Enrolment:
    """Somebody enrolled and registered without end."""
    row = Enrolment(token(number), date(2020, 1, 1), None, None, None, Role.RESIDENT, registered_until=date.max)
    return replace(row, **over)


def found(roster: Roster, number: int) -> Enrolment:
    row = roster.find(token(number))
    assert row is not None
    return row


def bundle(*people: Enrolment, version: int = 1, issued: int | None = None, policy: GatePolicy | None = None) -> bytes:
    return pack(header(version, version if issued is None else issued, policy), people, MASTER.sign)


def roster(*people: Enrolment, version: int = 1, policy: GatePolicy | None = None) -> Roster:
    return unpack(bundle(*people, version=version, policy=policy), MASTER.roster_public(), COMMUNITY)
