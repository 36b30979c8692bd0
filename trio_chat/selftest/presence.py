"""The check of presence: the notices in a history, replayed, must be possible, and yield the members of each room."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from trio_chat.chat.events import Entry, Kind
from trio_chat.chat.wording import TOPIC_CHANGED
from trio_chat.journal import SessionStore, need, open_journal

PAGE_ENTRIES = 1000

_SUM = re.compile(r"([0-9,]+) (joined|left|was kicked|were kicked)")

_LEAVING = (Kind.LEFT, Kind.KICKED)
_SPEAKING = (Kind.SAID, Kind.ACTED)


async def presence_faults(data: Path, pruned: Iterable[Entry] = ()) -> list[str]:
    """Compare the notices in the journal of a stopped server with the sessions in it. -> contradictions, as sentences

    `pruned` are the entries that were in front of those in the journal.
    """
    replay, seen = PresenceReplay(), 0
    replay.feed(pruned)
    present: defaultdict[str, list[str]] = defaultdict(list)
    async with open_journal("sqlite:", data=data) as journal:
        while page := await journal.read(None, after=seen, limit=PAGE_ENTRIES):
            seen = page[-1].id
            replay.feed(it for it in page if isinstance(it, Entry))
        for record in await need(journal, SessionStore).read_sessions():
            for room in record.rooms:
                present[room].append(record.label)
    return replay.faults_against(present)


class PresenceReplay:
    """The members of every room, by their labels, as its notices tell.

    Where joins and leaves were summed up, not everybody is known by name: a notice of somebody who was not seen to join
    is no fault there, and only the number of members is compared.
    """

    def __init__(self) -> None:
        self.members: defaultdict[str, set[str]] = defaultdict(set)
        self.numbers: Counter[str] = Counter()
        """The number of members of each room."""
        self.faults: list[str] = []
        """Impossible notices, each with the id of its entry."""
        self.summed_up: set[str] = set()
        """Rooms in which not all members are known by name."""

    def feed(self, entries: Iterable[Entry]) -> None:
        """Replay more entries, in their order."""
        for entry in entries:
            self._replay(entry)

    def faults_against(self, present: Mapping[str, Iterable[str]]) -> list[str]:
        """Compare the members of each room with the labels in `present`. -> all faults, as sentences"""
        found = list(self.faults)
        for room in sorted({*self.members, *present}):
            told, listed = self.members[room], set(present.get(room, ()))
            found += [
                f"#{room}: [{label}] is a ghost" for label in sorted(told - listed) if not self._is_summed_up(room)
            ]
            found += [
                f"#{room}: [{label}] came unseen" for label in sorted(listed - told) if not self._is_summed_up(room)
            ]
            if self._is_summed_up(room) and self.numbers[room] != len(listed):
                found.append(f"#{room}: {self.numbers[room]} by the notices, and {len(listed)} are there")
        return found

    def _is_summed_up(self, room: str) -> bool:
        return room in self.summed_up

    def _replay(self, entry: Entry) -> None:
        draft = entry.draft
        members = self.members[draft.room]
        is_known = draft.author in members or self._is_summed_up(draft.room)
        self.numbers[draft.room] += _change_of_number(entry)
        if draft.kind is Kind.CROWD and not draft.text.startswith(TOPIC_CHANGED):
            self.summed_up.add(draft.room)
        elif draft.kind is Kind.JOINED:
            if draft.author in members and not self._is_summed_up(draft.room):
                self._add_fault(entry, "joined, and was there already")
            members.add(draft.author)
        elif draft.kind in (*_LEAVING, *_SPEAKING, Kind.RENAMED) and not is_known:
            self._add_fault(entry, f"{draft.kind}, and was not there")
        if draft.kind in _LEAVING:
            members.discard(draft.author)
        elif draft.kind is Kind.RENAMED:
            if draft.text in members and draft.text != draft.author and not self._is_summed_up(draft.room):
                self._add_fault(entry, f"renamed to [{draft.text}], who was there already")
            members.discard(draft.author)
            members.add(draft.text)

    def _add_fault(self, entry: Entry, what: str) -> None:
        self.faults.append(f"{entry.id}: #{entry.draft.room}: [{entry.draft.author}] {what}")


def _change_of_number(entry: Entry) -> int:
    """Return the change in the number of members that an entry tells of."""
    if entry.draft.kind is Kind.CROWD:
        counts = [(int(count.replace(",", "")), what) for count, what in _SUM.findall(entry.draft.text)]
        return sum(count if what == "joined" else -count for count, what in counts)
    return (entry.draft.kind is Kind.JOINED) - (entry.draft.kind in _LEAVING)
