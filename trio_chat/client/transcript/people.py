"""The people in our rooms, as far as we have heard of them, for completing names and for `/reply`. Pure."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from trio_chat.chat.events import MARK, Kind
from trio_chat.client.link.events import (
    Answered,
    Connected,
    LinkEvent,
    MessageWaits,
    Received,
    RecipientAway,
    RoomJoined,
    RoomLeft,
)
from trio_chat.client.transcript.ignored_people import IgnoredPeople
from trio_chat.wire import frames

PEOPLE_MAX = 1000
"""Names remembered for each room: those of the last speakers."""

_DEPARTURE_KINDS = (Kind.LEFT, Kind.KICKED)
_SPEECH_KINDS = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.TOPIC)
_KINDS_WITHOUT_MEMBER = (Kind.CROWD, Kind.ANNOUNCED, Kind.REMOVED)
"""Kinds of entries whose author is no member of the room."""

_T = TypeVar("_T")


class People:
    """Names by room, the last speaker at the end."""

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, None]] = {}
        self._writers: dict[str, None] = {}
        self._partners: dict[str, None] = {}
        """People who wrote to us in private, and those to whom we wrote."""
        self._speakers: dict[str, None] = {}
        self._label = ""
        self._listed: list[str] = []
        """The rooms of the last answer to `/rooms`."""
        self._accounts: dict[str, str] = {}
        """The accounts of the last speakers, by name."""
        self.ignored = IgnoredPeople()
        self._proven: dict[str, None] = {}
        self._away: dict[str, None] = {}
        self._counts: dict[str, int] = {}
        """Members of each room, as far as we have heard."""

    def update(self, events: Iterable[LinkEvent], label: str) -> None:
        """Handle events; `label` is our own name."""
        self._label = label
        for event in events:
            self._update(event)

    @property
    def rooms(self) -> list[str]:
        """The rooms that we are in."""
        return list(self._rooms)

    @property
    def known_rooms(self) -> list[str]:
        """The rooms that we are in, then the others of the last `/rooms`."""
        return list(dict.fromkeys((*self._rooms, *self._listed)))

    @property
    def last_writer(self) -> str:
        """The name of the last person who wrote to us in private; empty if nobody did."""
        return next(reversed(self._writers), "")

    def ignore(self, name: str) -> None:
        """Ignore somebody, under later names as well."""
        self.ignored.add(
            name, next((self._accounts[one] for one in self._accounts if one.casefold() == name.casefold()), "")
        )
        self._writers = {writer: None for writer in self._writers if not self.ignored.has(writer)}
        self._partners = {partner: None for partner in self._partners if not self.ignored.has(partner)}

    def has_spoken(self, name: str) -> bool:
        """Tell whether somebody has said something that we know of."""
        return name in self._speakers

    def is_here(self, name: str) -> bool:
        """Tell whether somebody is in one of our rooms."""
        return name == self._label or any(name in names for names in self._rooms.values())

    def count(self, room: str) -> int:
        """Return the number of members of a room: of more than PEOPLE_MAX, not all are known by name."""
        return max(self._counts.get(room, 0), len(self._rooms.get(room, {})))

    def mark_of(self, name: str) -> str:
        """Return the mark of a proven name; empty for any other."""
        return MARK if name in self._proven else ""

    def is_away(self, name: str) -> bool:
        """Tell whether we have heard that somebody's connection broke, or that they are not here."""
        return name in self._away

    def names(self, room: str) -> list[str]:
        """Return the others in a room, the last speaker first."""
        return [name for name in reversed(self._rooms.get(room, {})) if name != self._label]

    def all_names(self) -> list[str]:
        """Return all names that we know: partners in private, those in our rooms, then who spoke last elsewhere."""
        found = dict.fromkeys(reversed(self._partners))
        for room in self._rooms:
            found |= dict.fromkeys(self.names(room))
        found |= dict.fromkeys(reversed(self._speakers))
        found.pop(self._label, None)
        return list(found)

    def _update(self, event: LinkEvent) -> None:
        match event:
            case Connected(rooms=rooms):
                self._rooms = {room: self._rooms.get(room, {}) for room in rooms}
            case RoomJoined(room=room):
                self._rooms.setdefault(room, {})
            case RoomLeft(room=room):
                self._rooms.pop(room, None)
                self._counts.pop(room, None)
            case RecipientAway(to=to) | MessageWaits(to=to):
                _add(self._away, to)
            case Answered(answer=frames.Members(room=room, labels=labels, count=count, proven=proven)) if (
                room in self._rooms
            ):
                self._counts[room] = count
                for label in proven:
                    _add(self._proven, label)
                silent = dict.fromkeys(label for label in labels if label not in self._rooms[room])
                present = set(labels)
                spoke = [name for name in self._rooms[room] if name in present]
                self._rooms[room] = dict.fromkeys([*silent, *spoke][-PEOPLE_MAX:])
            case Answered(answer=frames.Page(entries=entries)):
                for entry in entries:
                    self._add_speaker(entry)
                    self._add_partner(entry)
            case Answered(answer=frames.RoomList(rooms=listed)):
                self._listed = [room.name for room in listed[:PEOPLE_MAX]]
            case Received(entry=entry):
                self._add_speaker(entry)
                self._add_entry(entry)

    def _add_speaker(self, entry: frames.Said) -> None:
        if entry.kind not in _SPEECH_KINDS:
            return
        _add(self._speakers, entry.author)
        self._accounts.pop(entry.author, None)
        if entry.account:
            self.ignored.learn(entry.author, entry.account)
            self._accounts[entry.author] = entry.account
            _cut(self._accounts)

    def _add_partner(self, entry: frames.Said) -> None:
        partner = entry.to if entry.author == self._label else entry.author
        if entry.kind == Kind.TOLD and partner and not self.ignored.has(partner, entry.account):
            _add(self._partners, partner)

    def _add_entry(self, entry: frames.Said) -> None:
        self._add_partner(entry)
        if entry.kind not in _KINDS_WITHOUT_MEMBER:
            self._away.pop(entry.author, None)
        if entry.account:
            _add(self._proven, entry.text if entry.kind == Kind.RENAMED else entry.author)
        if entry.kind == Kind.TOLD:
            if entry.author != self._label and not self.ignored.has(entry.author, entry.account):
                _add(self._writers, entry.author)
            return
        here = self._rooms.get(entry.room)
        if here is None or entry.kind in _KINDS_WITHOUT_MEMBER:
            return
        if entry.room in self._counts:
            self._counts[entry.room] += self._count_change(entry, here)
        if entry.kind in _DEPARTURE_KINDS:
            here.pop(entry.author, None)
        elif entry.kind == Kind.RENAMED:
            self._rename(entry.author, entry.text)
        else:
            _add(here, entry.author)

    def _count_change(self, entry: frames.Said, here: Collection[str]) -> int:
        """Return the change that an entry makes to the number of members: 0 where they are counted already.

        The server's answer to `who` can count somebody who comes or goes before the entry about that is kept.
        """
        is_known = entry.author in here
        if entry.kind == Kind.JOINED:
            return int(not is_known)
        return -int(entry.kind in _DEPARTURE_KINDS and (is_known or self._counts[entry.room] > len(here)))

    def _rename(self, before: str, after: str) -> None:
        self.ignored.rename(before, after)
        for names in (self._writers, self._partners, self._speakers, *self._rooms.values()):
            if before in names:
                del names[before]
                names[after] = None


def _add(names: dict[str, None], name: str) -> None:
    names.pop(name, None)
    names[name] = None
    _cut(names)


def _cut(names: dict[str, _T]) -> None:
    if len(names) > PEOPLE_MAX:
        del names[next(iter(names))]
