"""Groups of drafts that become durable together. The same for all engines; it must know no store."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import trio

from trio_chat.chat.events import Draft, Entry
from trio_chat.chat.session_record import SessionChange
from trio_chat.journal.records import Damaged, JournalError

COMMIT_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Batch:
    """Drafts and session changes that are kept in one transaction, and the receipt for each of them.

    One event serves all: an event for every draft would cost more than everything else that is done with it.
    """

    __slots__ = (
        "_groups",
        "_settled",
        "drafts",
        "entries",
        "error",
        "failures_known",
        "notices",
        "repeats",
        "sessions",
        "tombstones",
    )

    def __init__(self, failures_known: int = 0) -> None:
        """`failures_known` is the number of failed batches that whoever posts into this one can know of."""
        self.failures_known = failures_known
        self.drafts: list[Draft] = []
        self.notices: list[Draft] = []
        """Drafts that were posted with session changes, and are kept with them or not at all."""
        self.sessions: dict[str, SessionChange] = {}
        """The last change of each session record, by owner."""
        self.entries: list[Entry] = []
        self.tombstones: list[Entry] = []
        """Tombstones of the entries that were removed with this batch."""
        self.repeats: dict[tuple[str, str], Entry] = {}
        self.error: str | None = None
        self._groups: dict[int, int] = {}
        """Sizes of the groups of several drafts, by the identity of the first one."""
        self._settled = trio.Event()

    @property
    def size(self) -> int:
        """The number of its drafts and session changes."""
        return len(self.drafts) + len(self.sessions)

    def add(self, drafts: Sequence[Draft]) -> None:
        """Add drafts that are kept together, or not at all."""
        if len(drafts) > 1:
            self._groups[id(drafts[0])] = len(drafts)
        self.drafts += drafts

    def add_changes(self, changes: Iterable[SessionChange], notices: Sequence[Draft]) -> None:
        """Add session changes, whose notices are among the drafts."""
        self.sessions.update((change.owner, change) for change in changes)
        self.notices += notices

    def remove_changes(self) -> dict[str, SessionChange]:
        """Remove the session changes and their notices, and return the changes by owner."""
        removed = set(map(id, self.notices))
        self.drafts = [draft for draft in self.drafts if id(draft) not in removed]
        changes, self.sessions, self.notices = self.sessions, {}, []
        return changes

    async def kept(self) -> None:
        """Return when the batch is durable; raise JournalError when it could not be kept."""
        await self._settled.wait()
        if self.error is not None:
            raise JournalError(self.error)

    @property
    def is_settled(self) -> bool:
        """True once it is durable, or could not be kept."""
        return self._settled.is_set()

    def repeated(self, session: str, key: str) -> Entry | None:
        """After `kept`: the entry in whose favour a draft of this session and key was not stored."""
        return self.repeats.get((session, key))

    def assign_ids(self, first_id: int, time: float) -> None:
        """Make an entry of every draft, as if none were a repeat."""
        self.entries = [Entry(number, time, draft) for number, draft in enumerate(self.drafts, first_id)]

    def assign_ids_skipping_repeats(
        self, first_id: int, time: float, find: Callable[[str, str], Entry | Damaged | None]
    ) -> None:
        """Make entries of the drafts that are no repeats; `find` returns the entry kept under a session and key.

        Of drafts that were added together, all are repeats where one is.
        """
        entries = self.entries = []
        first_ones: dict[tuple[str, str], Entry] = {}
        for group in self.groups():
            names = {(draft.session, draft.key): draft for draft in group if draft.key}
            found = {name: first_ones.get(name) or find(*name) for name in names}
            for name, first in found.items():
                if first is not None:
                    # A damaged entry was kept none the less, and the repeat has its text.
                    self.repeats[name] = first if isinstance(first, Entry) else Entry(first.id, time, names[name])
            if any(first is not None for first in found.values()):
                continue
            for draft in group:
                entries.append(Entry(first_id + len(entries), time, draft))
                if draft.key:
                    first_ones[draft.session, draft.key] = entries[-1]

    def groups(self) -> Iterator[Sequence[Draft]]:
        """Yield the drafts as they were added."""
        first = 0
        while first < len(self.drafts):
            group = self.drafts[first : first + self._groups.get(id(self.drafts[first]), 1)]
            yield group
            first += len(group)

    def settle(self, error: str | None = None) -> None:
        """Wake everyone who waits for the batch, which is kept unless there is an error. Called on the Trio thread."""
        self.error = error or self.error
        self._settled.set()
