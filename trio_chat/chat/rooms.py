"""All rooms of a server, found by name however it is written, and the mailboxes of single clients.

A room is made by the first who joins it. When it is empty it is forgotten, unless something was said there. Where there
are as many rooms as allowed, empty ones make way; their history is there again when somebody joins them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from heapq import nlargest, nsmallest
from itertools import chain

from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, MAILBOX_MARK, SPOKEN, Entry, Kind
from trio_chat.chat.log import Encode, Mode, Window
from trio_chat.chat.nicks import check_room, fold_name
from trio_chat.chat.room import Member, Room
from trio_chat.chat.window_budget import WindowBudget

TOPIC_MAX = 300
"""Characters. Topics are sent to everyone who joins, and to everyone who lists the rooms, very many at once."""

_MAILBOX_WINDOW = Window(entries=1024, size_bytes=1024 * 1024)


class Rooms:
    """The rooms by name, and the mailboxes."""

    def __init__(
        self, encoders: Mapping[Mode, Encode], *, window: Window, budget: WindowBudget, most: int, last_id: int
    ) -> None:
        """`last_id` is the newest id in the journal; `most` is the greatest number of rooms."""
        self._encoders = encoders
        self._window = window
        self._most = most
        self.budget = budget
        """The budget of the windows of all rooms and mailboxes."""
        self._names: dict[str, str] = {}
        self._mailboxes: dict[str, Room] = {}
        self._by_name: dict[str, Room] = {}
        self._unspoken: set[str] = set()
        """The names of rooms in which nothing was said, as far as is known."""
        self._forgotten_topics: dict[str, str] = {}
        """Topics of rooms that made way, by name, the oldest first; at most as many as rooms are allowed."""
        self._is_restored = False
        self._cleared: set[str] = set()
        """Rooms whose topic was cleared while rooms were being restored."""
        self.last_id = last_id
        """The newest id that has come from the journal."""
        self.restore(LOBBY, "")

    def __getitem__(self, name: str) -> Room:
        return self._by_name[name]

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Room]:
        return iter(self._by_name.values())

    @property
    def bytes_sent(self) -> int:
        """Bytes sent to those in step, in all rooms and mailboxes, that their outlets have not counted."""
        rooms = chain(self, self._mailboxes.values())
        return sum([cohort.bytes_sent for room in rooms for cohort in room.cohorts.values()])

    def largest(self, limit: int) -> list[Room]:
        """The rooms with the most members."""
        if len(self._by_name) <= limit:
            return list(self)
        return nlargest(limit, self, key=lambda room: len(room.members))

    def restore(self, name: str, topic: str) -> None:
        """Add a room that the journal has. Raises ChatError where there are too many; its topic is kept anyway.

        A topic that was set meanwhile is newer and stays, and one that was cleared meanwhile is not set again.
        """
        if name in self._cleared:
            topic = ""
        known = self._by_name.get(name)
        topic = (known.topic if known else self._forgotten_topics.get(name)) or topic
        try:
            self._open(name)
        finally:
            self._set_topic(name, topic[:TOPIC_MAX])
            self._unspoken.discard(name)

    def end_restoring(self) -> None:
        """Note that the journal has no more rooms to restore."""
        self._is_restored = True
        self._cleared.clear()

    def enter(self, name: str) -> Room:
        """The room of that name, made if there is none. Raises ChatError where the name or their number forbids it."""
        return self._by_name.get(name) or self._open(check_room(name), makes_way=True)

    def find(self, name: str) -> Room | None:
        """The room of that name, however it is written."""
        return self._by_name.get(self._names.get(fold_name(name.removeprefix("#")), ""))

    def last_id_sent(self, member: Member) -> int:
        """The id of the newest entry already sent to a member."""
        log = member.room.log
        following = max(member.cursor, member.track.base)  # a cursor off the window goes on at its base
        return log.id_at(following) - 1 if following < log.end else self.last_id

    def route(self, name: str, news: Sequence[Entry]) -> Room | None:
        """Return the room or mailbox that new entries are for, and take over the topic that they set.

        -> None for a mailbox whose client is gone, and for notices of a room that is forgotten by now
        """
        if name.startswith(MAILBOX_MARK):
            return self._mailboxes.get(name)
        room = self._by_name.get(name)
        if (room is None or name in self._unspoken) and any(entry.draft.kind in SPOKEN for entry in news):
            room = room or self._recover(name)
            self._unspoken.discard(name)
        topic = Kind.TOPIC  # looked up once
        for entry in news:
            if entry.draft.kind is topic:
                self._set_topic(name, entry.draft.text)
                if not self._is_restored and not entry.draft.text:
                    self._cleared.add(name)
        return room

    def append(self, room: Room, news: Sequence[Entry], author_of: Callable[[str], Client | None]) -> None:
        """Put entries into a room's log. Where memory runs out, all windows are given up for that, or these entries.

        `author_of` finds the client with an id, if it is still here.
        """
        index, last_id = room.log.end, room.log.last_id
        try:
            room.append(news, author_of)
        except MemoryError:
            room.log.skip_to(index, last_id)
            self.budget.give_up()
            try:
                room.append(news, author_of)
            except MemoryError:
                room.log.skip_to(index + len(news), news[-1].id)

    def replace(self, tombstone: Entry) -> None:
        """Put a tombstone in the place of an entry of a room or mailbox, as far as its window reaches back."""
        name = tombstone.draft.room
        if room := self._by_name.get(name) or self._mailboxes.get(name):
            room.replace(tombstone)

    def topic_of(self, name: str) -> str:
        """Return the topic of a room, also of one that made way; empty where it has none."""
        room = self._by_name.get(name)
        return room.topic if room else self._forgotten_topics.get(name, "")

    def forget_unspoken(self) -> None:
        """Forget empty rooms in which nothing was said. Called now and then: rooms become empty in several ways."""
        for name in [name for name in self._unspoken if not self._by_name[name].members]:
            self._drop(name)

    def open_mailbox(self, client: Client) -> Member:
        """The membership of a client in its own mailbox, which is made if there is none. Places of one account share
        theirs."""
        if client.mailbox is None:
            name = client.mailbox_name
            if (room := self._mailboxes.get(name)) is None:
                room = self._mailboxes[name] = self._make(name, _MAILBOX_WINDOW)
            client.mailbox = room.admit(client)
        return client.mailbox

    def close(self, room: Room) -> None:
        """Empty the log of a room without members, or drop the mailbox of a client that is gone."""
        if self._by_name.get(room.name) is room:
            room.forget(self.last_id)
        elif room.name.startswith(MAILBOX_MARK):
            if self._mailboxes.get(room.name) is room:
                del self._mailboxes[room.name]
            room.log.close()

    def _open(self, name: str, *, makes_way: bool = False) -> Room:
        key = fold_name(name)
        if known := self._names.get(key):
            return self._by_name[known]
        if len(self._by_name) >= self._most and not (makes_way and self._make_way()):
            raise ChatError("too-many-rooms", "this server has as many rooms as it may have")
        self._names[key] = name
        self._unspoken.add(name)
        room = self._by_name[name] = self._make(name, self._window)
        if topic := self._forgotten_topics.pop(name, ""):
            room.topic = topic
            self._unspoken.discard(name)
        return room

    def _make_way(self) -> bool:
        """Forget empty rooms, those left longest ago. -> whether there were any

        Otherwise one client could make so many, with a word said in each, that nobody could make another. A hundredth
        goes at once, since finding them takes as long as finding one.
        """
        empty = [room for room in self if not room.members and room.name != LOBBY]
        for room in nsmallest(1 + self._most // 100, empty, key=lambda room: room.log.last_id):
            self._drop(room.name)
        return bool(empty)

    def _recover(self, name: str) -> Room | None:
        """Make a room again that was forgotten while an entry was on its way into it, unless its name is taken."""
        if fold_name(name) in self._names:
            return None
        with suppress(ChatError):
            return self._open(name)
        return None

    def _drop(self, name: str) -> None:
        room = self._by_name.pop(name)
        for member in tuple(room.departing.values()):
            room.depart(member)
        room.log.close()
        del self._names[fold_name(name)]
        self._unspoken.discard(name)
        self._set_topic(name, room.topic)

    def _set_topic(self, name: str, topic: str) -> None:
        """Set the topic of a room, or keep it for when that is made again."""
        if room := self._by_name.get(name):
            room.topic = topic
            return
        self._forgotten_topics.pop(name, None)
        if topic:
            self._forgotten_topics[name] = topic
            # Trade-off: older ones are known again only after a restart.
            if len(self._forgotten_topics) > self._most:
                del self._forgotten_topics[next(iter(self._forgotten_topics))]

    def _make(self, name: str, window: Window) -> Room:
        return Room(name, self._encoders, window=window, after_id=self.last_id, budget=self.budget)
