"""The JSON Schema of frames, for those who write clients in languages with types.

`python -m trio_chat.wire.frame_schema > docs/protocol.schema.json` writes it down.
"""

import inspect
import json
from typing import Any

import msgspec

from trio_chat.wire.frames import PROTOCOL, AnyReply, AnyRequest


def json_schema() -> dict[str, Any]:
    """Make the schema of any frame; `$defs` has ClientToServer, ServerToClient and each frame by itself."""
    (requests, replies), frames = msgspec.json.schema_components((AnyRequest, AnyReply), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"trio-chat frames, protocol version {PROTOCOL}",
        "description": "Each line, in either direction, is one of these. Fields that are not named here are ignored.",
        "anyOf": [{"$ref": "#/$defs/ClientToServer"}, {"$ref": "#/$defs/ServerToClient"}],
        "$defs": {
            "ClientToServer": requests,
            "ServerToClient": replies,
            **{name: _described(frame) for name, frame in frames.items()},
        },
    }


def _described(frame: dict[str, Any]) -> dict[str, Any]:
    """Take the indentation out of what a docstring says, as Python does by itself from 3.13 on."""
    return frame | {"description": inspect.cleandoc(frame["description"])} if "description" in frame else frame


def schema_text() -> str:
    """Print the schema as it stands in the documentation."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
