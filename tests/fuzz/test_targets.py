import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_seed_of_a_target_runs(name: str) -> None:
    run, _ = TARGETS[name]
    found = seeds(name)
    assert found
    for seed in found:
        run(seed)
        run(seed[:-1])
    run(b"")


@pytest.mark.parametrize("name", sorted(TARGETS))
@given(data=st.binary(max_size=600))
def test_no_bytes_escape_a_target(name: str, data: bytes) -> None:
    run, begin = TARGETS[name]
    assert next(begin(), None) is not None
    run(data)
