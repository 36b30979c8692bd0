"""Replies of a server cut to the limits of the protocol: it may be hostile. Pure.

A frame may have 16 MiB, and drawing a text costs a thousand times as much as reading it. So texts, names and lists are
cut off before anything else is done with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, islice
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from trio_chat.wire import frames

NAME_MAX = 128
"""Characters of a label, a room, a key and the like: the longest are labels that are addresses, of 53."""

CHARS_MAX = 128 * 1024
"""Characters of all texts of an answer. Pages of our server have at most 64 KiB and one text more."""

_LIMITS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("text", "topic", "lines"), frames.TEXT_LIMIT)
    | {"shows": frames.STICKER_LIMIT, "data": frames.PICTURE_DATA_LIMIT}
)
"""Characters of fields with text that somebody wrote, and with stickers. All others are names."""

StructT = TypeVar("StructT", bound=msgspec.Struct)


def within_limits(reply: frames.AnyReply) -> frames.AnyReply:
    """Return a reply with no text, name, list or object longer than our server sends it."""
    match _cut(reply):
        case frames.Page(entries=entries) as page:
            return replace(page, entries=_newest(entries))
        case frames.CommandOutput(lines=lines) as output:
            return replace(output, lines=lines[: _count_within(map(len, lines))])
        case cut:
            return cut


def _cut(frame: StructT) -> StructT:
    cut = {name: _cut_field(name, getattr(frame, name)) for name in frame.__struct_fields__}
    return replace(frame, **cut)


def _cut_field(name: str, value: Any) -> Any:
    match value:
        case str():
            return value[: _LIMITS.get(name, NAME_MAX)]
        case list():
            return [_cut_field(name, item) for item in value[-frames.PAGE_LIMIT :]]
        case dict():
            newest = islice(reversed(value.items()), frames.PAGE_LIMIT)
            return {key[:NAME_MAX]: _cut_field(name, item) for key, item in newest}
        case msgspec.Struct():
            return _cut(value)
    return value


def _newest(entries: Sequence[frames.Said]) -> list[frames.Said]:
    """Return the newest entries, the last ones, that have CHARS_MAX characters together."""
    count = _count_within(len(entry.text) for entry in reversed(entries))
    return list(entries[len(entries) - count :])


def _count_within(sizes: Iterable[int]) -> int:
    return sum(total <= CHARS_MAX for total in accumulate(sizes))
