"""JSON Schemas for the fields of paths, queries and bodies, and examples made from them."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

Schema = dict[str, Any]

ID_MAX = 2**53
"""The largest id of an entry that is asked for: every program can read that number."""

_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(\.{_BYTE}){{3}}"
_IPV6 = "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}"
_PEER = rf"({_IPV4}:{_PORT}|\[{_IPV6}\]:{_PORT})"

CLIENT: Schema = {
    "type": "string",
    "description": "The port, ADDRESS:PORT (also in brackets, as the chat shows it), id or nick of a client.",
    "pattern": rf"^({_PORT}|{_PEER}|{_IPV6}:{_PORT}|\[{_PEER}\]|[0-9_-]{{0,11}}[A-Za-z][A-Za-z0-9_-]{{0,12}})$",
    "examples": ["47634"],
}
ROOM: Schema = {
    "type": "string",
    "description": "The name of a room, with or without the # before it (%23 in a path).",
    "pattern": "^#?[A-Za-z0-9_-]{1,24}$",
    "examples": ["lobby"],
}
HOOK: Schema = {
    "type": "string",
    "description": "The name under which a hook speaks.",
    "minLength": 1,
    "pattern": "^[A-Za-z0-9_-]{1,24}$",
    "examples": ["deploy"],
}
NAME: Schema = {
    "type": "string",
    "description": "A claimed name, in any spelling.",
    "minLength": 1,
    "maxLength": 96,
    "examples": ["alice"],
}
INVITE: Schema = {
    "type": "string",
    "description": "The id of an invite.",
    "pattern": "^[0-9a-f]{8}$",
    "examples": ["3f9a01c2"],
}
NETWORK: Schema = {
    "type": "string",
    "description": "An address or a network, IPv4 or IPv6.",
    "anyOf": [
        {"type": "string", "format": "ipv4"},
        {"type": "string", "format": "ipv6"},
        {"type": "string", "pattern": rf"^{_IPV4}/(3[0-2]|[12]?[0-9])$"},
        {"type": "string", "pattern": rf"^{_IPV6}/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$"},
    ],
    "examples": ["192.0.2.0/24"],
}
TARGET: Schema = {
    "type": "string",
    "description": "An address or a network, or the port, ADDRESS:PORT, id or nick of a client.",
    "anyOf": [*NETWORK["anyOf"], {"type": "string", "pattern": CLIENT["pattern"]}],
    "examples": ["alice"],
}
MUTED: Schema = {
    "type": "string",
    "description": "The id of a mute, the network that is muted, or the client, as the list of mutes shows them.",
    "anyOf": [{"type": "string", "pattern": "^m[1-9][0-9]{0,8}$"}, *TARGET["anyOf"]],
    "examples": ["m1"],
}
Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in an answer; without `tz` the document would not call it a time."""

Instant = Annotated[str, msgspec.Meta(max_length=40, extra_json_schema={"format": "date-time"})]
"""A time with its zone, as RFC 3339 writes it."""


def read_instant(written: str) -> float:
    """Return the seconds since 1970 of an Instant. Raises ValueError."""
    time: datetime = msgspec.convert(written, Annotated[datetime, msgspec.Meta(tz=True)])
    return time.timestamp()


def fields_of(kind: type[msgspec.Struct]) -> dict[str, Schema]:
    """Return the schema of each field of a struct."""
    _, components = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    fields: dict[str, Schema] = components[kind.__name__]["properties"]
    return fields


def example_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Make an example of a struct: the fields whose schema has one."""
    return {name: schema["examples"][0] for name, schema in fields_of(kind).items() if "examples" in schema}
