"""What Mosquitto says of whom it refused, as refusals that a person can read; the rest is noise or goes to our log."""

import logging
import re
import threading
from collections import Counter
from dataclasses import dataclass

log = logging.getLogger(__name__)

MOST = 200
"""Different refusals held until they are taken; beyond it the newest are only counted."""
_CLIENTS = 5000
"""Connected clients whose account is remembered: ten times the stations of a district."""
_AT = re.compile(rb"\A\d+:\s?")
_JOINED = re.compile(rb"New client connected from \S+ as (.*) \(p\d, c\d, k\d+(?:, u'(.*)')?\)\.")
_DENIED = re.compile(rb"Denied PUBLISH from (.*) \(d\d, q\d, r\d, m\d+, '(.*)', \.\.\. \((\d+) bytes\)\)")
_LEFT = re.compile(rb"Client (.*?)(?: closed its connection\.| disconnected[.,:]? ?(.*)| has exceeded timeout.*)\Z")
_TLS = re.compile(rb"OpenSSL Error\[\d+\]: error:[0-9A-F]+:[^:]*:[^:]*:(.*)\Z")
_NOISE: tuple[bytes, ...] = (
    *(b"Sending ", b"Received ", b"\t", b"New connection", b"No will message", b"Will message", b"Opening "),
    *(b"mosquitto version", b"Config loaded", b"Outgoing", b"Reloading config"),
    b"Warning: Mosquitto should not be run as root",
)
_BAD_HANDSHAKE = (b"certificate", b"no shared", b"unsupported protocol", b"wrong version", b"http request")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Somebody whom the broker refused. `account` is as whom they came in, "" when they did not; `topic` may be ""."""

    account: str
    topic: str
    reason: str
    size: int = 0


class BrokerLog:
    """`heard` takes lines from any one thread, `take` from another."""

    def __init__(self) -> None:
        self._accounts: dict[bytes, str] = {}
        self._found: Counter[Refusal] = Counter()
        self._lock = threading.Lock()

    def heard(self, line: bytes) -> None:
        """Take a line of Mosquitto's log, of the types error, warning, notice and debug."""
        text = _AT.sub(b"", line.rstrip(), count=1)
        if text.startswith(_NOISE) or not text:
            return
        if found := _JOINED.match(text):
            if len(self._accounts) < _CLIENTS:
                self._accounts[found[1]] = _text(found[2] or b"")
        elif found := _DENIED.match(text):
            account = self._accounts.get(found[1], "")
            self._refused(
                Refusal(account, _text(found[2]), "the broker refused it: not a topic of this account's", int(found[3]))
            )
        elif found := _LEFT.match(text):
            self._left(found[1], found[2] or b"")
        elif found := _TLS.match(text):
            if any(word in found[1] for word in _BAD_HANDSHAKE):
                self._refused(Refusal("", "", f"the broker refused a connection: {_text(found[1])}"))
        else:
            log.warning("broker: %s", _text(text))

    def take(self) -> list[tuple[Refusal, int]]:
        """What was refused since the last time, and how often."""
        with self._lock:
            found, self._found = self._found, Counter()
        return list(found.items())

    def _left(self, client: bytes, why: bytes) -> None:
        account = self._accounts.pop(client, "")
        if b"oversize" in why:
            self._refused(Refusal(account, "", "the broker refused a payload that is larger than it takes"))
        elif b"not authorised" in why:
            self._refused(Refusal(account, "", "the broker refused a connection: no such account, or a wrong password"))

    def _refused(self, refusal: Refusal) -> None:
        with self._lock:
            if refusal in self._found or len(self._found) < MOST:
                self._found[refusal] += 1


def _text(raw: bytes) -> str:
    """What a stranger chose, made printable and short."""
    return "".join(c if c.isprintable() else "?" for c in raw.decode("utf-8", "replace"))[:200]
