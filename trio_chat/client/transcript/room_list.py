"""The rooms and private conversations that somebody is in, with what is new in each. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trio_chat.chat.events import LOBBY, Kind
from trio_chat.client.link.events import Failed
from trio_chat.client.transcript.draft_history import SentDrafts
from trio_chat.client.transcript.editor import Editor
from trio_chat.client.transcript.room_window import Item, Line, RoomWindow
from trio_chat.client.transcript.scrolling import Anchor
from trio_chat.wire import frames

CONVERSATIONS_MAX = 50
"""Private conversations: more would only be a hostile server's."""

FAILED_MAX = 20
"""Messages of one room that failed and are still shown."""

NEW_KINDS = (Kind.SAID, Kind.ACTED, Kind.TOLD, Kind.ANNOUNCED)
"""Kinds of entries that count as new."""


@dataclass(eq=False)
class RoomState:
    """A room, or a private conversation: its name begins with `@` then."""

    name: str
    window: RoomWindow = field(default_factory=RoomWindow)
    editor: Editor = field(default_factory=Editor)
    sent: SentDrafts = field(default_factory=SentDrafts)
    anchor: Anchor | None = None
    """The lowest row that is shown; None where that is the newest."""
    seen_rule: Item | None = None
    """The line where the person stopped reading, once it was on the screen."""
    unread: int = 0
    mentions: int = 0
    failed: list[Failed] = field(default_factory=list)
    """Messages that the server refused, until they are sent again or dropped."""
    request: str = ""
    """The key of the request for other entries that is under way."""
    jump_id: int = 0
    """The id of the entry to which the person wants to go, once that request is answered; 0 for none."""
    fraction_below: float = 0.0
    """The part of the pane, from 0 to 1, that is to be below the anchor when it is drawn next: 0.5 for its middle."""
    skipped_id: int = 0
    """The id of the newest entry that was left out of the window while that was not live."""

    @property
    def is_private(self) -> bool:
        """True for a private conversation."""
        return self.name.startswith(frames.MAILBOX)

    @property
    def title(self) -> str:
        """The name as it is shown."""
        return self.name.removeprefix(frames.MAILBOX) if self.is_private else f"#{self.name}"

    @property
    def person(self) -> str:
        """The other person of a private conversation."""
        return self.name.removeprefix(frames.MAILBOX)

    def restore(self, draft: str) -> None:
        """Put a draft back into the line; where another is being typed, the arrow key brings it back."""
        if self.editor.text:
            self.sent.add(draft)
        else:
            self.editor.set(draft)

    @property
    def unseen_rule(self) -> str:
        """The text of the line where the person stopped reading, as long as that was not on the screen."""
        rule = self.window.rule
        return rule.text if rule and rule is not self.seen_rule else ""

    def read_elsewhere(self, entry_id: int, label: str) -> None:
        """Note that the person, called `label`, has read this somewhere else, up to an entry."""
        lines = [item for item in self.window.items if isinstance(item, Line) and item.id > entry_id]
        newer = sum(line.entry.kind in NEW_KINDS and line.entry.author != label for line in lines)
        self.unread, self.mentions = min(self.unread, newer), min(self.mentions, newer)

    def fail(self, failed: Failed) -> None:
        """Add a message that failed."""
        self.failed = [*self.failed, failed][-FAILED_MAX:]


