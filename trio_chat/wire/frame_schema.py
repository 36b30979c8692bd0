"""The JSON Schema of frames, for clients in typed languages: `make docs` writes docs/protocol.schema.json."""

import inspect
import json
from typing import Any

import msgspec

from trio_chat.wire.frames import PROTOCOL, AnyReply, AnyRequest


def json_schema() -> dict[str, Any]:
    """Make the schema of all frames; `$defs` has ClientToServer, ServerToClient and each frame."""
    (requests, replies), frames = msgspec.json.schema_components((AnyRequest, AnyReply), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"trio-chat frames, protocol version {PROTOCOL}",
        "description": "Each line, in either direction, is one of these. Other fields are ignored.",
        "anyOf": [{"$ref": "#/$defs/ClientToServer"}, {"$ref": "#/$defs/ServerToClient"}],
        "$defs": {
            "ClientToServer": requests,
            "ServerToClient": replies,
            **{name: _described(frame) for name, frame in frames.items()},
        },
    }


def _described(frame: dict[str, Any]) -> dict[str, Any]:
    """Remove the indentation of the description, as Python itself does from 3.13 on."""
    return frame | {"description": inspect.cleandoc(frame["description"])} if "description" in frame else frame


def schema_text() -> str:
    """Make the text of `docs/protocol.schema.json`."""
    return json.dumps(json_schema(), indent=2) + "\n"
