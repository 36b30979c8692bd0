"""Filtering and sorting of clients. Needs no Quart."""

from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Literal, cast

import msgspec

from admin_api.http.schemas import NETWORK
from admin_api.http.turns import in_turns
from admin_api.paging import Order, SortedPage, sorted_page
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.operators.networks import Network, address_of, read_network

WORDS_MAX = 100
"""Characters of a filter."""

IDS_MAX = 8000
"""Characters of a list of ids: a thousand of them, and half of the longest request line."""

FilterText = Annotated[str, msgspec.Meta(min_length=1, max_length=WORDS_MAX)]
Matches = Callable[[Client], bool]


class ClientFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The clients that are meant: those that every given field fits."""

    room: Annotated[FilterText | None, msgspec.Meta(examples=["dev"])] = None
    """The name of a room that they are in."""
    address: Annotated[str, msgspec.Meta(extra_json_schema=NETWORK)] | None = None
    """Their address, or a network that it is in."""
    nick: FilterText | None = None
    """The beginning of their nick."""
    mode: Mode | None = None
    behind: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    """The fewest entries that they have not been sent yet."""
    idle: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    """The seconds since their last line or frame, at least."""
    away: bool | None = None
    """True for clients whose connection is broken, False for connected ones."""
    muted: bool | None = None
    """True for clients whose words are refused, False for the others."""
    tls: bool | None = None
    """True for clients whose connection this server encrypts, False for the others."""
    account: Annotated[FilterText | None, msgspec.Meta(examples=["alice"])] = None
    """The claimed name that they have proven, or the id of its account."""
    search: FilterText | None = None
    """A part of their nick, address and port, room or id."""
    ids: Annotated[str, msgspec.Meta(min_length=1, max_length=IDS_MAX, examples=["c1,c2"])] | None = None
    """Their ids, with commas between them."""

    @property
    def given(self) -> Mapping[str, object]:
        """The fields that say something, by name."""
        names = ClientFilter.__struct_fields__
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def shown(self) -> str:
        """The filter as the audit has it."""
        return " ".join(f"{name}={value}" for name, value in self.given.items())

    def compile(self, chat: Chat) -> Matches:
        """Return a function that tells whether a client is meant. Raises ChatError that names a wrong field."""
        match [self._test(name, chat) for name in self.given]:
            case []:
                return lambda client: True
            case [test]:
                return test
            case tests:
                return lambda client: all(test(client) for test in tests)

    def _test(self, name: str, chat: Chat) -> Matches:
        try:
            return _TESTS[name](getattr(self, name), chat)
        except ChatError as error:
            raise ChatError(error.code, f"`{name}`: {error.text}") from error


Sort = Literal["connected", "-connected", "nick", "-nick", "address", "-address", "behind", "-behind", "idle", "-idle"]


async def select(chat: Chat, matches: Matches) -> AsyncIterator[list[Client]]:
    """Yield the clients that match, in turns: the connected ones, then those that are away."""
    async for turn in in_turns(tuple(chat.directory.everybody)):
        yield [client for client in turn if matches(client)]


async def client_page(
    chat: Chat, wanted: ClientFilter, sort: Sort, *, limit: int, cursor: str = ""
) -> SortedPage[Client]:
    """Return the page behind a cursor. Raises ChatError for a filter or cursor that cannot be read."""
    return await sorted_page(
        tuple(chat.directory.everybody), ORDERS, sort, limit=limit, cursor=cursor, matches=wanted.compile(chat)
    )


def _in_room(name: object, chat: Chat) -> Matches:
    room = chat.rooms.find(str(name))
    wanted = room.name if room else str(name).removeprefix("#")
    return lambda client: wanted in client.room_names


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


def _is_muted(wanted: object, chat: Chat) -> Matches:
    return lambda client: chat.is_muted(client) is wanted


def _is_encrypted(wanted: object, _chat: Chat) -> Matches:
    return lambda client: client.outlet.is_encrypted is wanted


def _is_of_account(text: object, _chat: Chat) -> Matches:
    wanted, name = str(text), fold_name(str(text))
    return lambda client: client.account == wanted or (bool(client.account) and fold_name(client.nick or "") == name)


def _is_one_of(ids: object, _chat: Chat) -> Matches:
    wanted = frozenset(str(ids).split(","))
    return lambda client: client.id in wanted


def _contains(words: object, _chat: Chat) -> Matches:
    part = str(words).casefold()

    def matches(client: Client) -> bool:
        rooms = (f"#{name}" for name in client.room_names)
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
        "muted": _is_muted,
        "tls": _is_encrypted,
        "account": _is_of_account,
        "search": _contains,
        "ids": _is_one_of,
    }
)
"""The test of each field of a filter."""


def _number(client: Client) -> int:
    return int(client.id[1:])


def _address_key(client: Client) -> tuple[int, str, int, int]:
    address = address_of(client.address) if client.address else None
    version, packed = (address.version, address.packed.hex()) if address else (9, "")
    return version, packed, client.port, _number(client)


ORDERS: Mapping[str, Order[Client]] = MappingProxyType(
    {
        "connected": Order(lambda one: (one.away_since is not None, _number(one)), tuple[bool, int]),
        "nick": Order(
            lambda one: (one.nick is None, (one.nick or one.label).casefold(), _number(one)), tuple[bool, str, int]
        ),
        "address": Order(_address_key, tuple[int, str, int, int]),
        "behind": Order(lambda one: (one.behind[0], _number(one)), tuple[int, int]),
        "idle": Order(lambda one: (-one.last_input_at, _number(one)), tuple[float, int]),
    }
)
"""The orders in which clients can be listed."""
