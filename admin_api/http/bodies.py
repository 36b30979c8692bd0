"""JSON that comes from outside. Needs no Quart."""

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def read_json(data: str | bytes, kind: type[T] | Any) -> T:
    """Read JSON of a type. Raises ValueError, also for what is nested too deeply, even in a part that is left out."""
    try:
        found: T = msgspec.json.decode(data, type=kind)
    except RecursionError as error:
        raise ValueError("JSON is nested too deeply") from error
    return found
