"""The readers' section measures the real station: verdicts come, and what it reads of a process is that process's."""

import os
import time

import pytest

from tests.bench import readers


@pytest.mark.real("mosquitto")
@pytest.mark.xdist_group("pcscd")
def test_every_reader_of_a_real_station_gets_its_verdicts() -> None:
    with readers.opened(quick=True) as candidates:
        found = candidates["16 readers busy"]()
        assert found["verdicts"] >= len(readers.KINDS)
        assert 0 < found["p50_ms"] <= found["p99_ms"]
        assert candidates["16 readers idle"]()["percent"] >= 0


def test_the_processor_time_of_a_process_is_read() -> None:
    before, end = readers.cpu_s(os.getpid()), time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert readers.cpu_s(os.getpid()) > before
