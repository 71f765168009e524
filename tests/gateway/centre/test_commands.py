"""Commands and certificates at the centre: who may give what, counters that never come twice, odd answers."""

import pytest

from gateway import wire
from gateway.centre.api.access import within
from gateway.centre.commands import Commands, Order, state_of
from gateway.keys.certificates import request
from gateway.settings import ApiClient
from gateway.store.queries import fleet, streams
from gateway.wire import Command, Reply
from rules.cases import NotPossible
from rules.roles import Role
from tests.gateway.centre.office import OTHER_STATION, STATION, YUAN, Office

EPOCH = "0123456789abcdef"
OPEN = Order("open", "east", "office", "property")


def anyone(_community: str) -> None:
    """Whoever asks may reach it."""


def here(office: Office, *, beat: int = 7, name: str = STATION, state: str = "online", ago: float = 0) -> None:
    """The station was heard so many seconds ago."""
    with office.database.write() as connection:
        status = {"state": state, "epoch": EPOCH, "heartbeat": beat}
        streams.station_said(connection, name, int((office.wall() - ago) * 1000), status)


def sent(office: Office) -> Command:
    (one,) = [wire.decode(one.plain, Command) for one in office.sent if one.leaf == "command"]
    return one


def test_a_command_is_of_the_moment_that_the_centre_knows(office: Office) -> None:
    here(office, beat=41)
    row = office.commands.give(STATION, OPEN, anyone)
    command = sent(office)
    assert (command.epoch, command.heartbeat, command.act, command.target) == (EPOCH, 41, "open", "east")
    assert (row.actor, row.role, row.state, row.community) == ("office", "property", "sent", YUAN)
    assert row.counter == command.counter


def test_no_counter_is_given_twice_over_restarts_and_clocks_that_go_back(office: Office) -> None:
    here(office)
    first = office.commands.give(STATION, OPEN, anyone)
    again = Commands(office.database, lambda *_: True, wall=lambda: 0.0)
    here(office, ago=office.wall())
    second = again.give(STATION, OPEN, anyone)
    assert second.counter > first.counter


@pytest.mark.parametrize(("state", "ago"), [("lost", 0.0), ("stopped", 0.0), ("online", 21.0)])
def test_a_station_that_is_not_there_is_told_nothing(office: Office, state: str, ago: float) -> None:
    here(office, state=state, ago=ago)
    with pytest.raises(NotPossible):
        office.commands.give(STATION, OPEN, anyone)
    assert office.sent == []


def test_neither_is_one_that_was_never_heard_or_was_revoked(office: Office) -> None:
    with pytest.raises(NotPossible):
        office.commands.give(STATION, OPEN, anyone)
    here(office)
    with office.database.write() as connection:
        fleet.revoke_station(connection, STATION, 1)
    with pytest.raises(NotPossible):
        office.commands.give(STATION, OPEN, anyone)


def test_nobody_commands_beyond_their_compound(office: Office) -> None:
    here(office, name=OTHER_STATION)
    client = ApiClient(name="office", role=Role.PROPERTY, scope=YUAN)
    with pytest.raises(LookupError):
        office.commands.give(OTHER_STATION, OPEN, lambda community: within(client, community))
    with pytest.raises(LookupError):
        office.commands.give("nowhere-1", OPEN, anyone)
    assert office.sent == []


def test_a_command_that_cannot_be_sent_is_said_not_to_be(office: Office) -> None:
    here(office)
    mute = Commands(office.database, lambda *_: False, wall=office.wall)
    assert mute.give(STATION, OPEN, anyone).state == "not_sent"


def answer(office: Office, reply: Reply) -> None:
    peer = office.stations.find(STATION)
    assert peer is not None
    with office.database.write() as connection:
        office.commands.answered(connection, peer, wire.encode(reply))


def test_an_answer_is_noted_once_and_another_one_is_somebodys_replay(office: Office) -> None:
    here(office)
    row = office.commands.give(STATION, OPEN, anyone)
    answer(office, Reply(EPOCH, row.counter, "done", seq=5))
    answer(office, Reply(EPOCH, row.counter, "done", seq=5))  # as QoS 1 may
    with pytest.raises(LookupError, match="came to it again: not_newer"):
        answer(office, Reply(EPOCH, row.counter, "refused", "not_newer"))
    with pytest.raises(LookupError, match="never given"):
        answer(office, Reply(EPOCH, row.counter + 1, "refused", "not_newer"))
    with office.database.read() as connection:
        (noted,) = fleet.commands(connection, STATION, 10)
    assert (noted.state, noted.seq, noted.reason) == ("done", 5, "")


def test_without_an_answer_a_command_is_unanswered_after_a_while(office: Office) -> None:
    here(office)
    row = office.commands.give(STATION, OPEN, anyone)
    assert state_of(row, row.issued + 20_000) == "sent"
    assert state_of(row, row.issued + 20_001) == "unanswered"


def ask(office: Office, name: str) -> None:
    peer = office.stations.find(STATION)
    assert peer is not None
    asked = wire.encode(wire.CertificateRequest(request(name).pem))
    with office.database.write() as connection:
        office.certify.asked(connection, peer, asked)


def test_a_certificate_is_given_and_noted_so_that_it_can_be_revoked(office: Office) -> None:
    ask(office, STATION)
    (one,) = office.sent
    assert one.leaf == "certificate"
    assert "BEGIN CERTIFICATE" in wire.decode(one.plain, wire.Certificate).certificate
    now = int(office.wall() * 1000)
    with office.database.write() as connection:
        assert fleet.revoke_certificates(connection, STATION, now) == 1
        assert len(fleet.revoked_serials(connection, now)) == 1


def test_a_station_that_asks_for_ever_is_given_a_few(office: Office) -> None:
    for _ in range(5):
        ask(office, STATION)
    with pytest.raises(LookupError, match="too many"):
        ask(office, STATION)
    office.moment = office.moment.replace(hour=office.moment.hour + 2)
    ask(office, STATION)
