"""Notices: posts what clients say, and what others are told of what they do, in the order in which they did it.

A notice is kept with the session record that results, or neither is. Notices that would drown what is said in a room
are summed up (`crowd.py`, `topics.py`); they are told before anything else that their client does.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain

from trio_chat.chat.client import Client
from trio_chat.chat.crowd import CrowdNotices
from trio_chat.chat.dependencies import Dependencies
from trio_chat.chat.directory import Directory
from trio_chat.chat.drafts import draft_of, entering_notice
from trio_chat.chat.events import Draft, Kind, Receipt, person_of
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
        self._crowds = CrowdNotices(deps.post)
        self._topics = TopicNotices(deps.post, deps.hold)

    # Speech

    def post(self, client: Client, *drafts: Draft) -> Receipt:
        """Post what a client says, after the topic that it has set, where that is held back."""
        self._topics.tell(client.owner)
        return self._deps.post(*drafts)

    def introduce(self, client: Client, room: Room) -> None:
        """Sum up unless a room, in which a client is about to say something, knows it by its name."""
        self._crowds.introduce(client.person, client.label, room.name)

    def post_topic(self, client: Client, draft: Draft) -> Receipt:
        """Post a topic that a client has set, or hold it back."""
        return self._topics.post(draft, owner=client.owner)

    def override_topic(self, draft: Draft) -> Receipt:
        """Post a topic at once, over the one that is held back."""
        return self._topics.override(draft)

    def holds_topic(self, room: Room) -> bool:
        """Tell whether the next topic of a room would be held back."""
        return self._topics.holds(room.name)

    # Notices of changes

    def post_change(self, client: Client, *notices: Draft) -> Receipt:
        """Post the notices of a change with the session record that results: they are kept together or not at all.

        The topic that the client has set goes ahead of them, where it is held back.
        """
        self._topics.tell(client.owner)
        receipt = self._deps.post(*notices, sessions=self._changes_of(client))
        (self._deps.nodes.publish if client in self._register else self._deps.nodes.withdraw)(client)
        if self._crowds.is_due:
            self.sum_up()
        return receipt

    def keep(self, client: Client) -> None:
        """Keep the session record of a client, with what others were told of it."""
        self._deps.post(sessions=self._changes_of(client))

    def forget(self, client: Client) -> None:
        """Forget what is untold of a client that another node has now, which tells it."""
        self._crowds.forget(client.owner, client.person)

    def keep_person(self, account: str) -> None:
        """Keep the record of a person, as their places on this node make it."""
        record = self._directory.person_record(account)
        self._deps.post(sessions=[self._crowds.change_of(person_of(account), record)])

    def _changes_of(self, client: Client) -> list[SessionChange]:
        """Return the changes of the session records of a client, and of the person whose place it is."""
        record = client.session_record if client in self._register else None
        changes = [self._crowds.change_of(client.owner, record)]
        if client.account:
            changes.append(self._crowds.change_of(client.person, self._directory.person_record(client.account)))
        return changes

    def rename(self, client: Client, nick: str) -> Sequence[Draft]:
        """Return the notices that a client takes another nick; none where they are held back or counted."""
        notices = [draft_of(client, room, Kind.RENAMED, nick) for room in client.members]
        is_held = notices and self._crowds.hold(notices, owner=client.owner, large=self._large_rooms(client))
        return () if is_held else notices

    def become_member(self, client: Client, former: str, before: Collection[Room]) -> Sequence[Draft]:
        """Return the notices that a guest, called `former`, is a member from now on; none where they are counted.

        `before` are the rooms in which the person is by other places.
        """
        return self._crowds.count_renames_to_member(
            [entering_notice(client, room, former) for room in client.members],
            guest=client.owner,
            person=client.person,
            before=[room.name for room in before],
            large=self._large_rooms(client),
        )

    def unless_counted(self, client: Client, room: Room, notice: Draft) -> Sequence[Draft]:
        """Return the notice that a client, whose rooms are those of now, joined or left one, unless it is counted."""
        is_counted = self._crowds.count(
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

    def _is_large(self, name: str) -> bool:
        """Tell whether a room is sent sums instead of single notices."""
        room = self._rooms.find(name)
        return room is not None and len(room.members) > self._large_from()

    def _large_rooms(self, client: Client) -> list[str]:
        return [room.name for room in client.members if self._is_large(room.name)]

    # Before a change

    def clear_label(self, label: str, owner: str) -> None:
        """Sum up where others know another client by a label that is this owner's now."""
        self._crowds.clear_label(label, owner)

    def tell_guest_and_person(self, client: Client, person: str) -> None:
        """Sum up if anything is untold of a guest, or of the person whose place it is about to become."""
        self._crowds.tell(client.owner, person)

    def tell_name(self, client: Client, *rooms: Room) -> None:
        """Tell the name of a client that comes to rooms or leaves them, where they are not large and do not know it."""
        most = self._large_from() + 1  # one may come or go
        names = [room.name for room in rooms if len(room.members) <= most]
        self._crowds.tell_name(client.person, client.label, names)

    def tell_kicked(self, client: Client) -> None:
        """Tell what is untold of a client that is about to be kicked, where a room will be told of that by its name."""
        self._crowds.tell_kicked(client.person, (room.name for room in client.members))

    # Sums

    def tick(self) -> None:
        """Sum up, and let notices be posted one by one again."""
        self._crowds.tick()
        self._topics.tick()

    def sum_up(self) -> None:
        """Post the notices that were counted or held back since the last time."""
        self._crowds.sum_up()
        self._topics.sum_up()

    def restore(self, record: SessionRecord, now: SessionRecord) -> None:
        """Restore what was untold of a client when the server last stopped. `now` is its record as restored."""
        self._crowds.restore(record, now, overdue_notices([(record.as_told, now.as_told)]))

    def announce(self, record: SessionRecord, now: SessionRecord | None) -> None:
        """Announce how somebody has changed since the server last stopped, and keep their record of now."""
        owner, told = record.owner, record.as_told
        if told == now == record:
            return
        notices = overdue_notices([(told, now)])
        if notices:
            self._crowds.restore(record, SessionEnd(owner))
        posted = [it for it in notices if not self._crowds.count(it, owner=owner, is_large=self._is_large(it.room))]
        self._deps.post(*posted, sessions=[self._crowds.change_of(owner, now)])
