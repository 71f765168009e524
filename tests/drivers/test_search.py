from hypothesis import given
from hypothesis import strategies as st

from drivers import relay_modbus
from drivers.api import DeviceFact
from drivers.search import ANSWER_S, HELD, OVER, Search, Settings, modbus_answer, osdp_answer, who_are_you
from simulators.modbus_relay import ModbusBoard
from tests import strategies as some


def played(answers: list[bytes]) -> list[object]:
    search, found, now = Search(Settings()), list[object](), 0.0
    for _ in range(400):
        asked = search.to_send(now)
        found += search.receive(answers.pop(0) if asked and answers else b"", now)
        now += ANSWER_S
        found += search.receive(b"", now)
    return found


def test_a_line_on_which_nobody_answers_is_asked_at_every_speed_and_then_left() -> None:
    search, speeds, now = Search(Settings()), set[int](), 0.0
    events: list[object] = []
    while not events:
        assert len(search.to_send(now)) in (8, 9)
        speeds.add(search.baud)
        now += ANSWER_S
        events += search.receive(b"", now)
    assert events == [OVER]
    assert speeds == {4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400}
    assert search.to_send(now) == b""
    assert now < 25.0


def test_our_own_question_that_comes_back_is_no_answer() -> None:
    assert osdp_answer(who_are_you(0x7F)) is None
    assert not modbus_answer(relay_modbus.read_inputs(1, 1), 1)


@given(before=st.binary(max_size=40), after=st.binary(max_size=40))
def test_a_board_is_known_by_its_answer_in_noise(before: bytes, after: bytes) -> None:
    board = ModbusBoard(unit=2)
    board.receive(relay_modbus.read_inputs(2, 1), 0.0)
    assert modbus_answer(before + board.to_send(0.0) + after, 2)


@given(answers=st.lists(st.binary(max_size=2 * HELD) | some.mutated(st.just(who_are_you(0x81))), max_size=30))
def test_nothing_that_arrives_raises_and_the_search_always_ends(answers: list[bytes]) -> None:
    found = played(answers)
    assert found.count(OVER) == 1
    assert all(isinstance(event, DeviceFact) for event in found)
