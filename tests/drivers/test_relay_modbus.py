import threading
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import FaultOver, Input, Noise, Online, OutputState, ReaderEvent, ReaderFault, Remedy
from drivers.relay_modbus import AGAIN_S, ANSWER_S, LOOK_S, MODBUS, ModbusRelay, Settings, crc, read_inputs, write_coil
from drivers.stream import StreamLink
from simulators.conformance import check_confirmed_output
from simulators.line import Device, PtyLine
from simulators.modbus_relay import ModbusBoard

ON, OFF = write_coil(1, 0, on=True), write_coil(1, 0, on=False)


def test_the_published_frame() -> None:
    assert write_coil(0x11, 0xAC, on=True) == bytes.fromhex("110500ACFF004E8B")
    assert crc(bytes.fromhex("010500000000")) == bytes.fromhex("CDCA")
    assert crc(b"") == b"\xff\xff"


def coil(device: Device) -> bool:
    assert isinstance(device, ModbusBoard)
    return device.closed.get(2, False)


@pytest.mark.parametrize("contacts", [[], [True, False, True]])
def test_the_board_passes_the_entrance_exam(contacts: list[bool]) -> None:
    boards: list[ModbusBoard] = []

    def far_end() -> ModbusBoard:
        boards.append(ModbusBoard(unit=3, contacts=contacts))
        return boards[-1]

    check_confirmed_output(lambda: ModbusRelay(Settings(unit=3, coil=2, inputs=len(contacts))), far_end, coil)
    assert all([on for _, on, _ in board.history] == [True, False] for board in boards)


def started(settings: Settings | None = None) -> ModbusRelay:
    relay = ModbusRelay(settings or Settings())
    assert relay.to_send(0.0) == OFF
    assert relay.receive(OFF, 0.01) == [OutputState(0, on=False, confirmed=True)]
    return relay


def test_it_starts_by_switching_off_and_says_what_was_confirmed() -> None:
    relay = started()
    assert relay.to_send(0.02) == read_inputs(1, 1)
    assert relay.receive(bytes.fromhex("018202") + crc(bytes.fromhex("018202")), 0.05) == [Online()]


def test_a_board_that_is_silent_is_asked_twice_and_said_once() -> None:
    relay = ModbusRelay(Settings())
    assert relay.to_send(0.0) == OFF
    assert relay.to_send(0.1) == b""
    assert relay.to_send(ANSWER_S) == OFF
    (fault,) = relay.receive(b"", 2 * ANSWER_S)
    assert isinstance(fault, ReaderFault)
    assert fault.code == "no_answer"
    assert relay.to_send(2 * ANSWER_S) == b""
    now = 2 * ANSWER_S + AGAIN_S
    assert relay.to_send(now) == OFF
    assert relay.to_send(now + ANSWER_S) == OFF
    assert relay.receive(b"", now + 2 * ANSWER_S) == []


def test_a_gate_does_not_open_later_for_a_wish_that_the_board_never_heard() -> None:
    relay, sent = started(), []
    relay.open(1.0, 10.0)
    for step in range(200):
        now = 10.0 + step * 0.05
        sent.append((now, relay.to_send(now)))
        relay.receive(b"", now)
    late = [frame for now, frame in sent if now > 11.0 + 2 * ANSWER_S]
    assert ON in [frame for _, frame in sent]
    assert ON not in late
    assert OFF in late


def test_contacts_are_read_and_told_when_they_change() -> None:
    board, relay = ModbusBoard(contacts=[False, True]), ModbusRelay(Settings(inputs=2))
    heard: list[ReaderEvent] = []
    for step in range(300):
        now = step * 0.01
        if step == 150:
            board.contacts[0] = True
        board.receive(relay.to_send(now), now)
        heard += relay.receive(board.to_send(now), now)
    assert [event for event in heard if isinstance(event, Input)] == [
        Input(0, closed=False),
        Input(1, closed=True),
        Input(0, closed=True),
    ]
    assert sum(isinstance(event, Online) for event in heard) + 1 >= 0.9 * 300 * 0.01 / LOOK_S


