"""Clients: one for each connection, with its address, its names and its rooms."""

from collections.abc import Collection

from trio_chat.chat.events import MAILBOX_MARK, MARK, Receipt, person_of
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import Outlet
from trio_chat.chat.room import Member, Room
from trio_chat.chat.session_record import SessionRecord

UNCOUNTED = -1
"""The origin of a client whose address has no limit of its own; so is any other below 0."""


class Client:
    """A connection or, if the client has a `session`, a succession of them.

    While its connection is broken, such a client is `away`: it keeps its name and stays in its rooms for a while.
    `origin` stands for its address, or for the network that counts as one. `connected_at` is in seconds since 1970;
    `last_input_at` and `away_since` are times of the chat's steady clock.
    """

    __slots__ = (
        "_outlet",
        "account",
        "address",
        "away_since",
        "connected_at",
        "departing",
        "departure_receipt",
        "id",
        "label",
        "last_input_at",
        "lines_in",
        "mailbox",
        "members",
        "mode",
        "nick",
        "origin",
        "port",
        "proven_by",
        "session",
    )

    def __init__(self, client_id: str, address: str, port: int, *, mode: Mode, outlet: Outlet) -> None:
        self.id = client_id
        self.address = address
        self.port = port
        self.mode = mode
        self._outlet = outlet
        self.session = ""
        self.account = ""
        """The id of the account that it has proven to be; "" for a guest."""
        self.proven_by = ""
        """The proof of that: `key SHA256:...`, `password` or `invite`. "" for a guest, and after a restart."""
        self.origin = UNCOUNTED
        self.nick: str | None = None
        self.label = ""
        self.label = self.peer
        """The name that others see in brackets: the nick, or else the first address and port of the client."""
        self.members: dict[Room, Member] = {}
        """Its memberships by room; the current room is the one entered last."""
        self.mailbox: Member | None = None
        self.departing: tuple[Member, ...] = ()
        """Memberships that it has left, but is still sent entries of: those from before its leaving is durable."""
        self.departure_receipt: Receipt | None = None
        """The receipt of the last of these departures."""
        self.connected_at = 0.0
        self.last_input_at = 0.0
        self.away_since: float | None = None
        self.lines_in = 0

    @property
    def outlet(self) -> Outlet:
        """The sending half of its connection; that of another connection once it resumed there."""
        return self._outlet

    @outlet.setter
    def outlet(self, outlet: Outlet) -> None:
        for member in self.memberships:
            member.cohort.step_out(member)
        self._outlet = outlet

    @property
    def bytes_out(self) -> int:
        """Bytes that the kernel has taken of this connection."""
        return self.sent_and_unsent()[0]

    @property
    def peer(self) -> str:
        """`address:port`, an IPv6 address in brackets; the label where no port is known since a restart."""
        if not self.port:
            return self.label
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    @property
    def node(self) -> str:
        """The name of the node that it is on, where that is another; "" for this one."""
        return ""

    @property
    def room_names(self) -> Collection[str]:
        """The names of its rooms; the current one is the last."""
        return [room.name for room in self.members]

    @property
    def shown(self) -> str:
        """The label, with the mark of a proven name where it is one."""
        return self.label + MARK if self.account else self.label

    @property
    def mailbox_name(self) -> str:
        """The name of its mailbox: that of the account, or one that outlasts the connection if it has a session."""
        return MAILBOX_MARK + (self.account or self.session or self.id)

    @property
    def owner(self) -> str:
        """The owner of its session record: its session, or else the id of this connection."""
        return self.session or self.id

    @property
    def person(self) -> str:
        """The owner of the record of whom others are told: all places of the account together, or this client."""
        return person_of(self.account) if self.account else self.owner

    @property
    def session_record(self) -> SessionRecord:
        """Its identity and rooms, as a restarted server needs to know them."""
        rooms = tuple(self.room_names)
        nick, account = self.nick or "", self.account
        return SessionRecord(self.owner, self.mode, self.label, nick, rooms, self.address, account=account)

    @property
    def memberships(self) -> Collection[Member]:
        """Its memberships of rooms, and of its mailbox."""
        rooms = self.members.values()
        return (*rooms, self.mailbox) if self.mailbox else rooms

    @property
    def behind(self) -> tuple[int, int]:
        """Entries and bytes that it has not been sent yet."""
        return self.sent_and_unsent()[1:]

    def sent_and_unsent(self) -> tuple[int, int, int]:
        """Return the bytes that the kernel has taken of this connection, and the entries and bytes not sent yet."""
        sent, entries, size = self._outlet.bytes_out, 0, self._outlet.unsent_bytes
        for member in self.memberships:
            its_sent, cursor = member.cohort.progress_of(member)
            sent += its_sent
            if cursor != member.room.log.end:
                its_entries, its_size = member.behind
                entries, size = entries + its_entries, size + its_size
        return sent, entries, size

    def leave_mailbox(self) -> None:
        """Leave the mailbox; what came there before is still sent."""
        if self.mailbox:
            self.departing += (self.mailbox.room.remove(self),)
            self.mailbox = None
