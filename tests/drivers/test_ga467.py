import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import sam_codes
from drivers.api import (
    CardGone,
    CardRead,
    Credential,
    CredentialKind,
    DeviceFact,
    FaultOver,
    Identity,
    Noise,
    Online,
    ReaderEvent,
    ReaderFault,
    Remedy,
)
from drivers.ga467 import ALLOWED, BAUDS, DRIVER, Command, SamReader, Settings
from drivers.ga467_setup import Settings as SpeedSettings
from drivers.ga467_setup import SpeedChange
from drivers.sam_frames import MAX_HELD, encode
from simulators.sam import Card, CardType, SamModule, Spoil, card_reply
from tests import strategies as some

CARDS = json.loads((Path(__file__).parents[1] / "vectors" / "cards.json").read_text(encoding="utf-8"))
ONE = Card("511703190001010015", "测试甲", "测试路1号")
TWO = Card("51170319000101004X", "测试乙", "测试路2号")
FIND, SELECT, READ, STATUS = b"\x20\x01", b"\x20\x02", b"\x30\x01", b"\x11\xff"


class Bench:
    """A reader wired to a module; time passes only when the test says so."""

    def __init__(self, settings: Settings | None = None, module: SamModule | None = None, piece: int = 4096) -> None:
        self.reader = SamReader(settings or Settings())
        self.module = module or SamModule()
        self.piece = piece
        self.now = 0.0
        self.sent: list[bytes] = []

    def run(self, seconds: float) -> list[ReaderEvent]:
        events: list[ReaderEvent] = []
        end = self.now + seconds
        while self.now < end:
            if command := self.reader.to_send(self.now):
                self.sent.append(command)
            self.module.receive(command, self.now)
            answer = self.module.to_send(self.now)
            for at in range(0, len(answer) or 1, self.piece):
                events += self.reader.receive(answer[at : at + self.piece], self.now)
            self.now += 0.02
        return events

    def meaning(self, seconds: float) -> list[ReaderEvent]:
        return [e for e in self.run(seconds) if not isinstance(e, Noise | Online | DeviceFact)]


def read_of(card: Card) -> CardRead:
    return CardRead(Credential(CredentialKind.CITIZEN_ID, card.number))


def test_the_module_is_greeted_and_its_number_told() -> None:
    events = Bench().run(1.0)
    assert events == [Online(), DeviceFact("sam_number", "05.03-20120629-0000202551-0000000000"), CardGone()]


@pytest.mark.parametrize("piece", [1, 7, 4096])
@pytest.mark.parametrize("vector", CARDS, ids=lambda v: v["name"])
def test_the_published_cards_are_read_however_the_bytes_arrive(vector: dict[str, str], piece: int) -> None:
    bench = Bench(Settings(read="identity"), piece=piece)
    record = bytes.fromhex(vector["record"])
    assert card_reply(record)[-1:] == bytes.fromhex(vector["frame_xor"])
    assert len(card_reply(record)) == 1295
    bench.module.present(record)
    assert bench.meaning(1.0) == [
        CardRead(
            Credential(CredentialKind.CITIZEN_ID, vector["number"]), Identity(vector["card_name"], vector["address"])
        )
    ]


def test_name_and_address_die_in_the_driver_unless_asked_for() -> None:
    bench = Bench()
    bench.module.present(ONE)
    (read,) = bench.meaning(1.0)
    assert isinstance(read, CardRead)
    assert read.identity is None


@pytest.mark.parametrize("rereads", [False, True])
def test_one_presentation_is_one_read_however_long_the_card_lies(rereads: bool) -> None:
    bench = Bench(module=SamModule(rereads=rereads))
    bench.module.present(ONE)
    events = bench.meaning(20.0)
    bench.module.lift()
    events += bench.meaning(5.0)
    assert events == [read_of(ONE), CardGone(sure=rereads)]


