"""The document of the bus: valid by AsyncAPI's own schema, complete, and the one that is in the documentation."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from gateway import wire
from gateway.asyncapi import document
from gateway.wire import StationTopics

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"


def test_it_is_valid_by_the_schema_of_asyncapi_3() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(document())] == []
    broken = document()
    broken["channels"]["hello"]["adress"] = "x"
    del broken["info"]["title"]
    assert len(list(validator.iter_errors(broken))) >= 1, "a validator that takes everything proves nothing"


def test_the_documentation_has_it_as_it_is() -> None:
    kept = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
    assert kept == json.loads(msgspec.json.encode(document())), "gateway bus asyncapi > docs/asyncapi.json"


def test_every_topic_is_in_it_once() -> None:
    described = {one.address for one in wire.CHANNELS}
    names = {"{partition}": str(wire.partition("yuan")), "{community}": "yuan", "{station}": "yuan-1"}
    topics = set()
    for address in described:
        topic = address
        for word, name in {**names, "{police_station}": "jiangwan", "{alert}": "7"}.items():
            topic = topic.replace(word, name)
        topics.add(topic)
    mine = StationTopics("yuan", "yuan-1")
    expected = {mine(leaf) for leaf in (*wire.BY_STATION, *wire.TO_STATION)}
    expected |= {wire.CENTRE_STATUS, wire.alert_topic("jiangwan", "7"), wire.answer_topic("jiangwan")}
    assert topics == expected
    assert len(wire.CHANNELS) == len(described)


SAMPLES: tuple[Any, ...] = (
    wire.Hello("0" * 16, ("1" * 16, 3), [wire.Held("0" * 16, 1, 2)], 1, "x"),
    wire.Ack("0" * 16, 1, [wire.StreamAck("1" * 16, 3, [(5, 6)])]),
    wire.Command("0" * 16, 1, 1, "open", "east"),
    wire.Reply("0" * 16, 1, "done", seq=4),
    wire.Status("online", "0" * 16, 1, 1),
    wire.RosterPart(1, 1, 1, b"data"),
    wire.Swipes("0" * 16, [wire.SwipeRecord(1, 1, 1, "east", "in", "in", "grant", ["enrolled"], token=b"0" * 16)]),
)


@pytest.mark.parametrize("value", SAMPLES, ids=lambda one: type(one).__name__)
def test_what_we_send_fits_what_is_said_of_it(value: Any) -> None:
    whole = document()
    schema = {"$ref": f"#/components/schemas/{type(value).__name__}", "components": whole["components"]}
    validator = jsonschema.Draft7Validator(schema)
    sent = json.loads(wire.encode(value))
    assert [error.message for error in validator.iter_errors(sent)] == []
    required = [name for name in sent if name in whole["components"]["schemas"][type(value).__name__]["required"]]
    del sent[required[0]]
    assert list(validator.iter_errors(sent)) != []
