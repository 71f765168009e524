"""The bus as an AsyncAPI 3 document, made from `wire`: each topic and payload, as the centre sends and hears them."""

import inspect
import re
from typing import Any

import msgspec

from gateway import wire
from gateway.wire import Channel

_PARAMETER = re.compile(r"{([a-z_]+)}")
_PARAMETERS = {
    "partition": "SHA-256(community)[0] & 63: never changes",
    "community": "Name of the compound",
    "station": "Name of the station; its account at the broker has the same",
    "police_station": "Name of the police station; its account is police- and this name",
    "alert": "Number of the slip",
}
_SEALED = (
    "In an envelope: version (1 byte), key id (1 byte), nonce (12 bytes), AES-256-GCM of the JSON described here, "
    "bound to the full topic. Keys follow from the station's secret (HKDF-SHA-256), one for each direction."
)


def document() -> dict[str, Any]:
    """The document, as JSON values."""
    channels = wire.CHANNELS
    _, schemas = msgspec.json.schema_components(
        [channel.kind for channel in channels], ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "xiaoqu-gateway: the bus",
            "version": wire.SOFTWARE,
            "description": (
                "MQTT 5 or 3.1.1, QoS 1, clean sessions. No retained message is relied upon. "
                f"A payload has at most {wire.MAX_PAYLOAD} bytes. Instants are milliseconds, UTC. Bytes are base64."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in channels},
        "operations": {
            f"{'send' if channel.by_centre else 'receive'}_{channel.name}": {
                "action": "send" if channel.by_centre else "receive",
                "channel": {"$ref": f"#/channels/{channel.name}"},
                "bindings": {"mqtt": {"qos": 1, "retain": channel.retained}},
            }
            for channel in channels
        },
        "components": {
            "messages": {channel.name: _message(channel) for channel in channels},
            "schemas": {name: _draft_7(schema) for name, schema in sorted(schemas.items())},
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    found: dict[str, Any] = {
        "address": channel.address,
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
    }
    if names := _PARAMETER.findall(channel.address):
        found["parameters"] = {name: {"description": _PARAMETERS[name]} for name in names}
    return found


def _message(channel: Channel) -> dict[str, Any]:
    said = inspect.getdoc(channel.kind) or ""
    return {
        "name": channel.name,
        "summary": said,
        "description": _SEALED if channel.sealed else "Plain JSON.",
        "contentType": "application/octet-stream" if channel.sealed else "application/json",
        "payload": {"$ref": f"#/components/schemas/{channel.kind.__name__}"},
    }


def _draft_7(schema: Any) -> Any:
    """AsyncAPI's schemas are of draft 7, where a tuple is said by `items`."""
    if isinstance(schema, list):
        return [_draft_7(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _draft_7(value) for name, value in schema.items()}
    if "prefixItems" in found:
        found["additionalItems"] = found.pop("items", True)
        found["items"] = found.pop("prefixItems")
    return found
