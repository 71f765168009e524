"""Events to the webhook of a police station: at least once under one id, again and again for three days, then dead."""

import logging
import random
import secrets
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from gateway import wire
from gateway.centre import calling
from gateway.centre.calling import Answered
from gateway.keys import KeyFileError
from gateway.keys.webhooks import read_secrets, signatures
from gateway.routes import Police
from gateway.store.database import Database
from gateway.store.queries import webhooks
from gateway.store.queries.webhooks import DEAD, DELIVERED, WAITING

log = logging.getLogger(__name__)

AGAIN_AFTER_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After the first try, the second, …: ten tries over 75 hours, as Standard Webhooks suggests."""
TRIES = len(AGAIN_AFTER_S) + 1
JITTER = 0.1
"""Each pause is longer or shorter by up to this part of it, so that what failed together does not come back so."""
LONGEST_S = 86_400
"""No receiver can put the next try off by more (`Retry-After`)."""
LOOK_EVERY_S = 2.0
DELIVERED_KEPT_MS, DEAD_KEPT_MS = 30 * 86_400_000, 90 * 86_400_000
TEST = "xiaoqu.test"
_AT_ONCE = 20
_CHANCE = random.SystemRandom()
_GONE = 410


def event(
    connection: Connection, police_station: str, base_url: str, kind: str, data: wire.Alert | None, now: int
) -> int:
    """Put an event into a station's queue, in the transaction of the caller; its number.

    The body is a CloudEvents 1.0 envelope around what the bus says of a slip: no name, number or dwelling.
    """
    message = f"msg_{secrets.token_urlsafe(18)}"
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": message,
        "source": f"{base_url}/api/v1/police/{police_station}",
        "type": kind,
        "time": datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
    }
    if data is not None:
        body |= {"subject": data.id, "data": data}
    values = {"message": message, "police_station": police_station, "kind": kind, "created": now}
    slip = data.id if data is not None else None
    return webhooks.add(connection, values | {"slip": slip, "body": msgspec.json.encode(body)})


class Webhook:
    """The sender of one police station: `run` on a thread of its own.

    `now` is the wall clock in ms; `chance` gives a number from 0 to 1 for the jitter.
    """

    def __init__(
        self,
        database: Database,
        police: Police,
        now: Callable[[], int],
        *,
        chance: Callable[[], float] = _CHANCE.random,
    ) -> None:
        if police.webhook is None:
            raise LookupError(f"police station {police.name} has no webhook")
        self._database = database
        self._name = police.name
        self._route = police.webhook
        self._now = now
        self._chance = chance

    def run(self, stop: threading.Event) -> None:
        troubled = False
        while not stop.is_set():
            try:
                self.turn(stop)
                troubled = False
            except OperationalError as error:
                if not troubled:
                    log.warning("the webhook of %s waits for the database: %s", self._name, error.orig)
                troubled = True
            except Exception:  # one event that cannot be sent must not stop the others
                log.exception("the webhook of %s failed", self._name)
            stop.wait(LOOK_EVERY_S)

    def turn(self, stop: threading.Event | None = None) -> int:
        """Try every event that is due; how many were tried."""
        with self._database.read() as connection:
            gone = webhooks.gone(connection, self._name, self._route.url)
            rows = webhooks.due(connection, self._name, self._now(), _AT_ONCE)
        if gone and any(row.kind != TEST for row in rows):
            with self._database.write() as connection:
                webhooks.give_up(connection, self._name, "gone", TEST)
        tried = 0
        for row in rows:
            if (gone and row.kind != TEST) or (stop is not None and stop.is_set()):
                continue
            tried += 1
            if self._try(row).status == _GONE:
                break
        return tried

    def _try(self, row: Any) -> Answered:
        answered = self._call(row)
        now = self._now()
        with self._database.write() as connection:
            said = {"tried": now, "status": answered.status, "problem": answered.problem}
            self._noted(connection, row, answered, said, now)
        return answered

    def _noted(self, connection: Connection, row: Any, answered: Answered, said: dict[str, Any], now: int) -> None:
        status = answered.status or 0
        if 200 <= status < 300:
            if webhooks.tried(connection, row, said | {"state": DELIVERED}) and row.kind == TEST:
                webhooks.set_gone(connection, self._name, self._route.url, None)
            return
        last = status == _GONE or row.tries + 1 >= TRIES or row.kind == TEST
        pause = 0 if last else self._pause(row.tries, answered, now)
        webhooks.tried(connection, row, said | {"state": DEAD if last else WAITING, "due": now + pause})
        if status == _GONE:
            webhooks.set_gone(connection, self._name, self._route.url, now)
            waiting = webhooks.give_up(connection, self._name, "gone", TEST)
            log.warning("the webhook of %s is gone (410); %d events are given up", self._name, waiting + 1)
        elif last:
            log.warning("event %s of %s is given up after %d tries", row.message, self._name, row.tries + 1)

    def _call(self, row: Any) -> Answered:
        try:
            known = read_secrets(self._route.secret_file)
        except KeyFileError as error:
            log.error("the webhook of %s has no secret: %s", self._name, error)  # noqa: TRY400 - it says all
            return Answered(problem="secret")
        at = self._now() // 1000
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": f"xiaoqu-gateway/{wire.SOFTWARE}",
            "webhook-id": row.message,
            "webhook-timestamp": str(at),
            "webhook-signature": signatures(known, row.message, at, row.body),
        }
        route = self._route
        return calling.post(route.url, row.body, headers, allow_internal=route.allow_internal, ca_file=route.ca_file)

    def _pause(self, tries: int, answered: Answered, now: int) -> int:
        """Milliseconds until the next try: no sooner than the receiver asks, within a day."""
        planned = AGAIN_AFTER_S[tries] * (1 + JITTER * (2 * self._chance() - 1))
        return int(1000 * max(planned, min(asked_for(answered.retry_after, now), LONGEST_S)))


def clear(connection: Connection, with_webhook: Collection[str], now: int) -> int:
    """Delete what is old, and give up what waits for stations that have no webhook any more; how many those are."""
    webhooks.forget(connection, now - DELIVERED_KEPT_MS, now - DEAD_KEPT_MS)
    return webhooks.give_up_unreachable(connection, with_webhook)


def asked_for(header: str | None, now: int) -> float:
    """Seconds that a `Retry-After` asks for, as a number or a date; 0 where it asks for nothing that can be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        at = parsedate_to_datetime(text)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now / 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
