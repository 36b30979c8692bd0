"""Requests with keys: recognising a repeat, and keeping the order of those that could not be kept."""

from collections.abc import Sequence
from typing import assert_never

from trio_chat.chat.drafts import readable, readable_lines
from trio_chat.chat.events import MAILBOX_MARK, SUPERSEDED, Draft, Entry, Kind
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.register import as_peer
from trio_chat.chat.removal import is_tombstone
from trio_chat.chat.text import clean
from trio_chat.chat.topics import digest_of_topic
from trio_chat.journal import Past
from trio_chat.wire import frames

Speech = frames.Say | frames.Act | frames.Tell | frames.Topic
"""Requests that say something: the entry with their key acknowledges them."""

UNKEPT_MAX = 256
"""Keys remembered for one client: 30 KB, and only while nothing can be kept."""


class Unkept:
    """The keys of requests of one client on this connection that could not be kept, in their order.

    The client has to repeat them in that order, before any other request with a key. Otherwise the lines of a client
    that sends ahead would be kept in another order than it said them.
    """

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def is_turn_of(self, key: str) -> bool:
        """Remove a key whose turn has come. -> False where an earlier one comes first"""
        if self._keys and key and key != next(iter(self._keys)):
            return False
        self._keys.pop(key, None)
        return True

    def append(self, key: str) -> None:
        """Add the key of a request that came before its turn."""
        if len(self._keys) < UNKEPT_MAX:
            self._keys[key] = None

    def discard(self, key: str) -> None:
        """Remove the key of a request that turned out to be kept."""
        self._keys.pop(key, None)

    def add(self, keys: list[str]) -> None:
        """Add the keys of requests that failed just now, ahead of all that wait already."""
        if any(keys):
            self._keys = dict.fromkeys((*filter(None, keys), *self._keys))


def is_repeat(request: Speech, entry: Entry) -> bool:
    """Tell whether an entry with the key of a request has what the request says."""
    draft = entry.draft
    if is_tombstone(draft):  # it may have said this: nobody knows any more
        is_told = draft.room.startswith(MAILBOX_MARK)
        return is_told if isinstance(request, frames.Tell) else _is_in(draft, request.room)
    match request:
        case frames.Say():
            return draft.kind is Kind.SAID and _is_in(draft, request.room) and draft.text == _last_line(request)
        case frames.Act():
            return draft.kind is Kind.ACTED and _is_in(draft, request.room) and draft.text == readable(request.text)
        case frames.Topic():
            return (
                draft.kind is Kind.TOPIC
                and _is_in(draft, request.room)
                and draft.text == _as_kept(draft, clean(request.text).strip())
            )
        case frames.Tell():
            return draft.kind is Kind.TOLD and draft.text == readable(request.text) and _may_name(request.to, draft.to)
        case _:
            assert_never(request)


def earlier_lines(request: Speech) -> list[str]:
    """Return all lines but the last as they are kept: the entries before the one that has the key."""
    return _lines(request)[:-1] if isinstance(request, frames.Say) and len(request.lines) > 1 else []


def ends_in(past: Sequence[Past], lines: Sequence[str], author: str) -> bool:
    """Tell whether entries of a room, oldest first, end in lines of an author, as far as that is still known."""
    pairs = zip(reversed(past), reversed(lines), strict=False)
    known = [(one.draft, line) for one, line in pairs if isinstance(one, Entry) and not is_tombstone(one.draft)]
    return all((draft.author, draft.text) == (author, line) for draft, line in known)


def _lines(request: frames.Say) -> list[str]:
    return readable_lines(request.lines or (request.text or "",))


def _last_line(request: frames.Say) -> str:
    """Return the last line as it is kept: its entry has the key."""
    lines = _lines(request)
    return lines[-1] if lines else ""


def _as_kept(draft: Draft, topic: str) -> str:
    """Return a topic as a draft has it, which may have given way to another one."""
    return digest_of_topic(topic) if draft.room == SUPERSEDED else topic


def _is_in(draft: Draft, room: str) -> bool:
    name = draft.to if draft.room == SUPERSEDED else draft.room
    return fold_name(name) == fold_name(room.removeprefix("#"))


def _may_name(spelling: str, label: str) -> bool:
    """Tell whether `spelling` may have named the client with this label. Any port or id may, once it is gone."""
    peer = as_peer(spelling)
    return (
        label in (spelling, peer) or fold_name(peer) == fold_name(label) or not any(map(str.isalpha, peer.lstrip("c")))
    )
