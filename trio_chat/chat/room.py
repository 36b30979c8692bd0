"""Clients, the rooms they are in, and the members that tie the two: who is where, and how far each has heard."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Protocol

from trio_chat.chat.events import Entry, Kind
from trio_chat.chat.log import Encode, Log, Mode, Window

_ECHOED_TO_ITS_AUTHOR = {Mode.LINES: frozenset[Kind]()}
"""Which kinds of entry a client hears of itself: a terminal shows what was typed already."""


class Outlet(Protocol):
    """The sending half of a client's connection, which its session provides."""

    is_blocked: bool
    """The kernel takes no more just now: leave it alone until `wait_writable` returns."""

    bytes_out: int
    """Bytes that the kernel has taken so far."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone (answers, the rest of a torn line) that are not sent yet."""

    def tell(self, notice: str) -> None:
        """Say something to this client alone, before anything else it is to hear."""

    def push(self, member: "Member | None") -> bool:
        """Offer the kernel, once, what is for this client alone and then what `member` has not heard.

        -> whether it took everything. A broken connection counts as taken: its session learns of it by reading.
        """

    async def wait_writable(self) -> None:
        """Return when a push is worth trying again. Raises trio.ClosedResourceError once the connection is closed."""

    def hang_up(self, farewell: str) -> None:
        """End the connection soon, whatever its peer does; `farewell` is what it is told if it still listens."""


class Client:
    """One connection. Times are in seconds of the chat's clocks."""

    __slots__ = ("address", "connected_at", "heard_at", "id", "lines_in", "members", "mode", "nick", "outlet", "port")

    def __init__(self, client_id: str, address: str, port: int, mode: Mode, outlet: Outlet) -> None:
        self.id = client_id
        self.address = address
        self.port = port
        self.mode = mode
        self.outlet = outlet
        self.nick: str | None = None
        self.members: dict[Room, Member] = {}
        self.connected_at = 0.0
        self.heard_at = 0.0
        self.lines_in = 0

    @property
    def peer(self) -> str:
        """`address:port`, an IPv6 address in brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    @property
    def label(self) -> str:
        """What others see in brackets: the nick, or else where the client comes from."""
        return self.nick or self.peer

    @property
    def room(self) -> "Room | None":
        """The current room: the one entered last."""
        return next(reversed(self.members), None)

    @property
    def behind(self) -> tuple[int, int]:
        """-> (entries, bytes) that it has not been sent yet."""
        behind = [member.behind for member in self.members.values()]
        return sum(entries for entries, _ in behind), sum(size for _, size in behind) + self.outlet.unsent_bytes


class Member:
    """A client in a room: a cursor into the room's log.

    `own` holds the indices, ascending and not heard yet, of entries that are left out because their author is this
    client.
    """

    __slots__ = ("client", "cursor", "own", "room", "track")

    def __init__(self, client: Client, room: "Room") -> None:
        self.client = client
        self.room = room
        self.track = room.log.tracks[client.mode]
        self.cursor = room.log.end
        self.own: list[int] = []

    @property
    def behind(self) -> tuple[int, int]:
        """-> (entries, bytes) between the cursor and the end of the log, as far as the window still holds them."""
        end = self.room.log.end
        return end - self.cursor, self.track.size_between(max(self.cursor, self.room.log.base), end)

    def slice(self) -> tuple[bytes, int]:
        """-> (bytes, end): what to send next, and the cursor once that is sent.

        The cursor must be inside the window.
        """
        if self.own:
            return self.track.slice_without(self.cursor, self.own)
        return self.track.slice(self.cursor)

    def advance(self, end: int) -> None:
        """The slice up to `end` was sent."""
        self.cursor = end
        if self.own:
            del self.own[: bisect_left(self.own, end)]

    def tear(self, sent: int) -> bytes:
        """Only `sent` bytes of the slice were: move the cursor behind the torn entry and return the rest of that."""
        end, tail = self.track.split(self.cursor, sent, self.own)
        self.advance(end)
        return tail

    def catch_up(self) -> int:
        """Move a cursor that fell off the window back into it; return how many entries of others were missed."""
        base = self.room.log.base
        missed = base - self.cursor - bisect_left(self.own, base)
        self.advance(base)
        return missed


class Room:
    """One ordered log and those who listen to it."""

    def __init__(self, name: str, encoders: Mapping[Mode, Encode], window: Window) -> None:
        self.name = name
        self.log = Log(encoders, window)
        self.members: dict[Client, Member] = {}

    def admit(self, client: Client) -> None:
        """Make a client a member that hears what comes from now on."""
        self.members[client] = client.members[self] = Member(client, self)

    def dismiss(self, client: Client) -> None:
        """Make a client a member no longer. Its own list of members is left to the caller."""
        del self.members[client]

    def hear(self, entry: Entry, author: Client | None) -> None:
        """Put an entry into the log. Its author, where it listens here, does not hear itself."""
        index = self.log.append(entry)
        member = self.members.get(author) if author else None
        if member and entry.draft.kind not in _ECHOED_TO_ITS_AUTHOR[member.client.mode]:
            member.own.append(index)
