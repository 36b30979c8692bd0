"""The whole Chat under whatever people do, in any order: what has to hold, holds after every step.

Time stands still unless a step moves it, and what is posted is kept when a step says so, as a slow journal would.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tests.chat.conftest import HeldOutlet, Kept
from tests.dependencies import make_dependencies
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.dependencies import Owner, Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, PRESENCE, SERVER, SUPERSEDED, Draft, Entry, Kind
from trio_chat.chat.log import Mode, Window
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.room import Member
from trio_chat.chat.session_record import PERSON, SessionChange, SessionRecord
from trio_chat.chat.wording import TOPIC_CHANGED

HOLD_S = 60
RULES = Rules(window=Window(entries=12), hold_s=HOLD_S, announce_max_members=4, rooms_per_client=3)

ROOMS = st.sampled_from([LOBBY, "#Ops", "ops", "dev", "deν", "x" * 30, ""])
NICKS = st.sampled_from(["alice", "ALICE", "аlice", "bob", "b0b", "carol", "server", "c1", "47634"])
NUMBERS = st.integers(0, 30)


@dataclass
class Hearing:
    """The entries that one member has been sent since it joined: from the `start`th entry of the room on."""

    start: int
    ids: list[int] = field(default_factory=list)
    missed: int = 0


class Judge:
    """The members of rooms by the notices alone, counted ones too: they must agree with the records kept with them."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._named: defaultdict[str, set[str]] = defaultdict(set)
        self._vague: set[str] = set()
        self._told: dict[str, set[str]] = {}
        """The labels in each room, as told before."""

    def judge(self, drafts: Sequence[Draft], records: Collection[SessionRecord]) -> None:
        """Replay what is kept in one transaction, and compare."""
        told = [record for it in records if (record := it.as_told)]
        present = {room: {it.label for it in told if room in it.rooms} for room in {*self._numbers, *self._rooms(told)}}
        for draft in drafts:
            if draft.kind in (Kind.SAID, Kind.ACTED, Kind.TOPIC) and draft.author != SERVER:
                assert draft.author in present[draft.room]
            elif draft.kind in PRESENCE:
                self._replay(draft)
        self._told = present
        for room, labels in present.items():
            assert self._numbers[room] == len(labels)
            assert room in self._vague or self._named[room] == labels

    @staticmethod
    def _rooms(records: Collection[SessionRecord]) -> Iterator[str]:
        for record in records:
            yield from record.rooms

    def _replay(self, draft: Draft) -> None:
        room, named = draft.room, self._named[draft.room]
        match draft.kind:
            case Kind.CROWD if draft.text.startswith(TOPIC_CHANGED):
                pass
            case Kind.CROWD:
                self._vague.add(room)
                for count, what in re.findall(r"(\d+) (joined|left|was kicked|were kicked)", draft.text):
                    self._numbers[room] += int(count) if what == "joined" else -int(count)
            case Kind.JOINED:
                assert draft.author not in named or room in self._vague
                named.add(draft.author)
                self._numbers[room] += 1
            case Kind.RENAMED:
                assert draft.author in named or room in self._vague
                named.discard(draft.author)
                if draft.account and draft.text in self._told.get(room, ()):  # one place more of somebody who is here
                    self._numbers[room] -= 1
                else:
                    assert draft.text not in named or room in self._vague
                named.add(draft.text)
            case _:
                assert draft.author in named or room in self._vague
                named.discard(draft.author)
                self._numbers[room] -= 1


