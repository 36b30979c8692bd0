"""Clients: who is connected, from where, and how it is spoken to."""

from collections.abc import Collection
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from trio_chat.chat.log import Mode
from trio_chat.chat.tally import End

if TYPE_CHECKING:
    from trio_chat.chat.room import Member, Room


class Farewell(Enum):
    """Why the server ends a connection: the word for programs, the sentence for people, and when to come back."""

    KICKED = (End.KICKED, "you were kicked", None)
    RESUMED = (End.RESUMED, "your session goes on in another connection", None)
    STALLED = (End.STALLED, "you took nothing for too long", 1.0)
    DEAD = (End.DEAD, "you did not answer for too long", 1.0)
    STOPPING = (End.STOPPING, "the server is shutting down", 1.0)

    def __init__(self, code: End, text: str, retry_s: float | None) -> None:
        self.code = code
        self.text = text
        self.retry_s = retry_s


class Outlet(Protocol):
    """The sending half of a client's connection, which its session provides."""

    is_blocked: bool
    """The kernel takes no more just now: leave it alone until `wait_writable` returns."""

    bytes_out: int
    """Bytes that the kernel has taken so far."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone (answers, the rest of a torn line) that are not sent yet."""

    def report_gap(self, room: str, missed: int) -> None:
        """Tell this client that it missed so many entries of a room."""

    def push(self, member: "Member | None") -> bool:
        """Offer the kernel what is for this client alone and then, once that is gone, what `member` has not heard.

        -> whether it took everything. A broken connection counts as taken: its session learns of it by reading.
        """

    async def wait_writable(self) -> None:
        """Return when a push is worth trying again. Raises trio.ClosedResourceError once the connection is closed."""

    def hang_up(self, farewell: Farewell) -> None:
        """End the connection soon, whatever its peer does; it is told why if it still listens."""


class NoOutlet:
    """The outlet of a client that has no connection, and had none since the server started."""

    is_blocked = True
    bytes_out = 0
    unsent_bytes = 0

    def report_gap(self, room: str, missed: int) -> None:
        """There is nobody to be told."""

    def push(self, member: "Member | None") -> bool:
        """Nothing is taken."""
        return False

    async def wait_writable(self) -> None:
        """Nobody waits: it is blocked by no kernel."""

    def hang_up(self, farewell: Farewell) -> None:
        """There is nothing to be ended."""


class Client:
    """One connection; or, where it has a `session`, one after the other.

    While its connection is broken such a client is `away`: it keeps its name and its places in rooms for a while.
    `connected_at` is in seconds since 1970; `heard_at` and `away_since` are times of the chat's steady clock.
    """

    __slots__ = (
        "address",
        "away_since",
        "connected_at",
        "heard_at",
        "id",
        "label",
        "lines_in",
        "mailbox",
        "members",
        "mode",
        "nick",
        "outlet",
        "port",
        "session",
    )

    def __init__(self, client_id: str, address: str, port: int, *, mode: Mode, outlet: Outlet) -> None:
        self.id = client_id
        self.address = address
        self.port = port
        self.mode = mode
        self.outlet = outlet
        self.session = ""
        self.nick: str | None = None
        self.label = self.peer
        """What others see in brackets: the nick, or else where the client came from at first."""
        self.members: dict[Room, Member] = {}
        """Its places in rooms; the current room is the one entered last."""
        self.mailbox: Member | None = None
        self.connected_at = 0.0
        self.heard_at = 0.0
        self.away_since: float | None = None
        self.lines_in = 0

    @property
    def peer(self) -> str:
        """`address:port`, an IPv6 address in brackets."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    @property
    def mailbox_name(self) -> str:
        """Where what it is told is kept: under its session, or else only for as long as it is connected."""
        return f"@{self.session or self.id}"

    @property
    def hearings(self) -> "Collection[Member]":
        """Every place at which it listens: its rooms and its mailbox."""
        rooms = self.members.values()
        return (*rooms, self.mailbox) if self.mailbox else rooms

    @property
    def behind(self) -> tuple[int, int]:
        """-> (entries, bytes) that it has not been sent yet."""
        entries, size = 0, self.outlet.unsent_bytes
        for member in self.hearings:
            its_entries, its_size = member.behind
            entries, size = entries + its_entries, size + its_size
        return entries, size
