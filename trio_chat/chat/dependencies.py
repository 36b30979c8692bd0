"""Dependencies of the chat, the rules that the operator sets, and the changes of connections that it reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.events import HeldReceipt, Post
from trio_chat.chat.log import Encode, Mode, Window
from trio_chat.chat.nodes import Nodes
from trio_chat.chat.room import Room
from trio_chat.chat.window_budget import WINDOW_TOTAL_BYTES


class Change(StrEnum):
    """A change of a connection, reported to operators."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    KICKED = "kicked"


@dataclass(frozen=True, slots=True)
class Owner:
    """The account to which a name belongs: its id, and the name as its owner spells it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Everything that the chat needs from outside.

    `post` hands drafts and session changes to the journal; `hold` makes a receipt for those that are posted later.
    `encoders` are the wire formats. `wall_clock` gives seconds since 1970, `clock` seconds of a clock that never goes
    back. `on_change` is called when a connection begins or ends, with the reason of an end; `on_news` with a room that
    has something to send. `mute_of` returns the sentence that refuses what a client says, "" for a client that may
    speak. `owner_of` returns the account to which a nick belongs, in whatever spelling; `is_being_claimed` tells if
    one is about to belong to somebody. `on_room` is called with an account, the name of a room, and whether the member
    is in it from now on, or has left it for good. `nodes` are the servers of this chat.
    """

    post: Post
    hold: Callable[[], HeldReceipt]
    encoders: Mapping[Mode, Encode]
    wall_clock: Callable[[], float]
    clock: Callable[[], float]
    on_change: Callable[[Change, Client, DisconnectReason | None], None]
    on_news: Callable[[Room], None]
    mute_of: Callable[[Client], str]
    owner_of: Callable[[str], Owner | None]
    is_being_claimed: Callable[[str], bool]
    on_room: Callable[[str, str, bool], None]
    nodes: Nodes


NamesMode = Literal["open", "claimed", "members"]
"""Names of guests: any that nobody has claimed, those of guests alone, or none, since guests are not let in."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that the operator sets."""

    window: Window = field(default_factory=Window)
    window_total_bytes: int = WINDOW_TOTAL_BYTES
    """Memory for the windows of all rooms together."""
    hold_s: float = 60.0
    """The time for which a client whose connection broke stays in its rooms."""
    announce_max_members: int = 500
    """Larger rooms are sent sums of joins and leaves."""
    rooms_per_client: int = 100
    rooms: int = 10_000
    clients: int = 0
    """All clients, including those that are away, which make way for new ones. 0 is no limit."""
    clients_per_origin: int = 0
    """Clients of one address, counted likewise."""
    names: NamesMode = "open"
    away_size: int = 50_000
    """Clients that are away, each counted with its rooms, such as ten thousand in four rooms each: some 15 MB."""