class ChatMachine(RuleBasedStateMachine):
    """People who do as they like, and a book of what was kept and who heard what."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.posted: list[Draft] = []
        self.kept: dict[str, list[Entry]] = defaultdict(list)
        self.last_id = 0
        self.hearings: dict[Member, Hearing] = {}
        self.records: dict[str, SessionRecord] = {}
        self.judge = Judge()
        self.clients: list[Client] = []
        self.left_at: dict[Client, float] = {}
        self.topics: dict[str, str] = {}
        """The last topic that was set in each room."""
        self.topics_set = 0
        self.ports = iter(range(1024, 65536))
        self.owners: dict[str, Owner] = {}
        """The accounts, by folded name."""
        self.accounts_made = 0
        self.remembered: defaultdict[str, set[str]] = defaultdict(set)
        """The rooms of each account, as the chat reports them."""

    def open(self) -> None:
        deps = make_dependencies(
            self._post,
            encoders=dict.fromkeys(Mode, lambda entry: b"%d\n" % entry.id),
            wall_clock=lambda: self.now,
            clock=lambda: self.now,
            owner_of=lambda nick: self.owners.get(fold_name(nick)),
            on_room=self._remember,
        )
        self.chat = Chat(deps, rules=RULES, last_id=self.last_id)

    @initialize()
    def begin(self) -> None:
        self.open()
        for is_plain in (True, True, False):
            self.connect(is_plain=is_plain, has_session=True)

    def _post(self, *drafts: Draft, sessions: Sequence[SessionChange] = (), superseded: Sequence[Draft] = ()) -> Kept:
        self.posted += [*drafts, *superseded]
        for change in sessions:
            self.records.pop(change.owner, None)
            if isinstance(change, SessionRecord):
                self.records[change.owner] = change
        self.judge.judge(drafts, self.records.values())
        return Kept()

    def _remember(self, account: str, room: str, is_in: bool) -> None:
        (self.remembered[account].add if is_in else self.remembered[account].discard)(room)

    def _note_hearings(self, kept: Mapping[str, int] | None = None) -> None:
        """Begin a book for whoever has come into a room, and close that of who has gone.

        `kept` are the numbers of entries of which the first one is sent to them that is not among these.
        """
        here = {member for client in self.clients for member in client.memberships}
        self.hearings = {member: book for member, book in self.hearings.items() if member in here}
        for member in here - self.hearings.keys():
            name = member.room.name
            self.hearings[member] = Hearing(len(self.kept[name]) if kept is None else kept.get(name, 0))

    def _pick(self, number: int) -> Client:
        """One who is here, or away; somebody comes where there is nobody."""
        if not self.clients:
            self.connect(is_plain=False, has_session=True)
        return self.clients[number % len(self.clients)]

    def _pick_connected(self, number: int) -> Client:
        if not self.chat.clients:
            self.connect(is_plain=True, has_session=False)
        connected = list(self.chat.clients)
        return connected[number % len(connected)]

    def _pick_owner(self, number: int) -> Owner:
        if not self.owners:
            self.claim("alice")
        owners = list(self.owners.values())
        return owners[number % len(owners)]

    def _forget_ended(self) -> None:
        """Forget clients that were ended, those that were away too."""
        self.left_at = {client: at for client, at in self.left_at.items() if client in self.chat.away}
        self._forget_gone()

    def _forget_gone(self) -> None:
        known = set(self.chat.clients) | set(self.left_at)
        self.clients = [client for client in self.clients if client in known]

    # What people do

    @rule(is_plain=st.booleans(), has_session=st.booleans())
    def connect(self, is_plain: bool, has_session: bool) -> None:
        port = next(self.ports)
        mode = Mode.LINES if is_plain else Mode.FRAMES
        session = "" if is_plain or not has_session else f"session-{port}"
        client = self.chat.connect("10.0.0.1", port, mode=mode, outlet=HeldOutlet(), session=session)
        self.clients.append(client)
        self.chat.join(client, LOBBY)

    @rule(who=NUMBERS, room=ROOMS)
    def come_again(self, who: int, room: str) -> None:
        """Somebody leaves for good, and its session is there again at once, from another port."""
        client, port = self._pick(who), next(self.ports)
        if client.session:
            self.chat.disconnect(client)
            self.left_at.pop(client, None)
            again = self.chat.connect("10.0.0.1", port, mode=Mode.FRAMES, outlet=HeldOutlet(), session=client.session)
            self.clients[self.clients.index(client)] = again
            with suppress(ChatError):
                self.chat.rename(again, client.nick or "")
            self.chat.join(again, LOBBY)
            with suppress(ChatError):
                self.chat.join(again, room)

    @rule(who=NUMBERS, room=ROOMS)
    def join(self, who: int, room: str) -> None:
        with suppress(ChatError):
            self.chat.join(self._pick(who), room)

    @rule(who=NUMBERS, room=ROOMS)
    def switch(self, who: int, room: str) -> None:
        with suppress(ChatError):
            self.chat.switch(self._pick(who), room)

    @rule(who=NUMBERS, room=ROOMS)
    def leave(self, who: int, room: str) -> None:
        client = self._pick(who)
        with suppress(ChatError):
            self.chat.leave(client, self.chat.room_of(client, room))

    @rule(who=NUMBERS, nick=NICKS)
    def rename(self, who: int, nick: str) -> None:
        with suppress(ChatError):
            self.chat.rename(self._pick(who), nick)

    @rule(who=NUMBERS, text=st.sampled_from(["hi", "x" * 200, ""]), times=st.sampled_from([1, 2, 15]))
    def say(self, who: int, text: str, times: int) -> None:
        client = self._pick(who)
        with suppress(ChatError):
            for _ in range(times):
                self.chat.say(client, self.chat.current_room(client), text, key="k")

    @rule(who=NUMBERS, whom=NUMBERS)
    def tell(self, who: int, whom: int) -> None:
        with suppress(ChatError):
            self.chat.tell(self._pick(who), self._pick(whom).label, "psst", key="k")

    @rule(who=NUMBERS, times=st.sampled_from([1, 3, 12]), is_keyed=st.booleans())
    def set_topic(self, who: int, times: int, is_keyed: bool) -> None:
        client = self._pick(who)
        for _ in range(times):
            with suppress(ChatError):
                room = self.chat.current_room(client)
                self.topics_set += 1
                key = f"topic{self.topics_set}" if is_keyed else ""
                self.chat.set_topic(client, room, f"topic {self.topics_set}", key=key)
                self.topics[room.name] = f"topic {self.topics_set}"

    @rule(room=ROOMS)
    def set_topic_as_server(self, room: str) -> None:
        if found := self.chat.rooms.find(room):
            self.topics_set += 1
            self.chat.set_topic_as_server(found, f"topic {self.topics_set}")
            self.topics[found.name] = f"topic {self.topics_set}"

    @rule(who=NUMBERS)
    def kick(self, who: int) -> None:
        self.chat.kick(self._pick_connected(who))
        self._forget_gone()

    @rule(who=NUMBERS)
    def disconnect(self, who: int) -> None:
        self.chat.disconnect(self._pick_connected(who))
        self._forget_gone()

    @rule(who=NUMBERS)
    def detach(self, who: int) -> None:
        client = self._pick_connected(who)
        posted = len(self.posted)
        self.chat.connection_lost(client, client.outlet)
        if client.session:
            self.left_at[client] = self.now
            assert len(self.posted) == posted
        self._forget_gone()

    @rule(who=NUMBERS)
    def resume(self, who: int) -> None:
        client = self._pick(who)
        posted, old = len(self.posted), client.outlet
        resumed = self.chat.resume(client.session, "10.0.0.2", next(self.ports), outlet=HeldOutlet())
        assert resumed is (client if client.session else None)
        if resumed:
            self.left_at.pop(client, None)
            assert len(self.posted) == posted
            self.chat.connection_lost(client, old)  # the old connection learns of its end late
            assert client in self.chat.clients

    @rule(name=st.sampled_from(["alice", "b0b", "carol"]))
    def claim(self, name: str) -> None:
        """Somebody claims a name: a guest who has it, or one that looks like it, has to go."""
        if fold_name(name) not in self.owners:
            self.accounts_made += 1
            self.owners[fold_name(name)] = Owner(f"{self.accounts_made:016x}", name)
            self.chat.places.evict_guest(name)
            self._forget_ended()

    @rule(who=NUMBERS, whose=NUMBERS)
    def enter_as(self, who: int, whose: int) -> None:
        owner = self._pick_owner(whose)
        client = self._pick_connected(who)
        was_guest = not client.account
        with suppress(ChatError):
            self.chat.places.enter_as(client, owner.id, owner.name, "password")
            assert (client.account, client.label) == (owner.id, owner.name)
        assert client.account == owner.id or not was_guest

    @rule(whose=NUMBERS, is_for_good=st.booleans())
    def end_places(self, whose: int, is_for_good: bool) -> None:
        owner = self._pick_owner(whose)
        count = len(self.chat.directory.places(owner.id))
        assert self.chat.places.end(owner.id, "gone") == count
        assert not self.chat.directory.places(owner.id)
        if is_for_good:
            del self.owners[fold_name(owner.name)]
        self._forget_ended()

    @rule(who=NUMBERS)
    def kick_everywhere(self, who: int) -> None:
        client = self._pick_connected(who)
        places = self.chat.directory.places_of(client)
        assert self.chat.kick(client, everywhere=True) == places
        assert not self.chat.directory.here(places)
        self._forget_ended()

    # What happens

    @rule(seconds=st.sampled_from([0, 1, HOLD_S - 1, HOLD_S + 1]))
    def tick(self, seconds: int) -> None:
        self.now += seconds
        self.chat.tick()
        assert not self.chat.notices._topics._held
        self.left_at = {client: at for client, at in self.left_at.items() if at > self.now - HOLD_S}
        self._forget_gone()

    @rule()
    def settle(self) -> None:
        drafts, self.posted = self.posted, []
        entries = [Entry(self.last_id + number, self.now, draft) for number, draft in enumerate(drafts, 1)]
        self.last_id += len(entries)
        self._note_hearings()
        kept = {room: len(before) for room, before in self.kept.items()}
        for entry in entries:
            self.kept[entry.draft.room].append(entry)
        self.chat.deliver(entries)
        self._note_hearings(kept)  # the mailbox of a session that has come again is opened by what it said before
        for name, topic in self.topics.items():
            if (room := self.chat.rooms.find(name)) and name not in self.chat.notices._topics._held:
                assert room.topic == topic

    @rule(who=NUMBERS, is_swift=st.booleans())
    def hear(self, who: int, is_swift: bool) -> None:
        """Send one client all it has not heard, as the pump does; a swift journal has kept all of it by then."""
        client = self._pick_connected(who)
        self._note_hearings()
        if is_swift:
            self.settle()
        for member in client.memberships:
            book, log = self.hearings[member], member.room.log
            if member.cursor < member.track.base:
                book.missed += member.catch_up()
            while member.cursor < log.end:
                data, end = member.slice()
                member.advance(end)
                book.ids += map(int, data.split())
            due = [entry.id for entry in self._due(member, book)]
            assert len(book.ids) + book.missed == len(due)
            assert book.ids == [number for number in due if number in set(book.ids)]
            assert book.missed or book.ids == due

    def _due(self, member: Member, book: Hearing) -> Iterator[Entry]:
        client = member.client
        for entry in self.kept[member.room.name][book.start :]:
            if client.mode is Mode.FRAMES or entry.draft.client != client.id:
                yield entry

    @rule(luck=st.integers(0, 5))
    def crash(self, luck: int) -> None:
        """The server is killed and started again: whoever has a session is away, all others have left."""
        if luck:
            return
        self.posted.clear()
        self.hearings.clear()
        sessions = {client.session for client in self.clients}
        self.open()
        self.topics = {
            entry.draft.room: entry.draft.text
            for entries in self.kept.values()
            for entry in entries
            if entry.draft.kind is Kind.TOPIC and entry.draft.room != SUPERSEDED
        }
        for name, topic in self.topics.items():
            self.chat.rooms.restore(name, topic)
        self.clients, self.left_at = [], {}
        persons = [record for record in self.records.values() if record.mode == PERSON]
        for record in tuple(self.records.values()):
            if record.owner in sessions:
                self.chat.restore(record)
                held = self.chat._register.by_session(record.owner)
                assert held
                assert held.label == record.label
                self.clients.append(held)
                self.left_at[held] = self.now
        assert not self.posted
        for record in tuple(self.records.values()):
            if record.owner not in sessions and record not in persons:
                self.chat.announce_departure(record)
        for record in persons:
            self.chat.restore_person(record)
        self.chat.notices.sum_up()

    # What holds

    @invariant()
    def everyone_is_either_connected_or_away(self) -> None:
        self._note_hearings()
        assert {*self.chat.clients, *self.left_at} == set(self.clients)
        assert set(self.left_at) == set(self.chat._register.away)
        assert not set(self.chat.clients) & set(self.left_at)

    @invariant()
    def no_two_have_names_that_look_alike_and_each_name_finds_its_owner(self) -> None:
        named = [client for client in self.clients if client.nick]
        people = {client.person for client in named}
        assert len({fold_name(client.nick) for client in named}) == len(people)
        for client in named:
            found = self.chat._register.by_label(client.nick)
            assert found
            assert found.person == client.person
            assert found.away_since is None or all(
                place.away_since is not None for place in self.chat.directory.places_of(client)
            )
            assert client.label == client.nick
            owner = self.owners.get(fold_name(client.nick))
            assert client.account == (owner.id if owner else "")

    @invariant()
    def each_person_is_counted_once_in_a_room_and_has_one_mailbox(self) -> None:
        for room in self.chat.rooms:
            people = {client.person for client in room.members}
            assert room.headcount == len(people) == len(list(room.people))
            assert {client.person for client in room.people} == people
            for client in room.members:
                assert room.has(client.account) == bool(client.account)
                assert not client.account or room.name in self.remembered[client.account]
        for client in self.clients:
            assert client.mailbox is None or client.mailbox.room is self.chat.rooms._mailboxes[client.mailbox_name]
            assert client in self.chat.directory.places_of(client)
            assert client.mailbox or not client.account

    @invariant()
    def clients_and_rooms_agree_on_who_is_where(self) -> None:
        for room in self.chat.rooms:
            for client, member in room.members.items():
                assert client.members[room] is member
                assert client in self.clients
        for client in self.clients:
            assert len(client.members) <= RULES.rooms_per_client
            assert all(room.members[client] is member for room, member in client.members.items())

    @invariant()
    def cursors_are_inside_their_logs_and_logs_are_what_was_kept(self) -> None:
        for client in self.clients:
            for member in client.memberships:
                log = member.room.log
                assert 0 <= member.cursor <= log.end
                own = member.own or []
                assert own == sorted(set(own))
                assert all(member.cursor <= index < log.end for index in own)
                assert client.mode is Mode.LINES or not own
                kept = [entry.id for entry in self.kept[member.room.name]]
                assert len(log._ids) <= RULES.window.entries or member is client.mailbox
                assert log._ids == kept[len(kept) - len(log._ids) :]

    @invariant()
    def what_a_restart_would_know_is_how_it_is(self) -> None:
        here = {client.owner: client.session_record for client in self.clients}
        for owner in self.owners.values():
            if places := self.chat.directory.places(owner.id):
                rooms = {room.name for place in places for room in place.members}
                kept = self.records[f"@{owner.id}"]
                assert set(kept.rooms) == rooms
                here[f"@{owner.id}"] = SessionRecord(
                    f"@{owner.id}", PERSON, owner.name, owner.name, kept.rooms, account=owner.id
                )
        assert here == {owner: replace(it, told=None) for owner, it in self.records.items() if owner in here}
        gone = [it for owner, it in self.records.items() if owner not in here]
        assert all(it.told and not it.rooms and it.mode in (Mode.LINES, PERSON) for it in gone)

    @invariant()
    def as_many_connections_began_as_ended_or_are_open(self) -> None:
        counters = self.chat.counters
        assert counters.connects.total() == counters.disconnects.total() + len(self.chat.clients)

    def teardown(self) -> None:
        """Once everyone has left, nothing is left of them."""
        if not hasattr(self, "chat"):
            return
        for client in tuple(self.clients):
            self.chat.disconnect(client)
        self.settle()
        for room in (*self.chat.rooms, *self.chat.rooms._mailboxes.copy().values()):
            for member in tuple(room.departing.values()):  # as its session does when the departure is kept
                self.chat.finish_departures(member.client)
        self.chat.tick()
        register = self.chat._register
        assert not any((register._by_id, register._by_port, register._by_nick, register._by_session, register.away))
        assert all(room.is_empty for room in self.chat.rooms)
        assert not self.chat.rooms._mailboxes
        assert not self.chat.notices._crowds._crowds
        assert not register._by_account
        assert not any(room._places or room._doubles for room in self.chat.rooms)
        assert not self.records


TestChatMachine = ChatMachine.TestCase
TestChatMachine.settings = settings(max_examples=100, stateful_step_count=60)
