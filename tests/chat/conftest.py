"""A chat with its surroundings held in the hand: a journal that keeps at once, clocks that stand still."""

from dataclasses import dataclass, field

import pytest

from trio_chat.chat.chat import LOBBY, Change, Chat, Surroundings
from trio_chat.chat.events import Draft, Entry, Receipt
from trio_chat.chat.log import Mode, Window
from trio_chat.chat.room import Client, Member, Room
from trio_chat.wire.lines import encode_entry


class HeldOutlet:
    """An outlet whose kernel is a list: it takes everything."""

    def __init__(self) -> None:
        self.is_blocked = False
        self.bytes_out = 0
        self.told: list[str] = []
        self.farewell: str | None = None

    @property
    def unsent_bytes(self) -> int:
        return 0

    def tell(self, notice: str) -> None:
        self.told.append(notice)

    def push(self, member: Member | None) -> bool:
        return True

    async def wait_writable(self) -> None:
        return

    def hang_up(self, farewell: str) -> None:
        self.farewell = farewell


class Kept:
    """A receipt for what is durable already."""

    async def kept(self) -> None:
        return

    def repeated(self, draft: Draft) -> Entry | None:
        return None


@dataclass
class World:
    """A chat, what it posted, whom it reported and where there was news."""

    posted: list[Draft] = field(default_factory=list)
    changes: list[tuple[Change, str]] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    now: float = 1000.0

    def __post_init__(self) -> None:
        outside = Surroundings(
            post=self._post,
            encoders={Mode.LINES: encode_entry},
            wall_clock=lambda: self.now,
            clock=lambda: self.now,
            on_change=lambda change, client: self.changes.append((change, client.peer)),
            on_news=lambda room: self.news.append(room.name),
        )
        self.chat = Chat(outside, window=Window())

    def _post(self, draft: Draft) -> Receipt:
        self.posted.append(draft)
        return Kept()

    def settle(self) -> None:
        """Let everything posted come back from the journal."""
        first = sum(room.log.end for room in self.chat.rooms.values())
        drafts, self.posted = self.posted, []
        self.chat.hear([Entry(first + number, self.now, draft) for number, draft in enumerate(drafts, 1)])

    def connect(self, port: int, address: str = "10.0.0.1") -> Client:
        """Connect a plain client and let it join the lobby; everyone has heard that."""
        client = self.chat.connect(address, port, mode=Mode.LINES, outlet=HeldOutlet())
        self.chat.join(client, LOBBY)
        self.settle()
        for other in self.chat.clients:
            self.hear(other)
        return client

    def hear(self, client: Client) -> str:
        """What a client is sent now."""
        heard = b""
        for member in client.members.values():
            data, end = member.slice()
            member.advance(end)
            heard += data
        return heard.decode()

    @property
    def lobby(self) -> Room:
        return self.chat.room(LOBBY)


@pytest.fixture
def world() -> World:
    return World()
