import json
import os
import select
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.line import PtyLine
from simulators.relay import RelayBoard
from simulators.sam import Card, CardType, SamModule, Spoil, card_reply
from simulators.wires import Wire, Worn

VECTORS = Path(__file__).parents[1] / "vectors"
CARDS = json.loads((VECTORS / "cards.json").read_text(encoding="utf-8"))
FRAMES = {v["name"]: bytes.fromhex(v["frame"]) for v in json.loads((VECTORS / "sam.json").read_text())["commands"]}
REPLIES = {v["name"]: bytes.fromhex(v["frame"]) for v in json.loads((VECTORS / "sam.json").read_text())["replies"]}
CARD = Card("511703190001010015", "测试甲")


def ask(module: SamModule, name: str) -> bytes:
    module.receive(FRAMES[name], 0.0)
    return module.to_send(0.0)


def test_the_module_answers_as_published() -> None:
    module = SamModule()
    assert ask(module, "reset SAM") == REPLIES["success"]
    assert ask(module, "SAM status") == REPLIES["success"]
    assert ask(module, "read SAM number") == REPLIES["SAM number"]
    assert ask(module, "find card") == REPLIES["no card"]
    assert ask(module, "select card") == REPLIES["select failed"]
    module.present(CARD)
    assert ask(module, "find card") == REPLIES["card found"]
    assert ask(module, "select card") == REPLIES["select ok"]
    assert ask(module, "read text and photo") == card_reply(CARD.record())
    assert ask(module, "find card") == REPLIES["no card"]
    module.lift()
    module.present(CARD)
    assert ask(module, "find card") == REPLIES["card found"]


@pytest.mark.parametrize(
    "name", ["read text, photo and fingerprint", "read newest address", "read card management number"]
)
def test_what_must_never_be_asked_is_refused_and_counted(name: str) -> None:
    module = SamModule()
    assert ask(module, name) == REPLIES["SW3 21"]
    assert module.commands[FRAMES[name][7:9]] == 1


def test_a_command_with_a_wrong_checksum_is_complained_about() -> None:
    module = SamModule()
    module.receive(bytes.fromhex("AAAAAA96690003200121"), 0.0)
    assert module.to_send(0.0) == REPLIES["SW3 10"]
    assert module.bad_frames == 1


def test_faults_come_as_often_as_asked_for() -> None:
    module = SamModule()
    module.refuse(b"\x20\x01", 0x41, times=2)
    module.spoil(b"\x11\xff", Spoil.CUT)
    assert [ask(module, "find card") for _ in range(3)] == [REPLIES["read failed"]] * 2 + [REPLIES["no card"]]
    assert ask(module, "SAM status") == REPLIES["success"][:5]
    assert ask(module, "SAM status") == REPLIES["success"]


def test_a_slow_module_answers_later_and_one_without_power_not_at_all() -> None:
    module = SamModule(answer_s=0.5)
    assert ask(module, "SAM status") == b""
    assert module.to_send(0.5) == REPLIES["success"]
    module.power = False
    assert ask(module, "SAM status") == b""
    assert module.to_send(9.0) == b""


def test_the_encoder_makes_the_published_records() -> None:
    one, two, three = (bytes.fromhex(v["record"]) for v in CARDS)
    address = "四川省达州市达川区测试路{}号"
    authority = "达州市公安局测试分局"
    assert one == Card("511703190001010015", "测试甲", address.format(1) + "1单元101", authority=authority).record()
    made = Card(
        "51170319000101004X",
        "测试乙",
        address.format(2),
        sex="2",
        ethnicity="07",
        authority=authority,
        valid_until="20400101",
    )
    assert two == made.record()
    made = Card(
        "810000190001010026",
        "测试丙",
        address.format(3),
        CardType.HMT_PERMIT,
        sex="2",
        authority="达州市公安局",
        valid_until="20250101",
    )
    assert three == made.record()


def test_a_board_knows_when_each_contact_closed_and_opened() -> None:
    heard: list[tuple[int, bool, float]] = []
    board = RelayBoard(switched=lambda *what: heard.append(what))
    for now, frame in enumerate(["A00100A1", "A00101A2", "A00101A2", "A00201A3", "A00100A1"]):
        board.receive(bytes.fromhex(frame), float(now))
    assert heard == board.history == [(1, True, 1.0), (2, True, 3.0), (1, False, 4.0)]
    assert board.closed == {1: False, 2: True}


def test_a_board_ignores_rubbish_and_wrong_sums_and_may_echo() -> None:
    board = RelayBoard(echoes=True)
    wire = bytes.fromhex("FF A00101A3 A00901AA 00 A00101A2")
    board.receive(wire, 1.0)
    assert board.history == [(1, True, 1.0)]
    assert board.to_send(1.0) == wire


@given(data=st.binary(max_size=300), seed=st.integers(0, 99), piece=st.integers(0, 9))
def test_a_good_wire_brings_everything_in_order_in_pieces(data: bytes, seed: int, piece: int) -> None:
    wire = Wire(seed, delay_s=0.5, piece=piece)
    wire.put(data, 1.0)
    assert wire.take(1.4) == b""
    assert b"".join(iter(lambda: wire.take(1.5), b"")) == data


def test_a_bad_wire_loses_and_soils_and_does_the_same_again() -> None:
    data = bytes(2000)
    came = []
    for _ in range(2):
        wire = Wire(7, lose=0.1, soil=0.1)
        wire.put(data, 0.0)
        came.append(wire.take(0.0))
    assert came[0] == came[1]
    assert 1700 < len(came[0]) < 1900
    assert 100 < sum(map(bool, came[0])) < 300


def test_a_device_behind_worn_wires_is_still_a_device() -> None:
    worn = Worn(SamModule(), back=Wire(delay_s=0.2))
    worn.receive(FRAMES["SAM status"], 0.0)
    assert worn.to_send(0.0) == b""
    assert worn.to_send(0.2) == REPLIES["success"]


def test_a_line_goes_to_a_real_port_and_keeps_its_name_when_plugged_in_again(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    link = tmp_path / "reader"
    with PtyLine(SamModule(), link) as line:
        assert line.url == str(link)
        for _ in range(2):
            port = os.open(line.url, os.O_RDWR | os.O_NOCTTY)
            os.write(port, FRAMES["SAM status"])
            assert select.select([port], [], [], 5.0)[0]
            assert os.read(port, 100) == REPLIES["success"]
            line.cut()
            assert not link.exists()
            os.close(port)
            line.restore()
    assert not link.is_symlink()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
