"""JSON answers that read well on a terminal: indented, with a newline at the end."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from quart import Response


def answer(body: msgspec.Struct | dict[str, Any], status: int = 200) -> Response:
    """Make a JSON answer from an object."""
    return json_answer(msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n", status)


def json_answer(body: bytes | AsyncIterator[bytes], status: int = 200) -> Response:
    """Make an answer from JSON text. It is not cached, since it is out of date at once."""
    made = Response(body, status, content_type="application/json")
    made.headers["Cache-Control"] = "no-store"
    return made