def test_the_same_card_presented_again_is_read_again() -> None:
    bench = Bench()
    events = []
    for _ in range(2):
        bench.module.present(ONE)
        events += bench.meaning(2.0)
        bench.module.lift()
        events += bench.meaning(2.0)
    assert events == [read_of(ONE), CardGone(sure=False)] * 2


@pytest.mark.parametrize("rereads", [False, True])
def test_two_cards_within_a_second_are_two_reads(rereads: bool) -> None:
    bench = Bench(module=SamModule(rereads=rereads))
    bench.run(1.0)
    bench.module.present(ONE)
    events = bench.meaning(0.5)
    bench.module.present(TWO)
    events += bench.meaning(0.5)
    assert events == [read_of(ONE), CardGone(), read_of(TWO)]


@pytest.mark.parametrize("how", list(Spoil))
@pytest.mark.parametrize("command", [FIND, SELECT, READ])
def test_a_spoiled_answer_costs_a_moment_and_not_the_card(command: bytes, how: Spoil) -> None:
    bench = Bench(module=SamModule(rereads=True))
    bench.run(1.0)
    bench.module.present(ONE)
    bench.module.spoil(command, how)
    events = [e for e in bench.meaning(6.0) if not isinstance(e, ReaderFault)]
    assert events == [read_of(ONE)]


@pytest.mark.parametrize(
    ("code", "name", "remedy"),
    [
        (0x10, "line_checksum", Remedy.CALL_TECHNICIAN),
        (0x11, "line_length", Remedy.CALL_TECHNICIAN),
        (0x21, "unsupported_command", Remedy.CALL_TECHNICIAN),
        (0x23, "not_allowed", Remedy.CALL_TECHNICIAN),
        (0x24, "module_error", Remedy.CALL_TECHNICIAN),
        (0x31, "card_refuses_module", Remedy.PRESENT_AGAIN),
        (0x32, "card_not_authentic", Remedy.PRESENT_AGAIN),
        (0x33, "card_not_verified", Remedy.PRESENT_AGAIN),
        (0x37, "fingerprint", Remedy.CALL_TECHNICIAN),
        (0x3F, "information_length", Remedy.CALL_TECHNICIAN),
        (0x40, "unknown_card_type", Remedy.NOT_A_SUPPORTED_CARD),
        (0x41, "card_unreadable", Remedy.PRESENT_AGAIN),
        (0x47, "no_random_number", Remedy.PRESENT_AGAIN),
        (0x50, "write_failed", Remedy.CALL_TECHNICIAN),
        (0x60, "self_test_failed", Remedy.CALL_TECHNICIAN),
        (0x61, "login_failed", Remedy.CALL_TECHNICIAN),
        (0x66, "not_authorised", Remedy.CALL_TECHNICIAN),
        (0x91, "no_such_content", Remedy.PRESENT_AGAIN),
        (0x77, "status_77", Remedy.CALL_TECHNICIAN),
    ],
)
def test_every_status_says_what_is_wrong_and_what_to_do_and_says_it_once(code: int, name: str, remedy: Remedy) -> None:
    bench = Bench()
    bench.module.present(ONE)
    bench.module.refuse(READ, code, times=50)
    (fault,) = bench.meaning(2.0)
    assert isinstance(fault, ReaderFault)
    assert (fault.code, fault.remedy) == (name, remedy)


def test_every_status_that_vendors_list_has_a_remedy() -> None:
    listed = bytes.fromhex("808191101121232431323334373F40414750606166")
    assert sam_codes.FAULTS.keys() == set(listed)
    assert {sam_codes.fault(code).remedy for code in listed} == set(Remedy)


@pytest.mark.parametrize("code", [0x10, 0x11, 0x24, 0x47])
def test_what_went_wrong_on_the_way_is_asked_once_more(code: int) -> None:
    bench = Bench()
    bench.module.present(ONE)
    bench.module.refuse(READ, code, times=1)
    assert bench.meaning(0.3) == [read_of(ONE)]
    assert (bench.module.commands[FIND], bench.module.commands[READ]) == (1, 2)


