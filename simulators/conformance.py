"""What every driver must keep to, as functions that its author calls. AssertionError says what broke."""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from random import Random

from drivers.api import (
    CardGone,
    CardRead,
    DeviceFact,
    NativeReader,
    Noise,
    Online,
    OutputProtocol,
    OutputState,
    ReaderEvent,
    ReaderFault,
    ReaderProtocol,
    Verdict,
)
from simulators.line import Device
from simulators.wires import Wire, Worn

STEP_S = 0.05
LATER_S = 60.0
NATIVE_S = 5.0
"""A native reader reports a card, its going and the end of itself within so long."""
SIGNAL_S = 0.05
QUIET_BYTES_S = 200
"""A reader without an answer may be asked again, but not hammered: bytes a second."""


def meaning(events: Iterable[ReaderEvent]) -> list[ReaderEvent]:
    """The events that say something about a card: not noise, not that the device is there."""
    return [event for event in events if not isinstance(event, Noise | Online | DeviceFact)]


def _heard(protocol: ReaderProtocol, pieces: Iterable[bytes]) -> list[ReaderEvent]:
    events: list[ReaderEvent] = []
    for piece in pieces:
        protocol.to_send(0.0)
        events += protocol.receive(piece, 0.0)
    return meaning(events + protocol.receive(b"", LATER_S) + protocol.receive(b"", 2 * LATER_S))


