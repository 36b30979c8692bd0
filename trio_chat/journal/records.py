"""The records that a journal keeps besides entries, and its errors."""

from typing import Annotated

import msgspec

from trio_chat.chat.events import MAILBOX_MARK, Entry

Time = Annotated[float, msgspec.Meta(ge=0, lt=253402300800)]
"""Seconds since 1970, before the year 10000: what is decoded with another time could not be shown, and is refused."""


class JournalError(Exception):
    """An operation of a journal failed; the text says why.

    At opening it is a sentence that names the file and what to do. Later it is the bare reason ("the disk is full"),
    fit to be shown to whoever spoke; the journal's `fault` names the file too.
    """


class UnavailableError(JournalError):
    """The store does not answer just now: the same may succeed later. The text says why."""


class InDoubtError(JournalError):
    """It is not known whether something was kept: the store did not say so. The text says why."""


class SearchError(JournalError):
    """A search asks for too much work; the text says what to do instead. Nothing is wrong with the store."""


class NameTakenError(JournalError):
    """The name of an account belongs to another one. Nothing is wrong with the store."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name} belongs to somebody")


class InviteSpentError(JournalError):
    """There is no such invite, or it has no use left. Nothing is wrong with the store."""

    def __init__(self) -> None:
        super().__init__("that invite is unknown or used up")


class TooManyError(JournalError):
    """There are as many records of a kind as there may be on all servers; nothing is wrong with the store."""


TOO_MUCH = "too much to look through: say more"
"""The text of a SearchError where the bound of a search was reached."""


class Damaged(msgspec.Struct, frozen=True):
    """Stands in for an entry that can no longer be read, so that the loss is seen."""

    id: int

    @property
    def text(self) -> str:
        """The text shown in its place."""
        return f"entry {self.id} is damaged"


class Unknown(Damaged, frozen=True):
    """Stands in for an entry of a kind that only a newer version of the server knows. Nothing is wrong with it."""

    @property
    def text(self) -> str:
        """The text shown in its place."""
        return f"entry {self.id} is of a newer version of the server"


Past = Entry | Damaged
"""An item of a history."""


class RoomRecord(msgspec.Struct, frozen=True):
    """A room that has entries: its topic, if it has one, and the id of its newest entry."""

    name: str
    topic: str
    last_id: int


class AuditRecord(msgspec.Struct, frozen=True):
    """An act of an operator or a rule: `who` did `action` to `what`, at `time` (seconds since 1970, UTC)."""

    time: Time
    who: str
    action: str
    what: str
    id: int = 0
    """Its number in the audit log, which rises; 0 for one that is not in it yet."""


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter for the audit log: a record matches if it matches every field that is given. Times as in AuditRecord."""

    who: str = ""
    """A substring of the operator's name."""
    action: str = ""
    since: float | None = None
    until: float | None = None
    """Only records before this time."""
    before: int | None = None
    """Only records with a lower id."""

    def matches(self, record: AuditRecord) -> bool:
        """Tell whether a record matches."""
        return (
            self.who in record.who
            and self.action in ("", record.action)
            and (self.since is None or record.time >= self.since)
            and (self.until is None or record.time < self.until)
            and (self.before is None or record.id < self.before)
        )


WHOLE_AUDIT = AuditFilter()


class HookRecord(msgspec.Struct, frozen=True):
    """A hook: its name and room, the digest of its secret, its maker, and the time (as in AuditRecord)."""

    name: str
    room: str
    digest: str
    by: str
    since: Time


class BanRecord(msgspec.Struct, frozen=True):
    """The ban of a network, from `since` to `until` (seconds since 1970, UTC); None is for good."""

    network: str
    reason: str
    by: str
    since: Time
    until: Time | None = None


class MuteRecord(msgspec.Struct, frozen=True):
    """The mute of a network, or of a client by its session and network. Times as in BanRecord.

    `label` is that of the client; `spared` the sessions in that network that are not muted, separated by spaces.
    `account` is the id of the client's account, "" for a guest.
    """

    number: int
    label: str
    network: str
    session: str
    spared: str
    reason: str
    by: str
    since: Time
    until: Time | None = None
    account: str = ""


class KeyRecord(msgspec.Struct, frozen=True):
    """A public key of an account: the key in base64, the time at which it was added (seconds since 1970), by whom."""

    blob: str
    added: Time
    source: str


class AccountRecord(msgspec.Struct, frozen=True):
    """An account: a name that belongs to somebody, and the credentials that prove it. Times as in BanRecord.

    `id` is never used again; `folded` is the name under `nicks.fold_name`, and belongs to one account alone; `seen` is
    the time at which its owner was last here; `by` is its maker; `password` is the hash, "" for none.
    """

    id: str
    name: str
    folded: str
    since: Time
    seen: Time
    by: str
    password: str = ""
    keys: tuple[KeyRecord, ...] = ()


class InviteRecord(msgspec.Struct, frozen=True):
    """An invite: the digest of its code, and the number of uses left. Times as in BanRecord.

    `account` is the id of the account that it is for, "" for any name.
    """

    digest: str
    account: str
    uses: int
    by: str
    since: Time
    until: Time


class MarkRecord(msgspec.Struct, frozen=True, array_like=True):
    """The read mark of somebody in a room: the id of the newest entry read, and its time."""

    room: str
    id: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    time: Time


class MemoryRecord(msgspec.Struct, frozen=True):
    """The rooms of an account, the names that it ignores, and its read marks, with `@` for its mailbox."""

    account: str
    rooms: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    marks: tuple[MarkRecord, ...] = ()

    @property
    def mailbox_mark(self) -> int:
        """The id of the newest entry of its mailbox that the account has read; 0 for none."""
        return next((mark.id for mark in self.marks if mark.room == MAILBOX_MARK), 0)


class WaitingRecord(msgspec.Struct, frozen=True, array_like=True):
    """The number of private messages from one sender that wait for an account. The sender is an account, or the
    `session` in the messages of a guest."""

    account: str
    sender: str
    number: int


NameRecord = tuple[AccountRecord, MemoryRecord | None]
"""An account and what is remembered of it, as exports have them."""


class Origin(msgspec.Struct, frozen=True):
    """The journal that entries were exported from: its epoch, and the highest id that it had pruned by then."""

    epoch: str
    pruned_to: int = 0
