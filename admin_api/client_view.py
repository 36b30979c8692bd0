"""A client as operators see it, in the list and in events. Needs no Quart."""

from datetime import UTC, datetime

import msgspec

from admin_api.http.schemas import Time
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.log import Mode


class Behind(msgspec.Struct, frozen=True):
    """The backlog of a client: entries and bytes not sent to it yet.

    `for_s`: since its socket is full; `stuck_s`: since its peer last took something, after which it is disconnected at
    `stall-timeout`. Both are null where the socket takes everything.
    """

    entries: int
    bytes: int
    for_s: float | None
    stuck_s: float | None


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
    rooms: list[str]
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
    return ClientView(
        id=client.id,
        address=client.address,
        port=client.port,
        nick=client.nick,
        label=client.label,
        rooms=list(client.room_names),
        account=client.account or None,
        places=len(chat.directory.places_of(client)),
        mode=client.mode,
        tls=client.outlet.is_encrypted,
        muted=chat.is_muted(client),
        connected_at=datetime.fromtimestamp(int(client.connected_at), UTC),
        idle_s=round(chat.idle_s(client), 1),
        lines_in=client.lines_in,
        bytes_out=client.bytes_out,
        behind=_behind(chat, client),
        away_s=None if (away_s := chat.away_s(client)) is None else round(away_s, 1),
        node=client.home or chat.nodes.name or None,
    )


def _behind(chat: Chat, client: Client) -> Behind:
    for_s, stuck_s = chat.backlog_s(client) or (None, None)
    return Behind(*client.behind, *(None if seconds is None else round(seconds, 1) for seconds in (for_s, stuck_s)))
