"""The interfaces of a journal: one for each of its users. It must not know any engine.

The journals of every engine have the parts in REQUIRED, without which no server runs. Those in OPTIONAL an engine may
lack; its row then says so, and whoever asks for the part is told in words.
"""

from collections.abc import AsyncIterator, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from trio_chat.chat.events import Draft, Entry, Receipt
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.session_record import SessionChange, SessionRecord
from trio_chat.journal.records import (
    WHOLE_AUDIT,
    AccountRecord,
    AuditFilter,
    AuditRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    JournalError,
    MemoryRecord,
    MuteRecord,
    NameRecord,
    Origin,
    Past,
    RoomRecord,
    WaitingRecord,
)

if TYPE_CHECKING:  # every command reads the table of engines, and should not load the chat for that
    from trio_chat.chat.nodes import Nodes


REMEMBERED_MIN = 1000
"""The newest entries, of all rooms together, that every journal remembers at least: as many as `/history` shows."""


@runtime_checkable
class HistoryReader(Protocol):
    """The history in one store, for reading."""

    epoch: str
    """A random name for the life of the store. Ids of one epoch mean nothing in another."""

    last_id: int
    """The id of the newest entry; 0 if there is none. Of a history opened for reading only, the newest at opening."""

    @property
    def damage(self) -> str | None:
        """A sentence about the damaged entries found so far and their file; None when there are none."""

    @property
    def pruned_to(self) -> int:
        """The highest id ever pruned or being pruned: a reader that has not seen it may have missed entries."""

    async def read(
        self,
        room: str | None,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        without_presence: bool = False,
    ) -> Sequence[Past]:
        """Return up to `limit` entries of `room` (None: of all rooms), oldest first.

        These are the newest with an id below `before`, or the oldest with an id above `after`. A damaged entry keeps
        its place among them. Where `without_presence`, entries of the kinds in `PRESENCE` are left
        out and do not count; for one room, that costs no more, however many they are. Raises JournalError.
        """

    async def first_id_since(self, time: float) -> int:
        """Return the id that separates the entries kept before a time, in seconds since 1970, from those kept since.

        All that were kept before have lower ids. Where the clock was set back, it is any id at which an entry kept
        since follows one kept before. A few entries are looked at, however many there are. Raises JournalError.
        """

    async def read_names(self) -> Sequence[NameRecord]:
        """Return all accounts with what is remembered of them, oldest first. Raises JournalError."""


@runtime_checkable
class Journal(HistoryReader, Protocol):
    """One store, in one order. All methods are for the task that opened it and its children.

    It remembers all entries until they are pruned. One that has no room for that forgets the oldest, as if they were
    pruned, but none of the newest REMEMBERED_MIN.
    """

    fault: str | None
    """The reason why nothing can be kept at present; None when all is well. It clears by itself."""

    promise: str
    """A sentence about what survives a power cut."""

    commits: Histogram
    """Seconds to make each group of drafts durable, failed attempts included."""

    def post(self, *drafts: Draft, sessions: Sequence[SessionChange] = (), superseded: Sequence[Draft] = ()) -> Receipt:
        """Queue drafts and changes of session records, without waiting.

        What is posted by one call is kept in one transaction, or not at all: where one of its drafts repeats a session
        and key, none of them is kept again. Of those `superseded`, which follow them, only a repeat itself is left out.
        Everything is kept in the order of the calls, in groups. A notice of the kind REMOVED makes a tombstone of the
        entry that it names, in the same transaction: from then on that one's words can be read nowhere. Session records
        survive a crash of the server and a power cut, as entries do.
        """

    async def settled(self) -> None:
        """Return when everything posted so far is durable, or has failed."""

    def follow(self) -> AsyncIterator[Sequence[Entry]]:
        """Yield every entry kept from now on, in order, for one reader: at each step all that are new.

        Ahead of the notice that an entry was removed comes its tombstone, which has the id of that entry.
        """

    async def rooms(self) -> list[RoomRecord]:
        """Return all rooms in which something was said, and perhaps others, but no mailboxes. Raises JournalError."""

    async def pruned_in(self, room: str) -> int:
        """Return the highest id of an entry of a room that was pruned; 0 for none. Raises JournalError.

        What `read` did not find before because it was pruned is counted. Of rooms without a mark of their own (see
        `prune_marks`) it may be the id of another's entry.
        """

    async def find(self, session: str, key: str) -> Past | None:
        """Return the entry kept under this session and key, unless it is pruned. Raises JournalError."""


