"""Chat: all rooms and every rule. Lines, frames, the console and HTTP call the same methods.

What it decides becomes drafts, handed to `post`; what comes back from the journal enters the rooms through `deliver`.
Nothing here waits: no method is a coroutine, so a rule is checked and applied in one step.
"""

import itertools
from collections.abc import Collection, Sequence
from itertools import chain

import msgspec

from trio_chat.chat.client import UNCOUNTED, Client
from trio_chat.chat.counters import Counters, DisconnectReason
from trio_chat.chat.crowd import CrowdNotices
from trio_chat.chat.dependencies import Change, Dependencies, Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import SERVER, Draft, Entry, Kind, Receipt
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import check_nick
from trio_chat.chat.outlet import CloseReason, NoOutlet, Outlet
from trio_chat.chat.register import Register
from trio_chat.chat.room import Member, Room
from trio_chat.chat.rooms import TOPIC_MAX, Rooms
from trio_chat.chat.session_record import SessionEnd, SessionRecord
from trio_chat.chat.text import TEXT_MAX, clean, excerpt
from trio_chat.chat.window_budget import WindowBudget

DEPARTURES_PER_TURN = 200
"""Departures of clients, and from rooms, in one turn of the loop: some 10 ms. A network that breaks ends thousands."""

MAKE_WAY_AT_ONCE = 10
"""Sessions that end when one client comes, so that a limit which was lowered holds nobody up; fewer come than go."""


