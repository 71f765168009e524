"""What leaves for the police apart from the bus, put together: lists, webhooks, and their API."""

import logging
import threading
from collections.abc import Callable

from fastapi import APIRouter

from gateway.centre.api.access import Access
from gateway.centre.api.deliveries import make_deliveries
from gateway.centre.api.police import make_police
from gateway.centre.checklists import Checklists
from gateway.centre.webhooks import Webhook, clear
from gateway.keys import Master
from gateway.routes import Routes
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.web.page import make_pages
from rules.policy import Policy

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
CLEAR_EVERY_MS = 3_600_000


class Sending:
    """`start` is given what starts a thread of the centre; `policy` is asked each time."""

    def __init__(
        self,
        database: Database,
        master: Master,
        settings: Settings,
        policy: Callable[[], Policy],
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._policy = policy
        self._now = now
        self.routes = Routes(settings.police)
        self._base_url = settings.centre.base_url
        self.checklists = Checklists(database, master, self.routes, settings.data / "police", make_pages(), now)
        self._cleared = 0
        self._webhooks = {one.name: Webhook(database, one, now) for one in self.routes.with_webhook()}

    def start(self, start: Callable[..., None], stop: threading.Event) -> None:
        """One thread makes the lists; each webhook has one of its own, since another may hang."""
        start("lists for the police", self._lists, stop)
        for name, webhook in self._webhooks.items():
            start(f"webhook of {name}", webhook.run, stop)

    def routers(self, access: Access) -> list[APIRouter]:
        return [
            make_police(self._database, access, self.checklists, self._now),
            make_deliveries(self._database, access, self.routes, self._base_url, self._now),
        ]

    def clear(self) -> None:
        """Once an hour: old events are deleted, and those that wait for a webhook that was taken away are given up."""
        now = self._now()
        if now - self._cleared < CLEAR_EVERY_MS:
            return
        with self._database.write() as connection:
            given_up = clear(connection, self._webhooks, now)
        if given_up:
            log.warning(
                "%d events waited for webhooks that are in the configuration no more, and are given up", given_up
            )
        self._cleared = now

    def _lists(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.clear()
                self.checklists.turn(self._policy())
            except Exception:  # a disk that is full today may have room tomorrow
                log.exception("the lists for the police failed")
            stop.wait(LOOK_EVERY_S)