@runtime_checkable
class Searchable(Protocol):
    """A journal that can be searched."""

    is_indexing: bool
    """True while older entries are being indexed, which searches do not find until then."""

    async def search(
        self,
        rooms: Sequence[str],
        words: str,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        author: str = "",
        asker: Hashable = None,
    ) -> Sequence[Past]:
        """Return the newest `limit` entries of these rooms that contain all words, oldest first. Raises JournalError.

        Only entries of the kinds in `search_words.SEARCHED` are searched. A word, as `chat.words` has it, finds longer
        ones that begin with it. `before` and `after` are ids. With `author`, a name in any case, only entries of that
        author are found; without any words, all of them.

        The work is bounded: SearchError is raised where a search would need more. It ends when the caller is
        cancelled. Of several searches, that of the `asker` whose searches took the least time lately may come first.
        """


@runtime_checkable
class Prunable(Protocol):
    """A journal from which old entries can be removed."""

    async def prune(self, *, older_than: float | None = None, more_than: int | None = None) -> None:
        """Remove entries kept more than `older_than` seconds ago, and all but the newest `more_than`.

        The newest entry stays, and so do the topics of rooms. Ages are judged in the order of ids, by the rule in
        `age`. It works in the background, slowly. Raises JournalError.
        """


@runtime_checkable
class Importable(Protocol):
    """A journal that can take over the entries of another."""

    async def load(self, entries: Iterable[Entry], origin: Origin) -> int:
        """Append the entries of another journal, all or none. Returns the number of new ones.

        They get new ids, except in an empty journal, which also takes over the epoch, and in one that did so before.
        Entries of that epoch that were loaded before are skipped. `follow` does not yield them. Raises JournalError,
        and what the iterable raises.
        """

    async def load_names(self, names: Sequence[NameRecord], *, keeps_marks: bool) -> Sequence[str]:
        """Add the accounts of another journal, in one transaction. Those that are here already stay as they are.

        Returns the names that were left out, since they belong to other accounts here. Read marks are kept only where
        `keeps_marks`: they mean nothing unless `load` kept the ids of entries. Raises JournalError.
        """


@runtime_checkable
class OperatorStore(Protocol):
    """Bans, mutes, hooks, and the audit log of what operators and rules did."""

    async def record_audit(self, record: AuditRecord) -> None:
        """Append to the audit log. Raises JournalError."""

    async def read_audit(self, limit: int, wanted: AuditFilter = WHOLE_AUDIT) -> Sequence[AuditRecord]:
        """Return the newest records that match the filter, at most `limit`, oldest first. Raises JournalError."""

    async def add_ban(self, ban: BanRecord) -> None:
        """Keep a ban, in place of an earlier one of the same network. Raises JournalError."""

    async def remove_ban(self, network: str) -> None:
        """Delete a ban, if there is one. Raises JournalError."""

    async def add_hook(self, hook: HookRecord) -> None:
        """Keep a hook, in place of an earlier one of the same name. Raises JournalError."""

    async def remove_hook(self, name: str) -> None:
        """Delete the hook of a name, if there is one. Raises JournalError."""

    async def read_hooks(self) -> Sequence[HookRecord]:
        """Return all hooks, oldest first. Raises JournalError."""

    async def read_bans(self) -> Sequence[BanRecord]:
        """Return all bans, expired ones too, oldest first. Raises JournalError."""

    async def add_mute(self, mute: MuteRecord) -> None:
        """Keep a mute, in place of an earlier one with its number. Raises JournalError."""

    async def remove_mute(self, number: int) -> None:
        """Delete a mute, if there is one. Raises JournalError."""

    async def read_mutes(self) -> Sequence[MuteRecord]:
        """Return all mutes, expired ones too, oldest first. Raises JournalError."""


