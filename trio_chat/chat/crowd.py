"""Notices of joins, leaves, kicks and renames: summed up where they would drown what is said in a room.

Telling n members of n joins takes n * n notices. So in a room with more than some number of members, and in any room
once many have come and gone within a tick, notices are only counted; the counts become one entry at the next tick.
Kicks are named in large rooms too, up to that number: an operator is seen to act. A client that renames again and again
is announced under its last name at the next tick, or before anything else that it does in the room.

What was counted or held back is *untold* until the sum is kept. Session records are kept at once, and have what others
were told beside what is so: a server that is killed meanwhile tells the difference when it starts again.
"""

from collections import Counter
from collections.abc import Collection, Iterable

import msgspec

from trio_chat.chat.events import MAILBOX_MARK, SERVER, Draft, Kind, Post
from trio_chat.chat.log import Mode
from trio_chat.chat.session_record import PERSON, SessionChange, SessionEnd, SessionRecord, Told

NOTICES_PER_TICK = 100
"""Notices of one room that are posted one by one between two ticks."""

RENAMES_PER_TICK = 3
"""Renames of one client among these."""

UNTOLD_MAX = 2000
"""Clients of which something is untold; where there are more, it is told before the tick. Telling takes some 10 ms."""


class Crowd:
    """The joins, leaves, kicks and renames in one room since the last tick."""

    __slots__ = ("_counted", "_held", "_posted")

    def __init__(self) -> None:
        self._posted = 0
        self._counted: Counter[Kind] = Counter()
        self._held: dict[str, Draft] = {}
        """Renames that are not told yet, by the owner of the client: from the name last told to the newest."""

    @property
    def is_full(self) -> bool:
        """True when no more notices are posted one by one until the next tick."""
        return self._posted >= NOTICES_PER_TICK

    def record_posted(self) -> None:
        """Note that a notice is posted by itself."""
        self._posted += 1

    def count(self, kind: Kind) -> None:
        """Count a notice that is not posted."""
        self._counted[kind] += 1

    def hold(self, owner: str, rename: Draft) -> None:
        """Hold a rename back, in place of the one that is."""
        self._held[owner] = rename

    def drop(self, owner: str) -> None:
        """Forget the rename of a client whose leaving is only counted."""
        if self._held:
            self._held.pop(owner, None)

    def take_notices(self, room: str) -> list[Draft]:
        """Take out the notices to post: renames, of which those beyond NOTICES_PER_TICK are counted, and a summary."""
        renames = [held for held in self._held.values() if held.author != held.text]
        self._held.clear()
        self._counted[Kind.RENAMED] += len(renames[NOTICES_PER_TICK:])
        drafts, summary = renames[:NOTICES_PER_TICK], self.summary
        self._counted.clear()
        return [*drafts, Draft(room, Kind.CROWD, SERVER, summary)] if summary else drafts

    @property
    def summary(self) -> str:
        """The counts in words; empty if nothing was counted."""
        *others, last = [_in_words(kind, count) for kind in _WORDS if (count := self._counted[kind])] or [""]
        return f"{', '.join(others)} and {last}" if others else last


class Untold:
    """A client of which others know less than is so: the label and the rooms that they were told of.

    `now` is what its session record becomes once all is told.
    """

    __slots__ = ("label", "now", "rooms")

    def __init__(self, label: str, rooms: Iterable[str], now: SessionChange) -> None:
        self.label = label
        self.rooms = dict.fromkeys(rooms)
        self.now = now

    def record_told(self, notice: Draft) -> None:
        """Note that others are told of a join, leave or kick of the client."""
        if notice.kind is Kind.JOINED:
            self.rooms[notice.room] = None
        else:
            self.rooms.pop(notice.room, None)

    def is_told(self, record: SessionRecord | None) -> bool:
        """Tell whether others know all of a client that has this record, or none."""
        if record is None or record.is_place:
            return not self.rooms
        return self.label == record.label and self.rooms.keys() == set(record.rooms)


