"""Strategies that several tests share."""

from datetime import date

from hypothesis import strategies as st

from drivers.sam_frames import encode
from rules.identity import PROVINCES, check_digit


@st.composite
def cuts(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """The stream in pieces, cut anywhere."""
    places = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


sam_bodies = st.binary(min_size=2, max_size=40) | st.binary(min_size=1200, max_size=1300)
sam_frames = st.builds(encode, sam_bodies)


@st.composite
def mutated(draw: st.DrawFn, frames: st.SearchStrategy[bytes]) -> bytes:
    """A frame with a few bytes changed, lost or added."""
    frame = bytearray(draw(frames))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(frame) - 1))
        how = draw(st.sampled_from(["change", "lose", "add"]))
        if how == "change":
            frame[place] = draw(st.integers(0, 255))
        elif how == "add":
            frame.insert(place, draw(st.integers(0, 255)))
        elif len(frame) > 1:
            del frame[place]
    return bytes(frame)


@st.composite
def citizen_numbers(draw: st.DrawFn) -> str:
    """Numbers of nobody: their holders would have been born in the 19th century."""
    region = draw(st.sampled_from(sorted(PROVINCES))) + f"{draw(st.integers(0, 9999)):04d}"
    born = draw(st.dates(date(1880, 1, 1), date(1900, 12, 31)))
    first_17 = f"{region}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first_17 + check_digit(first_17)