@runtime_checkable
class SessionStore(Protocol):
    """The session records that `post` saves and deletes."""

    async def read_sessions(self) -> Sequence[SessionRecord]:
        """Return all records, by owner. Raises JournalError."""


@runtime_checkable
class AccountStore(Protocol):
    """Accounts, invites, what is remembered of members, and their conversations.

    All are durable when a method returns, as entries are.
    """

    async def read_accounts(self) -> Sequence[AccountRecord]:
        """Return all accounts, oldest first. Raises JournalError."""

    async def keep_account(self, account: AccountRecord, *, invite: str = "") -> None:
        """Keep a new account, or a change of the one with its id.

        With the digest of an `invite`, a use of that is taken in the same transaction. Raises NameTakenError where
        `folded` belongs to another id, InviteSpentError where there is no such invite or it has no use left, and
        JournalError; then nothing is changed. It is for the caller to judge whether an invite has expired.
        """

    async def remove_account(self, account: str) -> None:
        """Delete an account by its id, if there is one, with its memory and its invites. Raises JournalError."""

    async def read_invites(self) -> Sequence[InviteRecord]:
        """Return all invites, expired ones too, oldest first. Raises JournalError."""

    async def keep_invite(self, invite: InviteRecord) -> None:
        """Keep an invite, in place of an earlier one with its digest. Raises JournalError."""

    async def remove_invite(self, digest: str) -> None:
        """Delete an invite, if there is one. Raises JournalError."""

    async def read_memory(self, account: str) -> MemoryRecord | None:
        """Return what is remembered of an account; None where nothing is. Raises JournalError."""

    async def keep_memories(self, records: Sequence[MemoryRecord]) -> None:
        """Keep these in place of earlier ones, all or none of them. Raises JournalError."""

    async def conversation(
        self,
        mailbox: str,
        *,
        account: str = "",
        name: str = "",
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> Sequence[Past]:
        """Return the private messages in a mailbox to and from one other, oldest first. The bounds are those of `read`.

        The other is an `account` by its id, or else a guest of a `name`, in any case of ASCII letters. Damaged entries
        are left out: nobody knows with whom they were. Raises JournalError.
        """

    async def count_news(self, marks: Mapping[str, int], *, most: int = 1000) -> Mapping[str, int]:
        """Count the entries of rooms and mailboxes above an id each, except those of kinds in `PRESENCE`.

        Returns the number for every room of `marks`, `most` at most. Raises JournalError.
        """

    async def count_waiting(self, *, per_account: int, most: int) -> Sequence[WaitingRecord]:
        """Count the private messages from others above the read mark of each account's mailbox, by sender.

        Only the oldest `per_account` entries above each mark are looked at, of kinds that are not in `PRESENCE`, and
        `most` of all accounts together. Raises JournalError.
        """


@runtime_checkable
class Shareable(Protocol):
    """A journal that several servers can use at once."""

    nodes: "Nodes"
    """These servers, as this one sees them."""


REQUIRED: Mapping[type, str] = MappingProxyType(
    {
        HistoryReader: "be read",
        Journal: "keep entries",
        OperatorStore: "keep bans, mutes, hooks and the audit log",
        SessionStore: "restore sessions",
        AccountStore: "keep names",
    }
)
"""The parts of every journal, each with what it is needed for. `open_journal` refuses a journal that lacks one."""

OPTIONAL: Mapping[type, str] = MappingProxyType(
    {
        Searchable: "be searched",
        Prunable: "remove old entries",
        Importable: "take over the entries of another",
        Shareable: "be shared by several servers",
    }
)
"""The parts that an engine may lack, each with what its journals cannot do then."""

Part = TypeVar("Part")


def need(journal: Journal, part: type[Part]) -> Part:
    """Return the journal as one of its parts. Raises JournalError when its engine lacks that."""
    if isinstance(journal, part):
        return journal
    raise JournalError(f"this journal cannot {OPTIONAL.get(part) or REQUIRED[part]}")


def check_required(journal: object, url: str) -> None:
    """Raise JournalError for a journal that lacks a required part."""
    for part, ability in REQUIRED.items():
        if not isinstance(journal, part):
            raise JournalError(f"the journal {url} cannot {ability}, as every journal must: it lacks {part.__name__}")