@pytest.mark.parametrize("code", [0x80, 0x81, 0x34])
def test_a_card_that_moved_is_searched_again_without_a_word(code: int) -> None:
    bench = Bench()
    bench.module.present(ONE)
    bench.module.refuse(SELECT, code, times=2)
    assert bench.meaning(2.0) == [read_of(ONE)]


def test_a_card_that_can_never_be_selected_is_reported() -> None:
    bench = Bench()
    bench.module.present(ONE)
    bench.module.refuse(SELECT, 0x81, times=50)
    (fault,) = bench.meaning(5.0)
    assert isinstance(fault, ReaderFault)
    assert fault.code == "select_failed"


@pytest.mark.parametrize(
    ("card", "code", "remedy"),
    [
        (Card("511703190001010016", "测试"), "bad_number", Remedy.PRESENT_AGAIN),
        (Card("511703190002300015", "测试"), "bad_number", Remedy.PRESENT_AGAIN),
        (Card("", "测试"), "bad_number", Remedy.PRESENT_AGAIN),
        (Card("511703190001010015", "测试", valid_until="20209999"), "bad_text", Remedy.PRESENT_AGAIN),
        (Card("511703190001010015", "测试", valid_until="20191231"), "bad_text", Remedy.PRESENT_AGAIN),
    ],
)
def test_a_card_that_cannot_be_trusted_is_a_fault_and_its_number_is_not_told(
    card: Card, code: str, remedy: Remedy
) -> None:
    bench = Bench()
    bench.module.present(card)
    (fault,) = bench.meaning(1.0)
    assert isinstance(fault, ReaderFault)
    assert (fault.code, fault.remedy) == (code, remedy)
    assert not card.number or card.number not in repr(fault)


def test_an_unknown_type_letter_is_not_a_supported_card() -> None:
    record = bytearray(ONE.record())
    record[248:250] = b"Q\x00"
    bench = Bench()
    bench.module.present(bytes(record))
    (fault,) = bench.meaning(1.0)
    assert isinstance(fault, ReaderFault)
    assert fault.remedy is Remedy.NOT_A_SUPPORTED_CARD


def test_a_permanent_resident_of_2017_has_a_credential_of_its_own_kind() -> None:
    bench = Bench()
    bench.module.present(
        Card("USA511700010115", "", type=CardType.PR_2017, english_name="TEST, ANNA", valid_until="20300101")
    )
    assert bench.meaning(1.0) == [CardRead(Credential(CredentialKind.PR_2017, "USA511700010115"))]


def test_a_silent_module_is_asked_ever_more_slowly_reported_once_and_greeted_when_back() -> None:
    bench = Bench()
    bench.run(1.0)
    bench.module.power = False
    sent = len(bench.sent)
    (fault,) = bench.meaning(60.0)
    assert isinstance(fault, ReaderFault)
    assert (fault.code, fault.remedy) == ("no_answer", Remedy.CALL_TECHNICIAN)
    assert len(bench.sent) - sent < 20
    bench.module.power = True
    assert Online() in bench.run(6.0)


@pytest.mark.parametrize("rereads", [False, True])
@pytest.mark.parametrize(("lain", "silent"), [(0.5, 0.6), (0.5, 4.0), (10.0, 0.6), (10.0, 4.0)])
def test_a_card_that_lies_there_while_the_module_is_silent_for_a_moment_is_one_read(
    rereads: bool, lain: float, silent: float
) -> None:
    bench = Bench(module=SamModule(rereads=rereads))
    bench.module.present(ONE)
    events = bench.run(lain)
    bench.module.power = False
    events += bench.run(silent)
    bench.module.power = True
    events += bench.run(10.0)
    assert [event for event in events if isinstance(event, CardRead)] == [read_of(ONE)]
    assert bench.module.was_read


