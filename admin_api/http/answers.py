"""Answers as JSON that is pleasant on a terminal: indented, and with a newline at the end."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from quart import Response


def answer(body: msgspec.Struct | dict[str, Any], status: int = 200) -> Response:
    """Make an answer of one object."""
    return json_answer(msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n", status)


def json_answer(body: bytes | AsyncIterator[bytes], status: int = 200) -> Response:
    """Make an answer of JSON text. It is true only now, so nobody may keep it."""
    made = Response(body, status, content_type="application/json")
    made.headers["Cache-Control"] = "no-store"
    return made
