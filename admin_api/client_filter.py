"""Filtering, sorting and paging of clients, in turns that hold the event loop for about a millisecond. Needs no Quart.

A page is made from the keys by which clients are sorted, so it costs one walk over all clients, wherever it begins.
"""

import base64
import heapq
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Any, Literal, cast

import msgspec
import trio

from admin_api.http.schemas import NETWORK
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.networks import Network, address_of, read_network

CLIENTS_PER_TURN = 200
"""Clients looked at between two checkpoints of the event loop: about a millisecond."""

PAGE_MAX = 1000
WORDS_MAX = 100
"""Characters of a filter."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=WORDS_MAX)]
Matches = Callable[[Client], bool]
Position = tuple[Any, int]
"""A client's key in a sorted list, and the number in its id, which tells those of one key apart."""


class ClientFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The clients that are meant: those that every given field fits."""

    room: Annotated[Text | None, msgspec.Meta(examples=["dev"])] = None
    """The name of a room that they are in."""
    address: Annotated[str, msgspec.Meta(extra_json_schema=NETWORK)] | None = None
    """Their address, or a network that it is in."""
    nick: Text | None = None
    """The beginning of their nick."""
    mode: Mode | None = None
    behind: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    """The fewest entries that they have not been sent yet."""
    idle: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    """The seconds since their last line or frame, at least."""
    away: bool | None = None
    """True for clients whose connection is broken, False for connected ones."""
    search: Text | None = None
    """A part of their nick, address and port, room or id."""

    @property
    def given(self) -> Mapping[str, object]:
        """The fields that say something, by name."""
        names = ClientFilter.__struct_fields__
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def compile(self, chat: Chat) -> Matches:
        """Return a function that tells whether a client is meant. Raises ChatError that names a wrong field."""
        tests = [self._test(name, chat) for name in self.given]
        return lambda client: all(test(client) for test in tests)

    def _test(self, name: str, chat: Chat) -> Matches:
        try:
            return _TESTS[name](getattr(self, name), chat)
        except ChatError as error:
            raise ChatError(error.code, f"`{name}`: {error.text}") from error


_KEYS: Mapping[str, Any] = MappingProxyType(
    {
        "connected": tuple[str, tuple[bool, int], int],
        "nick": tuple[str, tuple[bool, str], int],
        "address": tuple[str, tuple[int, int, int], int],
        "behind": tuple[str, int, int],
        "idle": tuple[str, float, int],
    }
)
"""The content of a cursor: the sort, the key by it, the number of the client."""

SORTS: Mapping[str, Callable[[Chat, Client], Any]] = MappingProxyType(
    {
        "connected": lambda _chat, client: (client.away_since is not None, int(client.id[1:])),
        "nick": lambda _chat, client: (client.nick is None, (client.nick or client.label).casefold()),
        "address": lambda _chat, client: _address_key(client),
        "behind": lambda _chat, client: client.behind[0],
        "idle": lambda _chat, client: -client.last_input_at,
    }
)
"""The keys by which clients are sorted."""

Sort = Literal["connected", "-connected", "nick", "-nick", "address", "-address", "behind", "-behind", "idle", "-idle"]


@dataclass(slots=True)
class ClientPage:
    """Some clients in order, the numbers of all and of those that match, and a cursor where more follow."""

    clients: list[Client] = field(default_factory=list)
    total: int = 0
    matching: int = 0
    next: str | None = None


async def select(chat: Chat, matches: Matches) -> AsyncIterator[list[Client]]:
    """Yield the clients that match, in turns: the connected ones, then those that are away."""
    clients = (*chat.clients, *chat.away)
    for start in range(0, len(clients), CLIENTS_PER_TURN):
        yield [client for client in clients[start : start + CLIENTS_PER_TURN] if matches(client)]
        await trio.lowlevel.checkpoint()


async def page_of(chat: Chat, wanted: ClientFilter, sort: Sort, *, limit: int, cursor: str = "") -> ClientPage:
    """Return the page behind a cursor. Raises ChatError for a filter or cursor that cannot be read."""
    is_descending = sort.startswith("-")
    key_of = SORTS[sort.removeprefix("-")]
    after = _read_cursor(cursor, sort)
    page = ClientPage(total=len(chat.clients) + len(chat.away))
    runs: list[list[tuple[Any, int, Client]]] = []
    async for turn in select(chat, wanted.compile(chat)):
        page.matching += len(turn)
        run = [(key_of(chat, client), int(client.id[1:]), client) for client in turn]
        if after is not None:
            run = [one for one in run if _is_behind(one[:2], after, is_descending=is_descending)]
        runs.append(heapq.nlargest(limit + 1, run) if is_descending else heapq.nsmallest(limit + 1, run))
    rows = list(islice(heapq.merge(*runs, reverse=is_descending), limit + 1))
    page.clients = [client for _, _, client in rows[:limit]]
    page.next = _cursor(sort, rows[limit - 1]) if len(rows) > limit else None
    return page


def _in_room(name: object, chat: Chat) -> Matches:
    room = chat.rooms.find(str(name))
    return lambda client: room in client.members


def _from_network(text: object, _chat: Chat) -> Matches:
    network: Network = read_network(str(text))
    return lambda client: bool(client.address) and address_of(client.address) in network


def _has_nick(text: object, _chat: Chat) -> Matches:
    beginning = str(text).casefold()
    return lambda client: (client.nick or "").casefold().startswith(beginning)


def _speaks(mode: object, _chat: Chat) -> Matches:
    return lambda client: client.mode is mode


def _is_behind_by(entries: object, _chat: Chat) -> Matches:
    return lambda client: client.behind[0] >= cast(int, entries)


def _is_idle_for(seconds: object, chat: Chat) -> Matches:
    return lambda client: chat.idle_s(client) >= cast(float, seconds)


def _is_away(wanted: object, _chat: Chat) -> Matches:
    return lambda client: (client.away_since is not None) is wanted


def _contains(words: object, _chat: Chat) -> Matches:
    part = str(words).casefold()

    def matches(client: Client) -> bool:
        rooms = (f"#{room.name}" for room in client.members)
        return any(part in text.casefold() for text in (client.label, client.peer, client.id, *rooms))

    return matches


_TESTS: Mapping[str, Callable[[object, Chat], Matches]] = MappingProxyType(
    {
        "room": _in_room,
        "address": _from_network,
        "nick": _has_nick,
        "mode": _speaks,
        "behind": _is_behind_by,
        "idle": _is_idle_for,
        "away": _is_away,
        "search": _contains,
    }
)
"""The test of each field of a filter."""


def _address_key(client: Client) -> tuple[int, int, int]:
    if not client.address:
        return 9, 0, 0
    address = address_of(client.address)
    return address.version, int(address), client.port


def _is_behind(key: Position, after: Position, *, is_descending: bool) -> bool:
    return key < after if is_descending else key > after


def _cursor(sort: Sort, row: tuple[Any, int, Client]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((sort, *row[:2]))).decode().rstrip("=")


def _read_cursor(cursor: str, sort: Sort) -> Position | None:
    """Return the sort key and the number that a cursor stands for. -> None for the beginning. Raises ChatError."""
    if not cursor:
        return None
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        its_sort, key, number = msgspec.json.decode(data, type=_KEYS[sort.removeprefix("-")])
    except ValueError:
        its_sort, key, number = "", None, 0
    if its_sort != sort:
        raise ChatError("bad-cursor", "`cursor` is none of a list sorted like this: begin at the first page")
    return key, number