def check_stream(make: Callable[[], ReaderProtocol], sample: bytes, seed: int = 0) -> None:
    """For a reader that speaks by itself: it reads `sample` however it is cut or soiled, and nothing raises.

    Raises:
        AssertionError: it does not.
    """
    random = Random(seed)
    whole = _heard(make(), [sample])
    _hold(bool(whole), "the sample means nothing to this driver")
    _hold(_heard(make(), [bytes([b]) for b in sample]) == whole, "differs byte by byte")
    _hold(_heard(make(), [sample + sample]) == whole + whole, "the second of two frames is lost")
    _hold(_heard(make(), [sample[: len(sample) // 2]]) != whole, "half a frame is read as a whole one")
    for _ in range(200):
        noise = random.randbytes(random.randrange(300))
        _heard(make(), [noise])
        _hold(whole[0] in _heard(make(), [noise, sample, sample]), "a frame behind noise is lost")
    protocol = make()
    protocol.receive(sample[: len(sample) // 2], 0.0)
    protocol.receive(b"", LATER_S)
    _hold(meaning(protocol.receive(sample, LATER_S + 1)) == whole, "a frame that stopped half way swallows the next")


def check_polled(
    make: Callable[[], ReaderProtocol], far_end: Callable[[], Device], present: Callable[[Device], None]
) -> None:
    """For a reader that must be asked: it reads what `present` lays on a fresh `far_end`, over good and bad wires.

    Raises:
        AssertionError: it does not.
    """
    whole = _dialogue(make, far_end, present, Wire())
    _hold(bool(whole), "the card means nothing to this driver")
    _hold(_dialogue(make, far_end, present, Wire(piece=1)) == whole, "differs byte by byte")
    for seed in range(5):
        bad = Wire(seed, lose=0.002, soil=0.002, delay_s=0.05)
        read = [e for e in _dialogue(make, far_end, present, bad) if not isinstance(e, ReaderFault)]
        _hold(all(event in whole for event in read), "a soiled wire made something that was never presented")
    _hold(not _silent_bytes(make), "a device that does not answer is asked without rest")
    _asked_once(make())
    random = Random(0)
    protocol = make()
    for step in range(500):
        protocol.to_send(step * STEP_S)
        protocol.receive(random.randbytes(random.randrange(60)), step * STEP_S)


def _dialogue(
    make: Callable[[], ReaderProtocol], far_end: Callable[[], Device], present: Callable[[Device], None], wire: Wire
) -> list[ReaderEvent]:
    """Ten seconds with a card that is presented after one."""
    protocol, device = make(), far_end()
    line = Worn(device, back=wire)
    events: list[ReaderEvent] = []
    for step in range(200):
        now = step * STEP_S
        if step == 20:
            present(device)
        line.receive(protocol.to_send(now), now)
        answered = line.to_send(now)
        events += protocol.receive(answered, now)
        while answered := line.to_send(now):
            events += protocol.receive(answered, now)
    return meaning(events)


def _silent_bytes(make: Callable[[], ReaderProtocol]) -> bool:
    protocol, sent = make(), 0
    for step in range(600):
        sent += len(protocol.to_send(step * STEP_S))
        protocol.receive(b"", step * STEP_S)
    return sent > QUIET_BYTES_S * 600 * STEP_S


def _asked_once(protocol: ReaderProtocol) -> None:
    for step in range(100):
        if protocol.to_send(step * STEP_S):
            _hold(not protocol.to_send(step * STEP_S), "bytes to send are returned twice")
        protocol.receive(b"", step * STEP_S)


def check_output(make: Callable[[], OutputProtocol]) -> None:
    """For an output: it starts by switching off, pulses, extends, and nothing that arrives can disturb it.

    Raises:
        AssertionError: it does not.
    """
    output = make()
    off = output.to_send(0.0)
    _hold(bool(off), "it does not start by switching off: a crash could leave a gate open")
    output.receive(off, 0.0)
    _settle(output, 0.0, 10.0)
    output.open(2.0, 10.0)
    on = output.to_send(10.0)
    _hold(bool(on) and on != off, "opening sends nothing of its own")
    _hold(_states(output, 10.0) == [True], "switching on is not reported")
    output.open(2.0, 11.0)
    _hold(off not in _settle(output, 10.05, 12.95), "opening again does not extend")
    output.receive(Random(0).randbytes(300), 12.95)
    _hold(off in _settle(output, 13.0, 14.0), "the pulse has no end")


def check_confirmed_output(
    make: Callable[[], OutputProtocol], far_end: Callable[[], Device], closed: Callable[[Device], bool]
) -> None:
    """For an output whose board answers: the same, by what `closed` says of a fresh `far_end`.

    Raises:
        AssertionError: it does not.
    """
    for lost in (0.0, 0.02):
        output, device = make(), far_end()
        line = Worn(device, back=Wire(1, lose=lost))
        wishes, until, late = {200: 2.0, 220: 2.0, 230: 0.5}, 0.0, 1.0
        for step in range(400):
            now = step * STEP_S
            if step in wishes:
                output.open(wishes[step], now)
                until = max(until, now + wishes[step])
            line.receive(output.to_send(now), now)
            states = [one for one in output.receive(line.to_send(now), now) if isinstance(one, OutputState)]
            _hold(all(one.confirmed for one in states), "what was switched is reported as not confirmed")
            _hold(closed(device) or not 10 + late <= now < until, "it is open before its time")
            _hold(not closed(device) or 10 <= now <= until + late, "the pulse has no end")


def check_native(
    make: Callable[[], NativeReader], present: Callable[[], None], lift: Callable[[], None], *, tells_gone: bool = True
) -> None:
    """For a reader behind a library: a card that lies is one read, laid again it is another; it ends in time.

    `tells_gone` False: the device does not say when a card leaves.

    Raises:
        AssertionError: it does not.
    """
    reader, stop = make(), threading.Event()
    heard: queue.Queue[ReaderEvent] = queue.Queue()
    _signal_at_once(reader)
    thread = threading.Thread(target=reader.run, args=(heard.put, stop), name="native reader")
    thread.start()
    try:
        _next(heard, Online, "it never says that it is there")
        present()
        first = _next(heard, CardRead, "the card means nothing to this driver", CardGone)
        _signal_at_once(reader)
        lift()
        if tells_gone:
            _next(heard, CardGone, "a card that was lifted is not reported as gone, or was read twice")
        present()
        _hold(_next(heard, CardRead, "the second presentation is lost") == first, "the same card has two numbers")
        lift()
    finally:
        stop.set()
        thread.join(NATIVE_S)
        _hold(not thread.is_alive(), "it does not end when it is told to")


def _next(
    heard: queue.Queue[ReaderEvent], kind: type[ReaderEvent], otherwise: str, passed: type[ReaderEvent] = Noise
) -> ReaderEvent:
    """Return the next event of a card or of this kind, which must be of this kind, or of one that is `passed` over."""
    until = time.monotonic() + NATIVE_S
    while True:
        try:
            event = heard.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise AssertionError(otherwise) from None
        if isinstance(event, kind):
            return event
        _hold(isinstance(event, passed) or not meaning([event]), otherwise)


def _signal_at_once(reader: NativeReader) -> None:
    begun = time.monotonic()
    reader.signal(Verdict.GRANT)
    _hold(time.monotonic() - begun < SIGNAL_S, "telling it a verdict blocks")


def _settle(output: OutputProtocol, begin: float, end: float) -> list[bytes]:
    sent, now = [], begin
    while now <= end:
        sent.append(output.to_send(now))
        output.receive(b"", now)
        now += STEP_S
    return sent


def _states(output: OutputProtocol, now: float) -> list[bool]:
    return [event.on for event in output.receive(b"", now) if isinstance(event, OutputState)]


def _hold(true: bool, otherwise: str) -> None:
    if not true:
        raise AssertionError(otherwise)
