"""The notices that the chat posts of what clients do, with the session records that result.

They are kept together or not at all. Those that would drown what is said in a room are summed up.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from trio_chat.chat.client import Client
from trio_chat.chat.crowd import CrowdNotices
from trio_chat.chat.dependencies import Dependencies
from trio_chat.chat.directory import Directory
from trio_chat.chat.events import Draft, Kind, Receipt
from trio_chat.chat.presence import overdue_notices
from trio_chat.chat.register import Register
from trio_chat.chat.room import Room
from trio_chat.chat.rooms import Rooms
from trio_chat.chat.session_record import SessionChange, SessionEnd, SessionRecord
from trio_chat.chat.topics import TopicNotices


class Notices:
    """Posts notices of clients: at once, held back or in sums."""

    def __init__(
        self, deps: Dependencies, register: Register, directory: Directory, rooms: Rooms, large_from: Callable[[], int]
    ) -> None:
        """A room with more than `large_from` members is sent sums of joins and leaves."""
        self._deps = deps
        self._register = register
        self._directory = directory
        self._rooms = rooms
        self._large_from = large_from
        self.crowds = CrowdNotices(deps.post)
        self.topics = TopicNotices(deps.post, deps.hold)

    def post(self, client: Client, *notices: Draft) -> Receipt:
        """Post the notices of a change with the session record that results: they are kept together or not at all."""
        receipt = self._deps.post(*notices, sessions=self.changes_of(client))
        (self._deps.nodes.publish if client in self._register else self._deps.nodes.withdraw)(client)
        if self.crowds.is_due:
            self.sum_up()
        return receipt

    def changes_of(self, client: Client) -> list[SessionChange]:
        """Return the changes of the session records of a client, and of the person whose place it is."""
        record = client.session_record if client in self._register else None
        changes = [self.crowds.change_of(client.owner, record)]
        if client.account:
            changes.append(self.crowds.change_of(client.person, self._directory.person_record(client.account)))
        return changes

    def unless_counted(self, client: Client, room: Room, notice: Draft) -> Sequence[Draft]:
        """Return the notice that a client, whose rooms are those of now, joined or left one, unless it is counted."""
        is_counted = self.crowds.count(
            notice,
            owner=client.person,
            elsewhere=self._elsewhere(client, room),
            is_large=notice.kind is not Kind.KICKED and len(room.members) > self._large_from(),
        )
        return () if is_counted else (notice,)

    def _elsewhere(self, client: Client, room: Room) -> Iterator[str]:
        """Yield the names of a person's other rooms. They are seldom asked for, and may be thousands."""
        places = self._directory.rooms_of(client.account) if client.account else ()
        rooms = dict.fromkeys(chain(places, client.members))
        yield from (other.name for other in rooms if other is not room)

    def is_large(self, name: str) -> bool:
        """Tell whether a room is sent sums instead of single notices."""
        room = self._rooms.find(name)
        return room is not None and len(room.members) > self._large_from()

    def tell_name(self, client: Client, *rooms: Room) -> None:
        """Tell the name of a client that comes to rooms or leaves them, where they are not large and do not know it."""
        most = self._large_from() + 1  # one may come or go
        names = [room.name for room in rooms if len(room.members) <= most]
        self.crowds.tell_name(client.person, client.label, names)

    def tick(self) -> None:
        """Sum up, and let notices be posted one by one again."""
        self.crowds.tick()
        self.topics.tick()

    def sum_up(self) -> None:
        """Post the notices that were counted or held back since the last time."""
        self.crowds.sum_up()
        self.topics.sum_up()

    def announce(self, record: SessionRecord, now: SessionRecord | None) -> None:
        """Announce how somebody has changed since the server last stopped, and keep their record of now."""
        owner, told = record.owner, record.as_told
        if told == now == record:
            return
        notices = overdue_notices([(told, now)])
        if notices:
            self.crowds.restore(record, SessionEnd(owner))
        posted = [it for it in notices if not self.crowds.count(it, owner=owner, is_large=self.is_large(it.room))]
        self._deps.post(*posted, sessions=[self.crowds.change_of(owner, now)])