def test_a_push_of_a_tenth_of_a_second_is_seen_and_contacts_are_told_anew_by_a_board_that_was_away() -> None:
    board, relay = ModbusBoard(contacts=[True]), ModbusRelay(Settings(inputs=1))
    heard: list[ReaderEvent] = []

    def run(begin: float, end: float) -> None:
        for step in range(round(begin / 0.05), round(end / 0.05)):
            board.receive(relay.to_send(step * 0.05), step * 0.05)
            heard.extend(relay.receive(board.to_send(step * 0.05), step * 0.05))

    run(0.0, 1.0)
    board.contacts[0] = False
    run(1.0, 1.15)
    board.contacts[0] = True
    run(1.15, 2.0)
    assert [one.closed for one in heard if isinstance(one, Input)] == [True, False, True]
    board.mute = True
    run(2.0, 4.0)
    assert heard[-1] == ReaderFault("no_answer", Remedy.CALL_TECHNICIAN, "the board does not answer")
    board.mute = False
    run(4.0, 8.0)
    assert [one.closed for one in heard if isinstance(one, Input)] == [True, False, True, True]


def test_a_board_that_has_no_such_coil_is_a_fault() -> None:
    board, relay = ModbusBoard(coils=1), ModbusRelay(Settings(coil=1))
    board.receive(relay.to_send(0.0), 0.0)
    (fault,) = relay.receive(board.to_send(0.0), 0.0)
    assert isinstance(fault, ReaderFault)
    assert (fault.code, "exception 2" in fault.detail) == ("refused", True)


def test_contacts_are_told_again_behind_a_fault_of_the_board() -> None:
    board, relay = ModbusBoard(contacts=[True, False]), ModbusRelay(Settings(inputs=2))
    heard: list[ReaderEvent] = []

    def run(begin: float, end: float) -> list[ReaderEvent]:
        heard.clear()
        for step in range(round(begin / 0.05), round(end / 0.05)):
            board.receive(relay.to_send(step * 0.05), step * 0.05)
            heard.extend(relay.receive(board.to_send(step * 0.05), step * 0.05))
        return [event for event in heard if not isinstance(event, Online | OutputState)]

    told = [Input(0, closed=True), Input(1, closed=False)]
    assert run(0.0, 1.0) == told
    board.refused = 1
    relay.open(1.0, 1.0)
    fault, *after = run(1.0, 4.0)
    assert isinstance(fault, ReaderFault)
    assert after == [*told, FaultOver("refused")]
    board.contacts, kept = [], board.contacts
    (fault,) = run(4.0, 10.0)
    assert isinstance(fault, ReaderFault)
    board.contacts = kept
    assert run(10.0, 13.0) == [FaultOver("contacts_refused"), *told]


@pytest.mark.parametrize("how", ["garbled", "refused"])
@pytest.mark.parametrize("times", [1, 1000])
def test_a_board_that_obeys_and_does_not_say_so_is_switched_off_all_the_same(how: str, times: int) -> None:
    board, relay = ModbusBoard(), ModbusRelay(Settings())
    heard: list[ReaderEvent] = []

    def run(begin: float, end: float) -> None:
        for step in range(round(begin / 0.05), round(end / 0.05)):
            board.receive(relay.to_send(step * 0.05), step * 0.05)
            heard.extend(relay.receive(board.to_send(step * 0.05), step * 0.05))

    run(0.0, 1.0)
    setattr(board, how, times)
    relay.open(1.0, 1.0)
    run(1.0, 6.0)
    assert [(on, at < 2.5) for _, on, at in board.history] == [(True, True), (False, True)]
    faults = [event for event in heard if isinstance(event, ReaderFault)]
    assert [fault.stands for fault in faults] == [True] * (times > 1 or how == "refused")
    setattr(board, how, 0)
    run(6.0, 10.0)
    assert [event.code for event in heard if isinstance(event, FaultOver)] == [fault.code for fault in faults]


