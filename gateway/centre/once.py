"""A form that is sent twice is taken once: by its key, in the transaction in which it is taken."""

import re

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.store import tables as t

KEPT_MS = 7 * 86_400_000
"""A draft waits a day at most in a browser; what was sent is known for a week."""
KEY = re.compile(r"[0-9a-f-]{16,40}")
_f = t.sent_forms.c


class Reused(Exception):
    """The key belongs to a form that said something else, and was taken."""


def claim(connection: Connection, who: str, key: str, said: bytes, to: str, now: int) -> str | None:
    """Take the key of a form; None where it is new, else where its sender was led when it was taken.

    `said` is a keyed hash of the form, `to` where its sender is led. A text that is no key is new each time.

    Raises:
        Reused: another form was taken with this key.
    """
    if not KEY.fullmatch(key):
        return None
    connection.execute(delete(t.sent_forms).where(_f.at < now - KEPT_MS))
    try:
        with connection.begin_nested():
            connection.execute(insert(t.sent_forms).values(account=who, key=key, said=said, to=to, at=now))
    except IntegrityError:
        before = connection.execute(select(t.sent_forms).where(_f.account == who, _f.key == key)).one()
        if before.said != said:
            raise Reused from None
        return str(before.to)
    return None
