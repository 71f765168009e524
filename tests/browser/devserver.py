"""Serves both consoles and all parts over made-up values, to look at: gate 8091, centre 8090, parts 8092 (/gallery).

python -m tests.browser.devserver
"""

import random
import signal
import threading
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from gateway.station.console.routes import make_app
from gateway.web.centre_pages import make_centre_pages, make_live
from gateway.web.page import make_pages
from gateway.web.server import Server
from gateway.web.site import make_site
from rules.model import Reason
from tests.browser.doubles import Booth, centre_desk
from tests.browser.gallery import make_gallery

PACE_S = 4.0


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    booth = Booth()
    booth.busy_morning()
    desk, pages = centre_desk(datetime.now(UTC)), make_pages()
    live = make_live(desk, pages)
    centre = make_site(pages, [make_centre_pages(desk, live, pages)], closing=[live.close])
    servers = [
        Server(make_app(booth.desk, booth.gate, registry=CollectorRegistry()), "127.0.0.1", 8091),
        Server(centre, "127.0.0.1", 8090),
        Server(make_gallery(), "127.0.0.1", 8092),
    ]
    for server in servers:
        server.start()
    while not stop.wait(PACE_S):
        booth.say(
            random.choice([Reason.ENROLLED] * 6 + [Reason.EXIT, Reason.UNKNOWN_CREDENTIAL, Reason.CREDENTIAL_LOST])
        )
    for server in servers:
        server.close()


if __name__ == "__main__":
    main()
