"""What leaves for the police apart from the bus, put together: the lists of each working day, and their API."""

import logging
import threading
from collections.abc import Callable

from fastapi import APIRouter

from gateway.centre.api.access import Access
from gateway.centre.api.police import make_police
from gateway.centre.checklists import Checklists
from gateway.keys import Master
from gateway.routes import Routes
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.web.page import make_pages
from rules.policy import Policy

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0


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
        self._checklists = Checklists(
            database, master, Routes(settings.police), settings.data / "police", make_pages(), now
        )

    def start(self, start: Callable[..., None], stop: threading.Event) -> None:
        start("lists for the police", self._lists, stop)

    def router(self, access: Access) -> APIRouter:
        return make_police(self._database, access, self._checklists, self._now)

    def _lists(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._checklists.turn(self._policy())
            except Exception:  # a disk that is full today may have room tomorrow
                log.exception("the lists for the police failed")
            stop.wait(LOOK_EVERY_S)