class Chat:
    """All clients and rooms of this server."""

    def __init__(self, deps: Dependencies, *, rules: Rules, last_id: int = 0) -> None:
        """`last_id` is the newest id in the journal: what is newer comes in through `deliver`."""
        self._deps = deps
        self.rules = rules
        """Can be set anew at any time; `window` and `rooms` stay as they were at first."""
        self._register = Register()
        self._ids = itertools.count(1)
        self._crowd_notices = CrowdNotices(deps.post)
        self.counters = Counters()
        budget = WindowBudget(rules.window_total_bytes)
        self.rooms = Rooms(deps.encoders, window=rules.window, budget=budget, most=rules.rooms, last_id=last_id)

    # Connections

    @property
    def clients(self) -> Collection[Client]:
        """Everyone who is connected, in the order of coming."""
        return self._register.connected

    @property
    def away(self) -> Collection[Client]:
        """Everyone whose connection broke and whose session can be resumed, the oldest first."""
        return self._register.away

    def connect(
        self, address: str, port: int, *, mode: Mode, outlet: Outlet, session: str = "", origin: int = UNCOUNTED
    ) -> Client:
        """Admit a connection. It is in no room yet. `session` is what another connection can take over by.

        Of too many clients of one `origin`, or in all, those that have been away for longest make way.
        """
        client = Client(f"c{next(self._ids)}", address, port, mode=mode, outlet=outlet)
        client.session, client.origin = session, origin
        self._register.enter(client)
        self._make_way(origin)
        self._record_connect(client)
        return client

    def resume(
        self, session: str, address: str, port: int, *, outlet: Outlet, origin: int = UNCOUNTED
    ) -> Client | None:
        """Let a new connection take over from the one that had this session, if that is still known."""
        client = self._register.by_session(session)
        if client is None:
            return None
        if client.away_since is None:
            self._record_disconnect(client, DisconnectReason.RESUMED)
            client.outlet.hang_up(CloseReason.RESUMED)
        self.finish_departures(client)
        self._register.bring_back(client, address, port, origin)
        client.outlet = outlet
        client.away_since = None
        self._make_way(origin)
        self._record_connect(client)
        return client

    def with_session(self, session: str) -> Client | None:
        """The client that a new connection with this session would take over from."""
        return self._register.by_session(session)

    def restore(self, record: SessionRecord) -> None:
        """Restore a client that was here when the server last stopped, as one whose connection broke just now.

        Raises ChatError, and it is not here, where that cannot be.
        """
        client = Client(f"c{next(self._ids)}", "", 0, mode=Mode.FRAMES, outlet=NoOutlet())
        client.session, client.label = record.owner, record.label
        client.away_since = self._deps.clock()
        self._register.enter_away(client, rooms=len(record.rooms))
        try:
            if record.nick:
                self._register.claim_nick(client, record.nick)
            rooms = [self.rooms.enter(name) for name in record.rooms]
        except ChatError:
            self._register.remove(client)
            raise
        client.members = {room: room.admit(client) for room in rooms}
        self._make_way(client.origin)

    def announce_departure(self, record: SessionRecord) -> None:
        """Announce the departure of a client that was connected when the server last stopped, and end its session."""
        notices = [
            self._unless_counted(Draft(name, Kind.LEFT, record.label), self.rooms.find(name)) for name in record.rooms
        ]
        self._deps.post(*chain(*notices), sessions=[SessionEnd(record.owner)])

    def connection_lost(
        self, client: Client, outlet: Outlet, reason: DisconnectReason = DisconnectReason.BROKEN
    ) -> None:
        """The connection that had this outlet broke. A client with a session stays for a while, unless it resumed."""
        if client.outlet is not outlet or client not in self._register or client.away_since is not None:
            return
        if not client.session:
            self.disconnect(client, reason)
            return
        client.away_since = self._deps.clock()
        self._register.send_away(client)
        self._record_disconnect(client, reason)
        self.finish_departures(client)
        client.outlet = NoOutlet()
        self._make_way(client.origin)

    def disconnect(self, client: Client, reason: DisconnectReason = DisconnectReason.LEFT) -> None:
        """The client has left. Does nothing for one that is gone already, as after a kick."""
        if client not in self._register:
            return
        was_connected = client.away_since is None
        self._forget(client, Kind.LEFT)
        if was_connected:
            self._record_disconnect(client, reason)

    def kick(self, client: Client, text: str = "") -> None:
        """End a client's connection, or its session where it is away; everyone where it was is told.

        `text` is the sentence that it is told. Raises ChatError for one that is gone.
        """
        self._check_is_here(client)
        was_connected = client.away_since is None
        self._forget(client, Kind.KICKED)
        if was_connected:
            self._record_disconnect(client, DisconnectReason.KICKED)
        else:
            self._deps.on_change(Change.KICKED, client, None)
        client.outlet.hang_up(CloseReason.KICKED, text)

    def tick(self) -> None:
        """Do what is done about once a second: sum up crowds, let go of those who were away for too long, tidy up."""
        self.sum_up()
        self.end_overdue_sessions()
        self.rooms.forget_unspoken()

    def end_overdue_sessions(self) -> bool:
        """Let go of some of those who were away for too long. -> whether others are left; they are not to wait long."""
        latest, departures = self._deps.clock() - self.rules.hold_s, 0
        while (client := self._register.away.oldest()) and client.away_since is not None:
            if client.away_since > latest or departures >= DEPARTURES_PER_TURN:
                return client.away_since <= latest
            departures += 1 + len(client.members)
            self.disconnect(client)
        return False

    def sum_up(self) -> None:
        """Post a summary of the joins and leaves that were counted since the last one."""
        self._crowd_notices.sum_up()

    # Rooms

    def join(self, client: Client, name: str, *, is_move: bool = False) -> Member:
        """Put a client into a room, which is made if it is not there. It hears what is kept from now on.

        `is_move` where it is in the chat already. Raises ChatError where it may not, or is gone.
        """
        self._check_is_here(client)
        room = self.rooms.enter(name)
        if member := room.members.get(client):
            return member
        if len(client.members) >= self.rules.rooms_per_client:
            raise ChatError("too-many-rooms", f"you are in {len(client.members)} rooms: leave one first")
        member = client.members[room] = room.admit(client)
        notice = _draft(client, room, Kind.JOINED, _only(room) if is_move else "")
        self._post_change(client, *self._unless_counted(notice, room))
        return member

    def switch(self, client: Client, name: str) -> Room:
        """Put a client into a room and out of all others. Raises ChatError where it may not."""
        room = self.join(client, name, is_move=True).room
        for other in tuple(client.members):
            if other is not room:
                self.leave(client, other)
        return room

    def leave(self, client: Client, room: Room) -> None:
        """Take a client out of a room. Raises ChatError where it is not in it."""
        if room not in client.members:
            raise ChatError("not-in-room", f"you are not in #{room.name}")
        del client.members[room]
        notices = self._remove_member(client, room, _draft(client, room, Kind.LEFT, _only(room)))
        client.departed = self._post_change(client, *notices)

    def finish_departures(self, client: Client) -> None:
        """Let a client go from the rooms that it has left, if it has not gone: up to now it is sent what was said.

        To be called when what it left by is kept and published, or the wait for that is over.
        """
        departing, client.departing = client.departing, ()
        for member in departing:
            member.room.depart(member)
            if member.room.is_empty:
                self.rooms.close(member.room)

    def room_of(self, client: Client, name: str) -> Room:
        """The room of that name, which the client is in. Raises ChatError where it is not."""
        room = self.rooms.find(name)
        if room is None or room not in client.members:
            raise ChatError("not-in-room", f"you are not in #{excerpt(name.removeprefix('#'))}")
        return room

    def current_room(self, client: Client) -> Room:
        """The room that a client with one room speaks in, entered last. Raises ChatError where it is in none."""
        for room in reversed(client.members):
            return room
        raise ChatError("no-room", "you are in no room: /join one")

    def set_topic(self, client: Client, room: Room, text: str, *, key: str = "") -> Receipt:
        """Say what a room is about. Raises ChatError where that is too long."""
        if len(text) > TOPIC_MAX:
            raise ChatError("long-topic", f"a topic has at most {TOPIC_MAX} characters")
        topic = clean(text).strip()
        return self._post_in(client, room, _draft(client, room, Kind.TOPIC, topic, key))

    # Speaking

    def say(self, client: Client, room: Room, *texts: str, key: str = "", is_typed: bool = True) -> Receipt | None:
        """Say lines in a room, one entry each, kept together or not at all; the last one bears the key.

        Of some nothing readable may be left once they are clean: they are left out. -> None when that is all of them

        A client in lines is not sent what it has typed itself; where it has not, as with the throw of a die, it is.
        """
        return self._speak(client, room, Kind.SAID, texts, key, is_typed=is_typed)

    def act(self, client: Client, room: Room, text: str, *, key: str = "", is_typed: bool = True) -> Receipt | None:
        """Say what the client does, as in `* [alice] waves`. It is sent to the same as what is said."""
        return self._speak(client, room, Kind.ACTED, (text,), key, is_typed=is_typed)

    def tell(self, client: Client, label: str, text: str, *, key: str = "") -> Receipt | None:
        """Say something to one client alone. It is kept twice, once in the mailbox of each."""
        self._check_is_here(client)
        other = self.known_as(label)
        if other is client:
            raise ChatError("yourself", f"[{client.label}] is you: nobody else would read that")
        if not (text := _readable(text)):
            return None
        # Its own comes last, and has the key that it gave: that entry acknowledges it.
        drafts = [
            Draft(self.rooms.open_mailbox(party).room.name, Kind.TOLD, client.label, text, other.label, client.id)
            for party in (other, client)
        ]
        drafts[-1] = msgspec.structs.replace(drafts[-1], session=client.session if key else "", key=key)
        return self._deps.post(*drafts)

    def rename(self, client: Client, nick: str) -> Receipt | None:
        """Give a client another nick. Raises ChatError where it is malformed, reserved or taken, or the client gone."""
        self._check_is_here(client)
        nick = check_nick(nick)
        if nick == client.nick:
            return None
        self._check_is_not_held(nick, client)
        self._register.claim_nick(client, nick)
        notices = [self._unless_counted(_draft(client, room, Kind.RENAMED, nick), room) for room in client.members]
        client.label = nick
        receipt = self._post_change(client, *chain(*notices))
        return receipt if notices else None

    def _check_is_not_held(self, nick: str, client: Client) -> None:
        owner = self._register.owner_of(nick)
        if owner and owner is not client and owner.away_since is not None:
            left_s = max(1, round(self.rules.hold_s - (self._deps.clock() - owner.away_since)))
            held = f"its connection broke, and it is held for {left_s} s more"
            raise ChatError("nick-taken", f"the nick {nick} is taken: {held}")

    def announce(self, text: str) -> Receipt | None:
        """Let the server speak in every room that anyone is in. Raises ChatError for a text that is too long."""
        receipt = None
        if text := _readable(text).strip():
            for room in self.rooms:
                if room.members:
                    receipt = self._deps.post(Draft(room.name, Kind.ANNOUNCED, SERVER, text))
        return receipt

    # Delivering

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Put entries, durable now, into the logs of their rooms."""
        by_room: dict[str, list[Entry]] = {}
        for entry in entries:
            by_room.setdefault(entry.draft.room, []).append(entry)
        if entries:
            self.rooms.last_id = entries[-1].id
        for name, news in by_room.items():
            if room := self.rooms.route(name, news):
                self._append(room, news)
                self.counters.count_deliveries(news, listeners=len(room.members))
                self._deps.on_news(room)
                if room.is_empty:
                    self.rooms.close(room)

    def record_input(self, client: Client) -> None:
        """Count a line that a client has sent, and note when."""
        client.lines_in += 1
        self.counters.lines_in += 1
        client.last_input_at = self._deps.clock()

    # Looking

    def away_s(self, client: Client) -> float | None:
        """Seconds since the connection of the client broke; None where it has one."""
        return None if client.away_since is None else self._deps.clock() - client.away_since

    def idle_s(self, client: Client) -> float:
        """Seconds since the client last sent a line."""
        return self._deps.clock() - client.last_input_at

    def known_as(self, label: str) -> Client:
        """The client that others know by this label, however it is written. Raises ChatError where there is none."""
        client = self._register.by_label(label)
        if client is None:
            raise ChatError("nobody", f"nobody here is called {excerpt(label)}")
        return client

    def find(self, who: str) -> list[Client]:
        """All clients that `who` names: a port, an `address:port` (`[address]:port` for IPv6), an id or a nick.

        Raises ChatError for what can be none of these. Several clients can share a port, and none that are connected
        an address and port; one that is away is found by where it was last, if no connected client is there.
        """
        return self._register.find_with_away(who)

    # Inside

    def _append(self, room: Room, news: Sequence[Entry]) -> None:
        """Put entries into a log; where memory runs out, all windows are given up for that, or these entries too."""
        index, last_id = room.log.end, room.log.last_id
        try:
            room.append(news, self._register.by_id)
        except MemoryError:
            room.log.skip_to(index, last_id)
            self.rooms.budget.give_up()
            try:
                room.append(news, self._register.by_id)
            except MemoryError:
                room.log.skip_to(index + len(news), news[-1].id)

    def _check_is_here(self, client: Client) -> None:
        """Raises ChatError. A session that was kicked may go on up to its next wait, and must leave nothing behind."""
        if client not in self._register:
            raise ChatError("no-such-client", "that client is gone")

    def _record_connect(self, client: Client) -> None:
        client.connected_at = self._deps.wall_clock()
        client.last_input_at = self._deps.clock()
        self.counters.connects[client.mode] += 1
        self._deps.on_change(Change.CONNECTED, client, None)

    def _record_disconnect(self, client: Client, reason: DisconnectReason) -> None:
        self.counters.disconnects[reason] += 1
        self.counters.bytes_out += client.outlet.bytes_out
        change = Change.KICKED if reason is DisconnectReason.KICKED else Change.DISCONNECTED
        self._deps.on_change(change, client, reason)

    def _speak(
        self, client: Client, room: Room, kind: Kind, texts: Sequence[str], key: str, *, is_typed: bool
    ) -> Receipt | None:
        if not (lines := [line for line in map(_readable, texts) if line]):
            return None
        *others, last = lines
        drafts = [*(_draft(client, room, kind, line) for line in others), _draft(client, room, kind, last, key)]
        return self._post_in(
            client, room, *(drafts if is_typed else [msgspec.structs.replace(draft, client="") for draft in drafts])
        )

    def _post_in(self, client: Client, room: Room, *drafts: Draft) -> Receipt:
        """Post what a client does in a room, behind the rename that the room was not told of yet."""
        if renames := self._crowd_notices.release(room.name, client.id):
            self._deps.post(*renames)  # by itself: it is kept even where the drafts repeat a key
        return self._deps.post(*drafts)

    def _make_way(self, origin: int) -> None:
        """End sessions of clients that are away where there are too many, a bounded number at a time."""
        rules = self.rules
        for _ in range(MAKE_WAY_AT_ONCE):
            client = self._register.in_the_way(
                origin, per_origin=rules.clients_per_origin, total=rules.clients, away_size=rules.away_size
            )
            if client is None:
                break
            self.disconnect(client)

    def _post_change(self, client: Client, *notices: Draft) -> Receipt:
        """Post the notices of a change with the session record that results: they are kept together or not at all."""
        record = client.session_record if client in self._register else SessionEnd(client.owner)
        return self._deps.post(*notices, sessions=[record])

    def _unless_counted(self, notice: Draft, room: Room | None) -> Sequence[Draft]:
        """Return a notice of a join, leave or rename, unless it is only counted: the sum is posted later."""
        is_large = room is not None and len(room.members) > self.rules.announce_max_members
        return () if self._crowd_notices.count(notice, is_large=is_large) else (notice,)

    def _remove_member(self, client: Client, room: Room, notice: Draft) -> Sequence[Draft]:
        """Take a client out of a room. -> the notices to be posted"""
        client.departing += (room.remove(client),)
        renames = self._crowd_notices.release(room.name, client.id)
        notices = self._unless_counted(notice, room) if notice.kind is Kind.LEFT else (notice,)
        if notices:
            notices = (*renames, *notices)
        return notices

    def _forget(self, client: Client, notice: Kind) -> None:
        self._register.remove(client)
        rooms, client.members = client.members, {}
        notices = [self._remove_member(client, room, _draft(client, room, notice)) for room in rooms]
        if client.mailbox:
            client.departing += (client.mailbox.room.remove(client),)
            client.mailbox = None
        client.departed = self._post_change(client, *chain(*notices))
        if client.away_since is not None:
            self.finish_departures(client)


def _draft(client: Client, room: Room, kind: Kind, text: str = "", key: str = "") -> Draft:
    return Draft(room.name, kind, client.label, text, "", client.id, client.session if key else "", key)


def _readable(text: str) -> str:
    """Clean what is to be said. -> "" where nothing readable is left. Raises ChatError for a text that is too long."""
    if len(text) > TEXT_MAX:
        raise ChatError("long-text", f"a line has at most {TEXT_MAX} characters")
    text = clean(text)
    return "" if text.isspace() else text


def _only(room: Room) -> str:
    """The text of a notice that somebody joined or left this room, and not the chat."""
    return f"#{room.name}"