@pytest.mark.parametrize("silent", [1.0, 30.0])
def test_a_card_that_is_laid_again_when_the_module_has_long_been_back_or_was_long_away_is_read_again(
    silent: float,
) -> None:
    bench = Bench()
    bench.module.present(ONE)
    events = bench.run(1.0)
    bench.module.power = False
    bench.module.lift()
    events += bench.run(silent)
    bench.module.power = True
    events += bench.run(8.0)
    bench.module.present(ONE)
    events += bench.run(1.0)
    cards = [event for event in events if isinstance(event, CardRead | CardGone)]
    assert [type(event) for event in cards] == [CardRead, CardGone, CardRead]


@pytest.mark.parametrize("rereads", [False, True])
@pytest.mark.parametrize("again_s", [0.1, 0.7, 1.5])
def test_a_card_that_is_lifted_in_a_short_silence_and_soon_laid_again_is_read_again(
    rereads: bool, again_s: float
) -> None:
    bench = Bench(module=SamModule(rereads=rereads))
    bench.module.present(ONE)
    events = bench.run(1.0)
    bench.module.power = False
    bench.module.lift()
    events += bench.run(1.0)
    bench.module.power = True
    while events[-1:] != [Online()]:
        events += bench.run(0.02)
    events += bench.run(again_s)
    bench.module.present(ONE)
    events += bench.run(1.0)
    assert [event for event in events if isinstance(event, CardRead)] == [read_of(ONE)] * 2


def test_a_module_that_failed_its_self_test_is_reported_and_not_asked_for_cards() -> None:
    bench = Bench()
    bench.module.refuse(STATUS, 0x60, times=100)
    (fault,) = bench.meaning(10.0)
    assert isinstance(fault, ReaderFault)
    assert fault.code == "self_test_failed"
    assert bench.module.commands[FIND] == 0


@pytest.mark.parametrize("code", [0x21, 0x23, 0x60, 0x61, 0x66])
@pytest.mark.parametrize("command", [STATUS, FIND, SELECT, READ])
def test_a_fault_of_the_module_stands_until_it_does_again_what_it_refused(command: bytes, code: int) -> None:
    bench = Bench(module=SamModule(rereads=True))
    bench.module.refuse(command, code, times=1)
    bench.module.present(ONE)
    first, *_, over, read = bench.meaning(3.0)
    assert isinstance(first, ReaderFault)
    assert (first.stands, over, read) == (True, FaultOver(first.code), read_of(ONE))


def test_a_module_that_refuses_to_read_is_not_well_though_it_finds_cards() -> None:
    bench = Bench(module=SamModule(rereads=True))
    bench.module.refuse(READ, 0x66, times=10_000)
    bench.module.present(ONE)
    assert [event.code for event in bench.meaning(20.0) if isinstance(event, ReaderFault)] == ["not_authorised"]
    bench.module.lift()
    assert bench.meaning(20.0) == []


def test_a_module_that_is_not_well_is_reset_once_at_each_try() -> None:
    bench = Bench()
    bench.module.refuse(STATUS, 0x60, times=3)
    bench.run(10.0)
    assert bench.module.commands[b"\x10\xff"] == 3
    assert bench.module.commands[FIND] > 0


@pytest.mark.parametrize(("refused", "said"), [(False, "80"), (True, "refused")])
def test_the_radio_block_is_set_where_it_is_configured(refused: bool, said: str) -> None:
    bench = Bench(settings=Settings(radio_block=0x50))
    if refused:
        bench.module.refuse(b"\x61\xff", 0x21)
    events = bench.run(1.0)
    assert DeviceFact("radio_block", said) in events
    assert bench.module.commands[b"\x61\xff\x50"] == 1
    assert bench.module.commands[FIND] > 0


def test_a_late_card_is_not_taken_for_the_answer_to_another_question() -> None:
    bench = Bench(module=SamModule(read_s=3.5))
    bench.module.present(ONE)
    events = bench.run(4.5)
    assert not any(isinstance(e, CardRead) for e in events)
    assert any(isinstance(e, Noise) and e.size == 1295 for e in events)