@pytest.mark.parametrize("how", ["garbled", "refused"])
def test_the_last_words_after_an_answer_that_says_nothing_are_off(how: str) -> None:
    board, relay = ModbusBoard(), started()
    setattr(board, how, 1)
    relay.open(5.0, 1.0)
    board.receive(relay.to_send(1.0), 1.0)
    assert board.closed[0]
    relay.receive(board.to_send(1.0), 1.0)
    assert relay.last_words() == OFF


def test_the_last_words_while_an_answer_is_awaited_are_off() -> None:
    relay = started()
    relay.open(5.0, 1.0)
    assert relay.to_send(1.0) == ON
    assert relay.last_words() == OFF


@pytest.mark.parametrize(
    "answer", [ON, write_coil(2, 0, on=False), OFF[:-1] + b"\x00", b"\x01\x05", bytes.fromhex("0185")]
)
def test_an_answer_to_something_else_confirms_nothing(answer: bytes) -> None:
    relay = ModbusRelay(Settings())
    relay.to_send(0.0)
    assert not [one for one in relay.receive(answer, 0.01) if isinstance(one, OutputState)]


@given(pieces=st.lists(st.binary(max_size=40), max_size=30))
def test_nothing_that_arrives_raises_or_confirms_without_a_right_answer(pieces: list[bytes]) -> None:
    relay = ModbusRelay(Settings(inputs=9))
    for step, piece in enumerate(pieces):
        relay.to_send(step * 0.1)
        for event in relay.receive(piece, step * 0.1):
            assert isinstance(event, Noise | ReaderFault | FaultOver | Online | Input | OutputState)
            assert not isinstance(event, OutputState) or OFF in b"".join(pieces)


@given(cuts=st.lists(st.integers(1, 7), max_size=6))
def test_an_answer_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    relay = ModbusRelay(Settings())
    relay.to_send(0.0)
    heard, rest = [], OFF
    for cut in [*cuts, 8]:
        heard += relay.receive(rest[:cut], 0.01)
        rest = rest[cut:]
    assert heard == [OutputState(0, on=False, confirmed=True)]


@pytest.mark.parametrize(("unit", "coil_", "inputs"), [(0, 0, 0), (248, 0, 0), (1, 65536, 0), (1, 0, 65)])
def test_settings_that_cannot_be_are_refused(unit: int, coil_: int, inputs: int) -> None:
    with pytest.raises(ValueError, match="must be between"):
        Settings(unit, coil_, inputs)


def test_the_last_words_of_a_closed_contact_open_it() -> None:
    relay = started()
    assert relay.last_words() == b""
    relay.open(2.0, 10.0)
    assert relay.to_send(10.0) == ON
    relay.receive(ON, 10.01)
    assert relay.last_words() == OFF


def test_a_board_on_a_real_line_opens_for_a_pulse_and_is_left_open_circuit_at_the_end() -> None:
    board, heard, stop = ModbusBoard(contacts=[True]), Queue[ReaderEvent](), threading.Event()
    with PtyLine(board) as line:
        link = StreamLink(MODBUS, line.url, Settings(inputs=1))
        thread = threading.Thread(target=link.run, args=(heard.put, stop))
        thread.start()
        try:
            while heard.get(timeout=5.0) != Input(0, closed=True):
                pass
            assert link.open(30.0)
            while heard.get(timeout=5.0) != OutputState(0, on=True, confirmed=True):
                pass
        finally:
            stop.set()
            thread.join()
        for _ in range(500):
            if not board.closed[0]:
                break
            threading.Event().wait(0.01)
    assert [on for _, on, _ in board.history] == [True, False]