class RoomStates:
    """All rooms in the order in which they are listed: by name, the lobby first; then private conversations."""

    def __init__(self, current: str, sent: Mapping[str, Iterable[str]] | None = None) -> None:
        """`sent` has the drafts that were sent in earlier sittings, by room."""
        self._sent = sent or {}
        self._rooms: dict[str, RoomState] = {}
        self.current = self.get(current)
        self._before = self.current

    @property
    def all(self) -> list[RoomState]:
        """All of them, in order."""
        return sorted(self._rooms.values(), key=_list_order)

    @property
    def news(self) -> str:
        """The number of lines that were not read, in all rooms; with a mark, of those that mention the person."""
        mentions = sum(room.mentions for room in self._rooms.values())
        unread = sum(room.unread for room in self._rooms.values())
        return f"{mentions}!" if mentions else str(unread or "")

    @property
    def private_when_read(self) -> list[RoomState]:
        """The private conversations, if nothing in them is unread; else none."""
        private = [room for room in self._rooms.values() if room.is_private]
        return [] if any(room.unread for room in private) else private

    @property
    def people(self) -> list[str]:
        """The people of the private conversations."""
        return [room.person for room in self._rooms.values() if room.is_private]

    def get(self, name: str) -> RoomState:
        """Return a room, which is added if it is not there."""
        key = _key(name)
        if key not in self._rooms:
            self._rooms[key] = RoomState(name, sent=SentDrafts(self._sent.get(name, ())))
            self._forget_conversations()
        return self._rooms[key]

    def find(self, name: str) -> RoomState | None:
        """Return a room, if it is there."""
        return self._rooms.get(_key(name))

    def keep(self, joined: Iterable[str]) -> None:
        """Keep the rooms that we are in, and the private conversations."""
        names = set(joined)
        for name in names:
            self.get(name)
        gone = [room for room in self._rooms.values() if not room.is_private and room.name not in names]
        for room in gone:
            self.close(room)

    def close(self, room: RoomState) -> None:
        """Remove a room. Where it is shown, the one before it is shown; the last one stays."""
        others = [other for other in self.all if other is not room]
        if not others:
            return
        if room is self.current:
            self.show(others[max(self.all.index(room) - 1, 0)])
        self._rooms.pop(_key(room.name), None)

    def rename(self, before: str, after: str) -> None:
        """Give a private conversation the new name of the other person."""
        room = self._rooms.pop(_key(room_with(before)), None)
        if room:
            room.name = room_with(after)
            self._rooms.setdefault(_key(room.name), room)

    def show(self, room: RoomState) -> None:
        """Show a room. What was shown before needs less memory from now on."""
        if room is not self.current:
            if self.current.anchor is None:
                self.current.window.drop_rule()
            self.current.window.trim(is_shown=False)
            self.current.anchor = None
            self._before = self.current
        self.current = room

    def number(self, number: int) -> RoomState | None:
        """Return a room by its number in the list, from 1."""
        rooms = self.all
        return rooms[number - 1] if 0 < number <= len(rooms) else None

    def beside(self, step: int) -> RoomState:
        """Return the room that is so many places below the one that is shown; the first follows the last."""
        rooms = self.all
        return rooms[(rooms.index(self.current) + step) % len(rooms)]

    @property
    def before(self) -> RoomState:
        """The room that was shown before this one; this one where that is gone."""
        return self._before if self._rooms.get(_key(self._before.name)) is self._before else self.current

    def with_news(self) -> RoomState | None:
        """Return the next room with something new: those that mention the person come first."""
        rooms = self.all
        at = rooms.index(self.current)
        following = rooms[at + 1 :] + rooms[:at]
        called = (room for room in following if room.mentions)
        return next(called, None) or next((room for room in following if room.unread), None)

    def _forget_conversations(self) -> None:
        """Forget the private conversation that has been quiet for longest, where there are too many."""
        private = [room for room in self._rooms.values() if room.is_private]
        if len(private) > CONVERSATIONS_MAX:
            quiet = [room for room in private[:-1] if room is not getattr(self, "current", None)]
            quietest = min(quiet, key=lambda room: (room.mentions > 0, room.window.newest_id))
            self._rooms.pop(_key(quietest.name), None)


def _list_order(room: RoomState) -> tuple[bool, bool, str]:
    return room.is_private, room.name != LOBBY, "" if room.is_private else room.name.casefold()


def _key(name: str) -> str:
    """Return the name by which a room is found: people are the same in any case."""
    return name.casefold() if name.startswith(frames.MAILBOX) else name


def room_with(person: str) -> str:
    """Return the name of the private conversation with somebody."""
    return f"{frames.MAILBOX}{person}"[: frames.KEY_LIMIT]


def room_of(entry: frames.Said, label: str) -> str:
    """Return the name of the room or private conversation in which an entry is shown to somebody called `label`."""
    if entry.kind != Kind.TOLD:
        return entry.room
    return room_with(entry.to if entry.author == label else entry.author)
