"""What waits for the uplink's thread, and the message of backlog that it waits for itself."""

from dataclasses import dataclass

from gateway.wire import SwipeRecord


@dataclass(frozen=True, slots=True)
class Up:
    """The connection stands; `again`: it did before, and hello is to be said once more."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class Fresh:
    swipes: list[SwipeRecord]


@dataclass(frozen=True, slots=True)
class LostSome:
    """The recorder has declared something lost; `unsettled` of it had been in the spool. None: count all again."""

    unsettled: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """The message of backlog that is under way."""

    epoch: str
    seqs: tuple[int, ...]
    sent: float
