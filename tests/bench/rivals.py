"""What an integrator would put in the gateway's place: `python -m tests.bench.rivals KIND PORT DATABASE`.

echo        answers, and stores nothing
script      paho and sqlite3 as they come: a look-up, a row and a commit for each swipe
script-wal  the same with a write-ahead log and TCP_NODELAY, FULL durability
reference   paho with acknowledgements of its own, rows committed in groups, the register in a dict, FULL durability;
            nothing else of what the gateway does

Each answers `ac/verdict/LANE` with the sequence number of a swipe once its row is durable.
"""

import queue
import socket
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

SWIPES, VERDICTS = "ac/swipe/", "ac/verdict/"
MOST = 1000
SCHEMA = """
CREATE TABLE residents (uid TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE swipes (id INTEGER PRIMARY KEY, swipe TEXT NOT NULL UNIQUE, uid TEXT, at INTEGER, verdict TEXT, raw TEXT);
"""
INSERT = "INSERT OR IGNORE INTO swipes (swipe, uid, at, verdict, raw) VALUES (?, ?, ?, ?, ?)"


class Swipe(msgspec.Struct):
    swipe: str
    seq: int
    reader: str
    uid: str
    at: int


decode = msgspec.json.Decoder(Swipe).decode


def uid_of(number: int) -> str:
    return f"04A2{number:010d}"


def make(path: Path, people: int, *, wal: bool) -> None:
    """The database that every rival but the echo works on."""
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
        database.executescript(SCHEMA)
        rows = ((uid_of(n), f"测试{n}", "active") for n in range(people))
        database.executemany("INSERT INTO residents VALUES (?, ?, ?)", rows)
    database.close()


def client(*, nodelay: bool, manual: bool) -> Client:
    made = Client(CallbackAPIVersion.VERSION2, "gateway", clean_session=False, manual_ack=manual)
    if nodelay:
        made.on_socket_open = lambda _c, _u, line: line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.on_connect = lambda one, *_: one.subscribe(f"{SWIPES}#", 1)
    return made


def answer(one: Client, message: MQTTMessage, seq: int) -> None:
    one.publish(VERDICTS + message.topic.rpartition("/")[2], str(seq), 1)


def echo() -> Client:
    one = client(nodelay=True, manual=False)
    one.max_inflight_messages_set(0)
    one.on_message = lambda client, _, message: answer(client, message, decode(message.payload).seq)
    return one


def script(path: str, *, nodelay: bool) -> Client:
    database = sqlite3.connect(path, check_same_thread=False)
    one = client(nodelay=nodelay, manual=False)

    def take(client: Client, _: Any, message: MQTTMessage) -> None:
        swipe = decode(message.payload)
        row = database.execute("SELECT status FROM residents WHERE uid = ?", (swipe.uid,)).fetchone()
        verdict = "grant" if row and row[0] == "active" else "attend"
        database.execute(INSERT, (swipe.swipe, swipe.uid, swipe.at, verdict, message.payload.decode()))
        database.commit()
        answer(client, message, swipe.seq)

    one.on_message = take
    return one


def reference(path: str) -> Client:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA synchronous=FULL")
    register = dict(database.execute("SELECT uid, status FROM residents"))
    one = client(nodelay=True, manual=True)
    one.max_inflight_messages_set(0)
    waiting: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
    one.on_message = lambda _c, _u, message: waiting.put(message)

    def write() -> None:
        while True:
            group = [waiting.get()]
            while len(group) < MOST and not waiting.empty():
                group.append(waiting.get())
            swipes = [decode(message.payload) for message in group]
            rows = [
                (
                    s.swipe,
                    s.uid,
                    s.at,
                    "grant" if register.get(s.uid) == "active" else "attend",
                    message.payload.decode(),
                )
                for s, message in zip(swipes, group, strict=True)
            ]
            database.execute("BEGIN IMMEDIATE")
            database.executemany(INSERT, rows)
            database.execute("COMMIT")
            for swipe, message in zip(swipes, group, strict=True):
                answer(one, message, swipe.seq)
                one.ack(message.mid, message.qos)

    threading.Thread(target=write, daemon=True).start()
    return one


def main() -> None:
    kind, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    kinds = {
        "echo": echo,
        "script": lambda: script(path, nodelay=False),
        "script-wal": lambda: script(path, nodelay=True),
        "reference": lambda: reference(path),
    }
    one = kinds[kind]()
    one.connect("127.0.0.1", port)
    one.loop_forever()


if __name__ == "__main__":
    main()
