"""`gateway bus tail`: what passes on the bus, opened with the centre's keys, one JSON object a line."""

import base64
import json
import queue
import secrets
from collections.abc import Iterator

import msgspec

from gateway import wire
from gateway.broker import CENTRE
from gateway.bus import Account, Bus, Message
from gateway.keys import Envelope, Master, NotAuthentic
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.queries import streams
from gateway.tls import Security


def tail(settings: Settings, master: Master, url: str, password: str) -> Iterator[str]:
    """Lines without end, until the caller stops. Tokens and seals stay what they are: nothing here names a person."""
    arrived: queue.Queue[Message] = queue.Queue()
    username = settings.broker.username or CENTRE
    security = Security(settings.broker.ca_file, settings.broker.certificate_file)
    account = Account(url, f"tail-{secrets.token_hex(4)}", username, password, security, settings.broker.protocol)
    envelopes = _envelopes(settings, master)
    bus = Bus(account, [f"{wire.ROOT}/#"], on_message=arrived.put)
    bus.start()
    try:
        while True:
            message = arrived.get()
            message.settle()
            yield json.dumps(_opened(message, envelopes), ensure_ascii=False)
    finally:
        bus.close()


def _envelopes(settings: Settings, master: Master) -> dict[tuple[str, str], Envelope]:
    """The envelope of each station and direction."""
    database = Database(settings.database)
    with database.read() as connection:
        rows = streams.stations(connection)
    database.close()
    found: dict[tuple[str, str], Envelope] = {}
    for row in rows:
        keys = master.station(row.name, row.generation)
        found[row.name, "up"], found[row.name, "down"] = keys.up(), keys.down()
    return found


def _opened(message: Message, envelopes: dict[tuple[str, str], Envelope]) -> dict[str, object]:
    parts = message.topic.split("/")
    said: dict[str, object] = {"topic": message.topic, "retained": message.retained, "size": len(message.payload)}
    try:
        plain = message.payload
        if len(parts) == 7 and parts[2] == "s":
            envelope = envelopes[parts[5], "down" if parts[6] in wire.TO_STATION else "up"]
            plain = envelope.unwrap(message.topic, message.payload)
        if parts[-1] == "roster":
            return said | {"payload": "a part of a roster bundle"}
        return said | {"payload": msgspec.json.decode(plain) if plain else None}
    except (NotAuthentic, KeyError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        return said | {"error": str(error), "start": base64.b64encode(message.payload[:24]).decode()}
