"""The people around the gateway, as programs: guard, property office, grid worker, reviewer, police platform.

They use the public surfaces alone: pages, HTTP API and MQTT.
"""

import json
import logging
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
SLIPS_AT_ONCE = 3
SIGNS_IN, EVENING = "wangge", 8
"""The grid worker who has an account, and how many cases are left on their list."""


class Refused(Exception):
    """The API said no; the text is its problem's title."""


@dataclass(frozen=True, slots=True)
class Api:
    """The centre's API as one client with its token."""

    base: str
    token: str

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer, None where there is none; bytes go as they are.

        Raises:
            Refused: for a problem. OSError: when nobody answers.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.base}/api/v1{path}", data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - our own loopback
                said = answer.read()
                return json.loads(said) if said else None
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(f"{error.code} {error.read().decode(errors='replace')[:300]}") from None


class Guard:
    """Sees that a gate did not open, and lets the person in by one touch on the gate console."""

    def __init__(self, console: str, seed: int = 0) -> None:
        self._console = console
        self._random = random.Random(seed)

    def let_in(self, portal: str) -> None:
        """Press one of the six buttons; the page takes it like a browser's."""
        whom = self._random.choice(("visitor", "delivery", "household_service", "other"))
        form = urllib.parse.urlencode({"portal": portal, "classification": whom}).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self._console}/gate/open", form, {"Origin": self._console}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - our own loopback
                pass
        except OSError as error:
            log.warning("the guard could not open by hand: %s", error)


class Office:
    """Grid worker and reviewer: cases are assigned, visited, and a slip is sent where the policy proposes one."""

    def __init__(self, worker: Api, reviewer: Api) -> None:
        self._worker = worker
        self._reviewer = reviewer

    def work(self) -> None:
        """One look at what is to be done: at most one case and one slip; one more case for the worker who signs in."""
        self._hand_out()
        alerts = self._reviewer.call("GET", "/alerts?limit=100")
        waiting = [a for a in alerts if a["state"] in {"sent", "acknowledged"}]
        proposed = [a for a in alerts if a["state"] == "proposed"]
        if proposed and len(waiting) < SLIPS_AT_ONCE:
            slip = proposed[-1]
            self._reviewer.call("POST", f"/alerts/{slip['slip']}/send", {"revision": slip["revision"]})
            log.info("the reviewer sent slip %s to the police", slip["slip"])
        elif not proposed and len(waiting) < SLIPS_AT_ONCE:
            self._visit_one()

    def _hand_out(self) -> None:
        """Give somebody's evening list another case of those that the gate did not find, up to so many."""
        cases = self._reviewer.call("GET", "/cases?limit=200")
        theirs = [c for c in cases if c["collector"] == SIGNS_IN]
        ready = [c for c in cases if c["kind"] == "collection" and c["state"] == "open" and c["source"] != "gate"]
        if ready and len(theirs) < EVENING:
            body = {"act": "assign", "revision": ready[0]["revision"], "to": SIGNS_IN}
            self._reviewer.call("POST", f"/cases/{ready[0]['id']}/acts", body)

    def _visit_one(self) -> None:
        cases = self._reviewer.call("GET", "/cases?limit=200")
        ready = [c for c in cases if c["kind"] == "collection" and c["state"] == "open" and c["slip"] is None]
        by_gate = [c for c in ready if c["source"] == "gate"] or ready
        if not by_gate:
            return
        case = by_gate[-1]
        body = {"act": "assign", "revision": case["revision"], "to": "demo-worker"}
        assigned = self._reviewer.call("POST", f"/cases/{case['id']}/acts", body)
        visit = {"at": datetime.now(UTC).isoformat(), "met": False, "notice_left": True}
        visit["revision"] = assigned["revision"]
        self._worker.call("POST", f"/cases/{case['id']}/visits", visit)
        log.info("the grid worker visited for case %d, met nobody, and left a card", case["id"])


class PolicePlatform:
    """A police station's platform on the bus: acknowledges each slip, then answers it."""

    def __init__(
        self, police_station: str, port: int, username: str, password: str, *, patience_s: float = 3.0
    ) -> None:
        self._root = f"xq/v1/police/{police_station}"
        self.username, self.password, self.topic = username, password, f"{self._root}/alert/#"
        self._patience = patience_s
        self._number = 0
        self._due: list[tuple[float, dict[str, object]]] = []
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"{username}-platform")
        self._client.username_pw_set(username, password)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{self._root}/alert/+", 1)
        self._client.on_message = self._received
        self._client.reconnect_delay_set(1, 2)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def work(self) -> None:
        """Send the answers that are due."""
        now = time.monotonic()
        with self._lock:
            due = [answer for at, answer in self._due if at <= now]
            self._due = [(at, answer) for at, answer in self._due if at > now]
        for answer in due:
            sent = self._client.publish(f"{self._root}/answer", json.dumps(answer, ensure_ascii=False), qos=1)
            if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                log.info("the police answered slip %s: %s", answer["id"], answer["answer"])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _received(self, _client: Client, _user: object, message: MQTTMessage) -> None:
        if not message.payload:
            return
        alert = json.loads(message.payload)
        with self._lock:
            if alert["state"] not in {"sent", "acknowledged"} or alert["id"] in self._known:
                return
            self._known.add(alert["id"])
            self._number += 1
            said = {"id": alert["id"], "actor": "示例民警"}
            now = time.monotonic()
            if alert["state"] == "sent":
                self._due.append((now + self._patience, said | {"answer": "acknowledged"}))
            self._due.append((now + 2 * self._patience, said | self._last_word()))

    def _last_word(self) -> dict[str, object]:
        if self._number % 3 == 0:
            return {"answer": "wrong", "note": "现场核实:信息有误"}
        return {"answer": "handled", "receipt": f"HZ-{self._number:06d}"}


def put_list(api: Api, path: str, kind: str, data: bytes, stop: threading.Event) -> int:
    """Hand a list in as a file, wait until it is checked, and have it taken; how many rows were good."""

    def reached(state: str) -> Any:
        while not stop.wait(0.2):
            found = api.call("GET", f"{path}/lists/{number}")
            if found["state"] in {state, "refused"}:
                return found
        return {"good": 0, "bad": 0}

    number = api.call("POST", f"{path}/lists/{kind}", data)["id"]
    found = reached("checked")
    if found["bad"] or found.get("problem"):
        log.warning("the list %s has %d bad rows: %s", kind, found["bad"], found["problem"])
    api.call("POST", f"{path}/lists/{number}/take")
    return int(reached("taken")["good"])


def put_in_parts(api: Api, path: str, rows: Sequence[dict[str, object]], size: int, **more: object) -> int:
    """Put a long list in parts; the last one says `complete`, where `more` has that. Returns how many went in."""
    taken = 0
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        body: dict[str, object] = {"rows": part} | more
        if "complete" in more:
            body["complete"] = start + size >= len(rows)
        answer = api.call("PUT", path, body)
        for bad in answer["not_taken"]:
            log.warning("row %d of %s was not taken: %s", start + bad["row"], path, bad["problem"])
        taken += answer["taken"]
    return taken