class CrowdNotices:
    """The notices of all rooms. Sums are handed to `post`, with the session records that result."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._crowds: dict[str, Crowd] = {}
        self._renames: Counter[str] = Counter()
        """Renames that were posted one by one since the last tick, by owner."""
        self._untold: dict[str, Untold] = {}
        """By owner."""
        self._owners: dict[str, str] = {}
        """The owners of these, by the label that others know."""

    def count(self, notice: Draft, *, owner: str, is_large: bool, elsewhere: Iterable[str] = ()) -> bool:
        """Count a join, leave or kick in a room, large or not. `elsewhere` are the other rooms of its client.

        -> False when it is to be posted by itself instead
        """
        crowd, is_join = self._crowd(notice.room), notice.kind is Kind.JOINED
        untold = self._untold.get(owner)
        is_known = untold is not None and (notice.room in untold.rooms) is not is_join
        if is_large or crowd.is_full or not (untold is None or is_known):
            crowd.count(notice.kind)
            if not is_join:
                crowd.drop(owner)
            if untold is None:
                self._begin(owner, notice.author, elsewhere if is_join else (*elsewhere, notice.room))
            return True
        crowd.record_posted()
        if untold:
            untold.record_told(notice)
        return False

    def hold(self, renames: Collection[Draft], *, owner: str, large: Collection[str]) -> bool:
        """Hold a client's renames in all its rooms back; in `large` ones, count them. -> False to post them instead

        A client has one name for all rooms: it is untold in each of them or in none.
        """
        label = next(iter(renames)).author
        crowds = {rename.room: self._crowd(rename.room) for rename in renames}
        untold = self._untold.get(owner)
        must_wait = untold is not None or self._renames[owner] >= RENAMES_PER_TICK
        if not must_wait and not large and not any(crowd.is_full for crowd in crowds.values()):
            self._renames[owner] += 1
            for crowd in crowds.values():
                crowd.record_posted()
            return False
        untold = untold or self._begin(owner, label, crowds)
        for rename in renames:
            if rename.room in large or rename.room not in untold.rooms:
                crowds[rename.room].count(Kind.RENAMED)
            else:
                crowds[rename.room].hold(owner, msgspec.structs.replace(rename, author=untold.label))
        return True

    def count_renames_to_member(
        self, renames: Collection[Draft], *, guest: str, person: str, before: Collection[str], large: Collection[str]
    ) -> list[Draft]:
        """Count the notices that a guest is a member from now on in `large` and crowded rooms. -> the others, to be
        posted

        `before` are the rooms in which the person is by other places: there a guest leaves. `guest` and `person` are
        the owners, of whom nothing may be untold.
        """
        posted, counted = list[Draft](), list[Draft]()
        for rename in renames:
            crowd = self._crowd(rename.room)
            if rename.room in large or crowd.is_full:
                crowd.count(Kind.LEFT if rename.room in before else Kind.RENAMED)
                counted.append(rename)
            else:
                crowd.record_posted()
                posted.append(rename)
        if counted:
            self._begin(guest, counted[0].author, (rename.room for rename in counted))
            if any(rename.room not in before for rename in counted):
                self._begin(person, counted[0].text, (*before, *(rename.room for rename in posted)))
        return posted

    def change_of(self, owner: str, record: SessionRecord | None) -> SessionChange:
        """Return the change of the session record to keep now: with what was told, where that lags behind."""
        now = record or SessionEnd(owner)
        untold = self._untold.get(owner)
        if untold is None:
            return now
        if untold.is_told(record):
            self._end(owner)
            return now
        untold.now, told = now, Told(untold.label, tuple(untold.rooms))
        if record is None:
            return _record_of_departed(owner, told)
        return msgspec.structs.replace(record, told=told)

    def restore(self, record: SessionRecord, now: SessionChange, notices: Iterable[Draft] = ()) -> None:
        """Restore what was untold of a client when the server last stopped, and count the notices of it."""
        told = record.told or Told(record.label, record.rooms)
        self._begin(record.owner, told.label, told.rooms).now = now
        for notice in notices:
            if notice.kind is Kind.RENAMED:
                self._crowd(notice.room).hold(record.owner, notice)
            else:
                self._crowd(notice.room).count(notice.kind)

    def forget(self, *owners: str) -> None:
        """Forget what is untold of these owners: another node tells it."""
        for owner in owners:
            if owner in self._untold:
                self._end(owner)
            for crowd in self._crowds.values():
                crowd.drop(owner)

    def tell(self, *owners: str) -> None:
        """Sum up if anything is untold of one of these owners."""
        if any(owner in self._untold for owner in owners):
            self.sum_up()

    def tell_kicked(self, owner: str, rooms: Iterable[str]) -> None:
        """Sum up if anything is untold of a client that is kicked, and a room will be told of that by its name."""
        if owner in self._untold and not all(self._crowd(room).is_full for room in rooms):
            self.sum_up()

    def introduce(self, owner: str, label: str, room: str) -> None:
        """Sum up unless a room, in which a client is about to say something, knows it by its label."""
        if (untold := self._untold.get(owner)) and (untold.label != label or room not in untold.rooms):
            self.sum_up()

    def tell_name(self, owner: str, label: str, rooms: Iterable[str]) -> None:
        """Sum up if a client comes to rooms that are not large, or goes, and others do not know it by its label."""
        untold = self._untold.get(owner)
        if untold and untold.label != label and not all(self._crowd(room).is_full for room in rooms):
            self.sum_up()

    def clear_label(self, label: str, owner: str) -> None:
        """Sum up where others know another client by a label that is this one's now."""
        if self._owners.get(label, owner) != owner:
            self.sum_up()

    @property
    def is_due(self) -> bool:
        """True when as much is untold as may be."""
        return len(self._untold) >= UNTOLD_MAX

    def sum_up(self) -> None:
        """Post the last names of those who renamed often, and a summary of what was counted, for each room."""
        drafts = [draft for room, crowd in self._crowds.items() for draft in crowd.take_notices(room)]
        sessions = [untold.now for untold in self._untold.values()]
        self._untold.clear()
        self._owners.clear()
        if drafts or sessions:
            self._post(*drafts, sessions=sessions)

    def tick(self) -> None:
        """Sum up, and let notices be posted one by one again."""
        self.sum_up()
        self._crowds.clear()
        self._renames.clear()

    def _crowd(self, room: str) -> Crowd:
        crowd = self._crowds.get(room)
        if crowd is None:
            crowd = self._crowds[room] = Crowd()
        return crowd

    def _begin(self, owner: str, label: str, rooms: Iterable[str]) -> Untold:
        untold = self._untold[owner] = Untold(label, rooms, SessionEnd(owner))
        self._owners[label] = owner
        return untold

    def _end(self, owner: str) -> None:
        self._owners.pop(self._untold.pop(owner).label, None)


_WORDS = {
    Kind.JOINED: ("joined", "joined"),
    Kind.LEFT: ("left", "left"),
    Kind.KICKED: ("was kicked", "were kicked"),
    Kind.RENAMED: ("took another name", "took another name"),
}
"""The words for one client, and for several."""


def _in_words(kind: Kind, count: int) -> str:
    one, several = _WORDS[kind]
    return f"{count:,} {one if count == 1 else several}"


def _record_of_departed(owner: str, told: Told) -> SessionRecord:
    """Make the record of somebody whose departure is untold still: nobody can resume it."""
    if owner.startswith(MAILBOX_MARK):
        return SessionRecord(owner, PERSON, told.label, "", (), told=told, account=owner.removeprefix(MAILBOX_MARK))
    return SessionRecord(owner, Mode.LINES, told.label, "", (), told=told)
