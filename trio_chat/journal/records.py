"""The records of a journal besides entries, and its error."""

import msgspec

from trio_chat.chat.events import Entry


class JournalError(Exception):
    """The store could not do what was asked; the text says why.

    At opening it is a sentence that names the file and what to do. Later it is the bare reason ("the disk is full"),
    fit to be shown to whoever spoke; the journal's `fault` names the file too.
    """


class Damaged(msgspec.Struct, frozen=True):
    """Stands in the place of an entry that can be read no more: what it said is lost, and that is not hidden."""

    id: int

    @property
    def text(self) -> str:
        """What there is to be said of it."""
        return f"entry {self.id} is damaged"


Past = Entry | Damaged
"""What reading gives."""


class RoomRecord(msgspec.Struct, frozen=True):
    """A room that has entries: its topic, if it has one, and the id of its newest entry."""

    name: str
    topic: str
    last_id: int


class AuditRecord(msgspec.Struct, frozen=True):
    """That an operator, or a rule, did something: `who` did `action` to `what`, at `time` (seconds since 1970, UTC)."""

    time: float
    who: str
    action: str
    what: str


class BanRecord(msgspec.Struct, frozen=True):
    """Who may not come: the addresses of a network, `since` a time and `until` another; None is for good."""

    network: str
    reason: str
    by: str
    since: float
    until: float | None = None


class SessionRecord(msgspec.Struct, frozen=True):
    """The place of a client: its label, its nick if it has one, and its rooms.

    `owner` is the session that can take it up again, or else the id of a connection that nobody can.
    """

    owner: str
    mode: str
    label: str
    nick: str
    rooms: tuple[str, ...]


class Origin(msgspec.Struct, frozen=True):
    """The journal that entries were exported from: its epoch, and the highest id that it had pruned by then."""

    epoch: str
    pruned_to: int = 0
