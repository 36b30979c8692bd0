"""Events of rooms: drafts before they are durable, entries afterwards.

Both are msgspec structs rather than dataclasses: one of each is made for every line spoken, and a frozen dataclass
costs ten times as much to make. They hold no containers, so the garbage collector need not track them (`gc=False`).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from trio_chat.chat.session_record import SessionChange

LOBBY = "lobby"
"""The room that plain clients are in at first."""

SERVER = "server"
"""The author of what the server itself says. Nobody can be called that."""

MAILBOX_MARK = "@"
"""The first character of a mailbox's name. A mailbox is the room of one client, for the private messages that it sends
and receives; no other room can have such a name."""

SUPERSEDED = MAILBOX_MARK + "superseded"
"""The room of topics that gave way to a later one before they were told, kept so that their keys are known. It is
nobody's mailbox, and nobody is sent it. `to` is the room that they were for."""


MARK = "®"
"""The sign of a proven name, behind it. No nick can have it, and what people say is freed of it."""


class Kind(StrEnum):
    """Kinds of entries. For a new one, see "Where to add something" in docs/architecture.md."""

    SAID = "said"
    ACTED = "acted"
    JOINED = "joined"
    LEFT = "left"
    KICKED = "kicked"
    RENAMED = "renamed"
    TOPIC = "topic"
    CROWD = "crowd"
    TOLD = "told"
    ANNOUNCED = "announced"
    REMOVED = "removed"


SPOKEN = (Kind.SAID, Kind.ACTED, Kind.TOPIC, Kind.REMOVED)
"""The kinds for which a room is kept when it is empty."""

PRESENCE = (Kind.JOINED, Kind.LEFT, Kind.KICKED, Kind.RENAMED, Kind.CROWD)
"""The kinds that tell who joined, left or changed names; all others tell what somebody said."""


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An entry of `room` before it is kept.

    `author` is the label that others see, without brackets; `text` is clean: what was said, the new label for RENAMED,
    the topic, what a CROWD did, or `#room` where a client JOINED or LEFT only the room, and not the chat. `to` is the
    recipient's label where something is TOLD, and in the notice that one was REMOVED the id of that entry, which is
    gone once the notice is kept (see `removal`). `client` is the id of the client that caused it, known only while the
    server runs: in lines, that client is not sent it. `session` and `key` let a client say the same again safely: of
    drafts with the same pair, the journal keeps the first. A `session` without a key is the digest of the address of a
    guest, in a member's copy of what that guest told them. `account` is the id of the author's account, of RENAMED that
    of the new label; `to_account` is the recipient's where something is TOLD. Both are empty for guests.
    """

    room: str
    kind: Kind
    author: str
    text: str = ""
    to: str = ""
    client: str = ""
    session: str = ""
    key: str = ""
    account: str = ""
    to_account: str = ""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A draft that is durable. Ids rise by one in the order of the journal; `time` is in seconds since 1970, UTC."""

    id: int
    time: float
    draft: Draft


class Receipt(Protocol):
    """Receipt for a posted draft: tells whether it became durable."""

    @property
    def error(self) -> str | None:
        """The reason why it could not be kept, once that is known."""

    @property
    def is_settled(self) -> bool:
        """True once it is durable, or could not be kept."""

    async def kept(self) -> None:
        """Return when the draft is durable; raise JournalError when it could not be kept."""

    def repeated(self, session: str, key: str) -> Entry | None:
        """After `kept`: the entry that stands for a later draft of this session and key, which was not stored.

        When both were posted at once, that is also the answer for the first. Of a draft that gave way to a later one
        before it was told, it is the entry in the room SUPERSEDED.
        """


class HeldReceipt(Receipt, Protocol):
    """Receipt for drafts that are held back, to be posted later or to give way to others."""

    def settle_with(self, receipt: Receipt, superseded: Iterable[Draft] = ()) -> None:
        """Settle when `receipt` does. With it, the `superseded` drafts are kept."""


class Post(Protocol):
    """The domain's way to the journal: it does not wait, and everything is kept in the order of the calls."""

    def __call__(
        self, *drafts: Draft, sessions: Sequence[SessionChange] = (), superseded: Sequence[Draft] = ()
    ) -> Receipt:
        """Queue drafts and changes of session records, to be kept together or not at all.

        Where one of the drafts repeats a session and key, none of them is kept again. The `superseded` ones, which gave
        way to them, are kept in the same transaction; of these, only a repeat itself is left out.
        """


def person_of(account: str) -> str:
    """Return the owner of the session record that all places of an account have together."""
    return MAILBOX_MARK + account
