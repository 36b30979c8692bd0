"""JSON answers that read well on a terminal: indented, with a newline at the end."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from quart import Response

from admin_api.http.turns import in_turns

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


def answer(body: msgspec.Struct | dict[str, Any], status: int = 200) -> Response:
    """Make a JSON answer from an object."""
    return json_answer(msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n", status)


def json_answer(body: bytes | AsyncIterator[bytes], status: int = 200) -> Response:
    """Make an answer from JSON text. It is not cached, since it is out of date at once."""
    made = Response(body, status, content_type="application/json")
    made.headers["Cache-Control"] = "no-store"
    return made


def list_answer(name: str, rows: Sequence[T], view: Callable[[T], msgspec.Struct], **rest: object) -> Response:
    """Make an answer from rows, one a line under `name`, and from what follows them. It is sent in turns."""
    return turns_answer(name, rows, partial(map, view), **rest)


def turns_answer(
    name: str, rows: Sequence[T], views: Callable[[Iterable[T]], Iterable[msgspec.Struct]], **rest: object
) -> Response:
    """Make such an answer by `views`, which is called with the rows of each turn."""
    return json_answer(_stream(name, rows, views, rest))


async def _stream(
    name: str,
    rows: Sequence[T],
    views: Callable[[Iterable[T]], Iterable[msgspec.Struct]],
    rest: Mapping[str, object],
) -> AsyncIterator[bytes]:
    opening = b'{"%s": [' % name.encode()
    async for turn in in_turns(rows):
        lines = _encoder.encode_lines(views(turn))  # there is no other newline in JSON
        yield opening + b"\n" + lines[:-1].replace(b"\n", b",\n")
        opening = b","
    yield b"\n" if rows else opening
    yield b"]" + (b",\n" + _encoder.encode(rest)[1:] if rest else b"}") + b"\n"