def test_a_module_that_answers_keeps_saying_that_it_is_there() -> None:
    assert 11 <= Bench().run(60.0).count(Online()) <= 13


def test_only_what_the_list_allows_is_ever_sent() -> None:
    assert {command.value for command in Command} == {
        bytes.fromhex(c) for c in ("10FF", "11FF", "12FF", "2001", "2002", "3001", "61FF")
    }
    assert {a.hex() for a in ALLOWED} - {c.value.hex() for c in Command} == {
        "6000", "6001", "6002", "6003", "6004"
    }  # fmt: skip


@given(
    answers=st.lists(
        some.mutated(some.sam_frames | st.just(card_reply(ONE.record()))) | st.binary(max_size=60), max_size=30
    )
)
def test_whatever_a_module_answers_nothing_raises_and_only_allowed_commands_go_out(answers: list[bytes]) -> None:
    reader, now = SamReader(Settings()), 0.0
    allowed = {encode(command.value) for command in Command} | {b""}
    for answer in answers:
        now += 0.2
        assert reader.to_send(now) in allowed
        for event in reader.receive(answer, now):
            assert ONE.number not in repr(event)
        assert reader._deframer.held <= MAX_HELD


@given(answers=st.lists(st.sampled_from([encode(bytes([0, 0, c])) for c in (0x90, 0x80, 0x81, 0x41, 0x10)] + [
    bytes.fromhex("AAAAAA9669000800009F0000000097"), bytes.fromhex("AAAAAA9669000C00009000000000000000009C"),
    card_reply(ONE.record()), b""]), max_size=60))  # fmt: skip
def test_any_order_of_good_answers_keeps_the_dialogue_going(answers: list[bytes]) -> None:
    reader, now = SamReader(Settings()), 0.0
    for answer in answers:
        now += 0.3
        reader.to_send(now)
        reader.receive(answer, now)
    sent = b""
    for _ in range(200):
        now += 0.05
        sent += reader.to_send(now)
        reader.receive(b"", now)
    assert sent


@given(data=st.data())
def test_where_the_line_cuts_an_answer_does_not_matter(data: st.DataObject) -> None:
    good = encode(b"\x00\x00\x90") + card_reply(ONE.record())
    stream = data.draw(st.binary(max_size=100)) + data.draw(st.just(good) | some.mutated(st.just(good)))
    whole, cut = SamReader(Settings()), SamReader(Settings())
    assert whole.to_send(0.0) == cut.to_send(0.0)
    pieces = [event for piece in data.draw(some.cuts(stream)) for event in cut.receive(piece, 0.1)]
    assert pieces == whole.receive(stream, 0.1)


def test_a_babbling_line_does_not_stop_the_dialogue() -> None:
    reader, sent = SamReader(Settings()), 0
    babble = bytes.fromhex("AAAAAA96690508") + bytes(50)
    for step in range(400):
        sent += bool(reader.to_send(step * 0.05))
        reader.receive(babble, step * 0.05)
    assert sent >= 3


def test_a_period_that_would_hammer_the_module_is_refused() -> None:
    with pytest.raises(ValueError, match="period_ms"):
        Settings(period_ms=20)


def test_the_driver_is_declared() -> None:
    assert (DRIVER.name, DRIVER.baud) == ("ga467", 115200)


@given(answers=st.lists(some.sam_frames | st.binary(max_size=40), max_size=40))
def test_no_answer_breaks_a_change_of_speed_and_nothing_else_is_sent(answers: list[bytes]) -> None:
    change, now = SpeedChange(SpeedSettings(9_600)), 0.0
    for answer in answers:
        now += 0.3
        assert change.to_send(now) in {b"", encode(b"\x11\xff"), encode(b"\x60\x04")}
        change.receive(answer, now)
        assert change._deframer.held <= MAX_HELD
        assert change.baud in BAUDS
