"""A real broker on loopback, and plain clients beside ours that see what passes."""

import contextlib
import queue
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway import broker
from gateway.broker import Accounts, Secured, StationAccount
from gateway.bus import Account, Bus, Message
from tests.ports import free_port
from tests.waiting import until

WORDS = {"centre": "c" * 16, "yuan-1": "s" * 16, "yuan-2": "t" * 16, "other-1": "o" * 16, "police-jiangwan": "p" * 16}
ACCOUNTS = Accounts(
    WORDS["centre"],
    (
        StationAccount("yuan-1", "yuan", WORDS["yuan-1"]),
        StationAccount("yuan-2", "yuan", WORDS["yuan-2"]),
        StationAccount("other-1", "other", WORDS["other-1"]),
    ),
    {"jiangwan": WORDS["police-jiangwan"], "hongkou": "h" * 16},
)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False


@dataclass
class Broker:
    """A broker as the program itself sets it up."""

    folder: Path
    accounts: Accounts = ACCOUNTS
    port: int = field(default_factory=free_port)
    protocol: int = 5
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self, secured: Secured | None = None) -> None:
        command, self.protocol = broker.prepare(self.folder, self.port, self.accounts, secured)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: answers(self.port), what="a broker that answers")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)
        self.process = None

    def account(self, name: str, protocol: int | None = None, client_id: str = "") -> Account:
        word = self.accounts.passwords().get(name, "")
        return Account(self.url, client_id or f"{name}-test", name, word, protocol=protocol or self.protocol)

    def hang_up(self) -> None:
        """Have it read its files again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)


@contextlib.contextmanager
def running(folder: Path, accounts: Accounts = ACCOUNTS) -> Iterator[Broker]:
    one = Broker(folder, accounts)
    one.start()
    try:
        yield one
    finally:
        if one.process is not None:
            one.kill()


@dataclass
class Client:
    """A bus with what it received; each message is settled as it comes unless `settle` is False."""

    bus: Bus
    messages: "queue.Queue[Message]"
    published: list[int]
    ups: list[int]
    downs: list[int]

    def topic(self, within: float = 5.0) -> str:
        return self.messages.get(timeout=within).topic


@contextlib.contextmanager
def client(account: Account, topics: Sequence[str] = (), *, settle: bool = True) -> Iterator[Client]:
    messages: queue.Queue[Message] = queue.Queue()
    published: list[int] = []
    ups: list[int] = []
    downs: list[int] = []

    def take(message: Message) -> None:
        if settle:
            message.settle()
        messages.put(message)

    bus = Bus(
        account,
        topics,
        on_message=take,
        on_up=lambda: ups.append(1),
        on_down=lambda: downs.append(1),
        on_published=published.append,
    )
    bus.start()
    try:
        yield Client(bus, messages, published, ups, downs)
    finally:
        bus.close()
