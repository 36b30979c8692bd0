"""Lines that a search found: what was searched for is marked, and other rooms than the current one are named. Pure."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from msgspec.structs import replace

from trio_chat.chat.errors import ChatError
from trio_chat.chat.search_query import phrases_in, read_search
from trio_chat.chat.text import excerpt
from trio_chat.client.transcript.rendered import TranscriptItem
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.wire import frames

MARKED_CHARS_MAX = 8192
"""Characters of one page in which marks are looked for, the newest lines first: up to 60 ms of CPU."""


def mark_found(search: frames.Search, items: Sequence[TranscriptItem], room: str) -> list[TranscriptItem]:
    """Mark what was searched for in what was found, oldest first, for somebody whose current room is `room`."""
    phrases, chars_left = _phrases_of(search), MARKED_CHARS_MAX
    marked: list[TranscriptItem] = []
    for item in reversed(items):
        first, *below = item.rows
        chars_left -= sum(len(part.text) for part in first)
        if chars_left >= 0:
            first = tuple(part for whole in first for part in mark_matches(whole, phrases))
        marked.append(replace(item, rows=[_in_room(item.room, room, first), *below]))
    return marked[::-1]


def mark_matches(part: Part, phrases: Sequence[str]) -> Iterator[Part]:
    """Yield the parts of a part in which folded phrases are marked, where somebody said it."""
    from trio_chat.chat.words import matches  # as in `transcript.py`: nobody should wait for it at the start

    end = 0
    for start, stop in matches(part.text, phrases) if part.style is Style.PLAIN else ():
        yield Part(part.text[end:start])
        yield Part(part.text[start:stop], Style.MATCH)
        end = stop
    yield Part(part.text[end:], part.style)


def _phrases_of(search: frames.Search) -> tuple[str, ...]:
    with suppress(ChatError):
        return phrases_in(read_search(search.text, 0.0).words)
    return ()


def _in_room(where: str, room: str, row: Row) -> Row:
    return row if where == room else (Part(f"#{excerpt(where)} ", Style.NOTICE), *row)
