"""The load that intake is measured with, against a real broker and the smallest rival."""

from pathlib import Path

import pytest

from tests.bench import intake
from tests.bench.mqtt311 import publication


def test_a_publication_has_its_length_in_as_many_bytes_as_it_needs() -> None:
    assert publication("a/b", b"xy", 258) == bytes.fromhex("32 09 0003 612f62 0102 7879")
    long = publication("a", b"z" * 200, 1)
    assert long[:3] == b"\x32\xcd\x01"
    assert len(long) == 3 + 2 + 1 + 2 + 200


@pytest.mark.real("mosquitto")
def test_every_swipe_is_answered_at_once_and_at_a_rate(tmp_path: Path) -> None:
    with intake.rival("reference", tmp_path) as (load, _):
        assert intake.at_once(load, 400, 1) > 0
        assert len(intake.steady(load, 100, 0.5)) == 50
        assert all(one.done == one.sent for one in load.lanes)
