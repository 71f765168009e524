"""The steps of a swipe's life, by name and in order. What proves the program stops it at each of them (tests/chaos).

In the program itself `reached` does nothing; whoever runs it under examination puts a function of its own in its place.
"""

from enum import StrEnum


class Point(StrEnum):
    """Where a swipe, or what it depends on, stands. Each is reached at one place of the code."""

    # the station: from the card to the verdict
    CARD_HEARD = "card_heard"
    CARD_TAKEN = "card_taken"
    DECIDED = "decided"
    PENDING = "pending"
    HELD = "held"
    SIGNALLED_UNRECORDED = "signalled_unrecorded"
    # its spool
    COMMIT_DUE = "commit_due"
    COMMIT_BEGUN = "commit_begun"
    COMMIT_WRITTEN = "commit_written"
    COMMITTED = "committed"
    SIGNALLING = "signalling"
    SIGNALLED = "signalled"
    HANDED_ON = "handed_on"
    COVER_WRITTEN = "cover_written"
    COVER_KEPT = "cover_kept"
    FORGOTTEN = "forgotten"
    # its uplink
    HELLO_DUE = "hello_due"
    HELLO_SAID = "hello_said"
    LIVE_DUE = "live_due"
    LIVE_SENT = "live_sent"
    ACK_CAME = "ack_came"
    ACK_TAKEN = "ack_taken"
    BACKLOG_READ = "backlog_read"
    BACKLOG_SENT = "backlog_sent"
    ROSTER_CAME = "roster_came"
    ROSTER_USED = "roster_used"
    ROSTER_HALF_KEPT = "roster_half_kept"
    # the centre: from the bus to the database
    MESSAGE_CAME = "message_came"
    BATCH_SORTED = "batch_sorted"
    STREAMS_LOCKED = "streams_locked"
    SWIPES_ADDED = "swipes_added"
    STREAMS_SAVED = "streams_saved"
    JUDGED = "judged"
    SETTLING = "settling"
    SETTLED = "settled"
    TOLD = "told"
    RECEIPTS_SENT = "receipts_sent"
    ACK_SENT = "ack_sent"
    MARK_WRITTEN = "mark_written"
    ROSTER_NUMBERED = "roster_numbered"
    ROSTER_SENT = "roster_sent"
    OUTBOX_READ = "outbox_read"
    OUTBOX_SENT = "outbox_sent"
    OUTBOX_MARKED = "outbox_marked"


def reached(point: Point) -> None:
    """A step is reached. Called as `points.reached(...)`, so that what replaces this is called too."""
