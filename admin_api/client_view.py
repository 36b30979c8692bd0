"""A client as operators see it, in the list and in events. Needs no Quart."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from admin_api.http.schemas import Time
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import Backlog


class Behind(msgspec.Struct, frozen=True):
    """The backlog of a client: entries and bytes not sent to it yet.

    `for_s`: since its socket is full; `stuck_s`: since its peer last took something, after which it is disconnected at
    `stall-timeout`. Both are null where the socket takes everything.
    """

    entries: int
    bytes: int
    for_s: float | None
    stuck_s: float | None


_NOT_BEHIND = Behind(0, 0, None, None)


class ClientView(msgspec.Struct, frozen=True):
    """A client as operators see it. `idle_s`: since its last line or frame. `away_s`: since its connection broke.

    `account`: the id of the account that it has proven to be, null for a guest; `places`: those of it, with this
    one. `tls`: the server encrypts its connection. `muted`: what it says is refused.

    `node`: the server that it is on; null where there is but one. Of a client on another, `idle_s`, `lines_in`,
    `bytes_out` and `behind` are as they were when it last came, changed or spoke first.

    Of a client that is away, the address and port are the last that it had; "" and 0 where a restart has lost them.
    """

    id: str
    address: str
    port: int
    nick: str | None
    label: str
    rooms: Collection[str]
    account: str | None
    places: int
    mode: Mode
    tls: bool
    muted: bool
    connected_at: Time
    idle_s: float
    lines_in: int
    bytes_out: int
    behind: Behind
    away_s: float | None
    node: str | None


def view_of(chat: Chat, client: Client) -> ClientView:
    """Describe a client as it is now."""
    return next(client_views(chat, (client,)))


def client_views(chat: Chat, clients: Iterable[Client]) -> Iterator[ClientView]:
    """Describe clients as they are now: all in one turn of the loop."""
    now, its_node = chat.now, chat.nodes.name or None
    for client in clients:
        outlet, (bytes_out, entries, size_bytes) = client.outlet, client.sent_and_unsent()
        yield ClientView(  # by position: names would take a fifth of the time
            client.id,
            client.address,
            client.port,
            client.nick,
            client.label,
            client.room_names,
            client.account or None,
            len(chat.directory.places_of(client)),
            client.mode,
            outlet.is_encrypted,
            chat.is_muted(client),
            datetime.fromtimestamp(int(client.connected_at), UTC),
            round(now - client.last_input_at, 1),
            client.lines_in,
            bytes_out,
            _behind(entries, size_bytes, outlet.backlog, now),
            None if client.away_since is None else round(now - client.away_since, 1),
            client.node or its_node,
        )


def _behind(entries: int, size_bytes: int, backlog: Backlog | None, now: float) -> Behind:
    if backlog:
        return Behind(entries, size_bytes, round(now - backlog.since, 1), round(now - backlog.taken_at, 1))
    return Behind(entries, size_bytes, None, None) if entries or size_bytes else _NOT_BEHIND
