"""A chat whose dependencies are in the test's hands: a journal that keeps at once, clocks that stand still."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.dependencies import make_dependencies
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.dependencies import Change, Owner, Rules
from trio_chat.chat.events import LOBBY, Draft, Entry, Receipt
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.operators.mutes import Mutes
from trio_chat.chat.outlet import TAKES_NOTHING, Backlog, CloseReason, Sink
from trio_chat.chat.room import Member, Room
from trio_chat.chat.session_record import SessionChange
from trio_chat.wire.lines import encode_entry


class HeldOutlet:
    """An outlet whose kernel is a list: it takes everything."""

    def __init__(self) -> None:
        self.sink: Sink = TAKES_NOTHING
        self.is_paused = False
        self.is_encrypted = False
        self.backlog: Backlog | None = None
        self.bytes_out = 0
        self.written = b""
        self.gaps: list[tuple[str, int]] = []
        self.close_reason: CloseReason | None = None
        self.farewell_text = ""
        self.fault: OSError | None = None

    @property
    def unsent_bytes(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.written += data

    def write_bytes(self, data: bytes) -> None:
        self.written += data

    def report_fault(self, error: OSError) -> None:
        self.fault = error

    def report_gap(self, room: str, missed: int) -> None:
        self.gaps.append((room, missed))

    def push(self, member: Member | None) -> bool:
        return True

    async def wait_writable(self) -> None:
        return

    def hang_up(self, reason: CloseReason, text: str = "") -> None:
        self.close_reason, self.farewell_text = reason, text


class Kept:
    """A receipt for what is durable already."""

    error: str | None = None
    is_settled = True

    async def kept(self) -> None:
        return

    def repeated(self, session: str, key: str) -> Entry | None:
        return None


Call = tuple[list[tuple[str, str]], Sequence[SessionChange]]
"""A call of `post`: the kind and room of each draft, and the session changes."""


@dataclass
class World:
    """A chat, what it posted and heard, whom it reported and where there was news."""

    posted: list[Draft] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    changes: list[tuple[Change, str]] = field(default_factory=list)
    disconnects: list[DisconnectReason] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    heard: list[Entry] = field(default_factory=list)
    mutes: Mutes = field(default_factory=Mutes)
    owners: dict[str, Owner] = field(default_factory=dict)
    """The accounts, by folded name."""
    now: float = 1000.0
    rules: Rules = field(default_factory=Rules)
    last_id: int = 0

    def __post_init__(self) -> None:
        deps = make_dependencies(
            self._post,
            encoders={Mode.LINES: encode_entry, Mode.FRAMES: lambda entry: f"{entry.id} {entry.draft.text}\n".encode()},
            wall_clock=lambda: self.now,
            clock=lambda: self.now,
            on_change=self._report,
            on_news=lambda room: self.news.append(room.name),
            mute_of=lambda client: self.mutes.refusal(client, self.now),
            owner_of=lambda nick: self.owners.get(fold_name(nick)),
        )
        self.chat = Chat(deps, rules=self.rules)

    def _report(self, change: Change, client: Client, reason: DisconnectReason | None) -> None:
        self.changes.append((change, client.peer))
        if reason:
            self.disconnects.append(reason)

    def _post(
        self, *drafts: Draft, sessions: Sequence[SessionChange] = (), superseded: Sequence[Draft] = ()
    ) -> Receipt:
        self.posted += [*drafts, *superseded]
        self.calls.append(([(draft.kind.value, draft.room) for draft in drafts], sessions))
        return Kept()

    def claim(self, name: str) -> str:
        """Let a name belong to somebody from now on. -> the id of the account"""
        account = f"{len(self.owners):016x}"
        self.owners[fold_name(name)] = Owner(account, name)
        return account

    def settle(self) -> None:
        """Let everything posted come back from the journal."""
        drafts, self.posted = self.posted, []
        entries = [Entry(self.last_id + number, self.now, draft) for number, draft in enumerate(drafts, 1)]
        self.last_id += len(entries)
        self.heard += entries
        self.chat.deliver(entries)

    def connect(self, port: int, address: str = "10.0.0.1", *, mode: Mode = Mode.LINES, session: str = "") -> Client:
        """Connect a client and let it join the lobby; everyone has heard that."""
        client = self.chat.connect(address, port, mode=mode, outlet=HeldOutlet(), session=session)
        self.chat.join(client, LOBBY)
        self.settle()
        for other in self.chat.clients:
            self.hear(other)
        return client

    def hear(self, client: Client) -> str:
        """The text that a client is sent now."""
        heard = b""
        for member in client.memberships:
            data, end = member.slice()
            member.advance(end)
            heard += data
        return heard.decode()

    @property
    def lobby(self) -> Room:
        return self.chat.rooms[LOBBY]


@pytest.fixture
def world() -> World:
    return World()
