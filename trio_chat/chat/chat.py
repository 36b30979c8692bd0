"""Chat: all clients, all rooms and every rule. Lines, frames, the console and HTTP call the same methods.

Its decisions become drafts, handed to `post`; the entries that the journal makes of them enter the rooms through
`deliver`. Nothing here waits: no method is a coroutine, so a rule is checked and applied in one step.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

import msgspec

from trio_chat.chat.away import Absence
from trio_chat.chat.client import UNCOUNTED, Client
from trio_chat.chat.counters import Counters, DisconnectReason
from trio_chat.chat.dependencies import Change, Dependencies, Rules
from trio_chat.chat.directory import Directory
from trio_chat.chat.drafts import (
    checked_topic,
    draft_of,
    move_notice,
    readable,
    readable_lines,
    spoken_drafts,
    told_drafts,
    topic_draft,
)
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MAILBOX_MARK, SERVER, Draft, Entry, Kind, Receipt
from trio_chat.chat.free_nicks import FreeNicks
from trio_chat.chat.log import Mode
from trio_chat.chat.nicks import check_nick, fold_name
from trio_chat.chat.nodes import Nodes
from trio_chat.chat.notices import Notices
from trio_chat.chat.outlet import CloseReason, NoOutlet, Outlet
from trio_chat.chat.places import Places
from trio_chat.chat.register import Register
from trio_chat.chat.remote_clients import RemoteClient
from trio_chat.chat.removal import Removal, is_tombstone, notice_of
from trio_chat.chat.room import Member, Room
from trio_chat.chat.rooms import Rooms
from trio_chat.chat.session_record import SessionRecord
from trio_chat.chat.text import clean, excerpt
from trio_chat.chat.waiting import WaitingMessages, sender_of
from trio_chat.chat.window_budget import WindowBudget
from trio_chat.chat.wording import claimed_by_another

DEPARTURES_PER_TURN = 200
"""Departures, of clients and from rooms, in one turn of the loop: some 10 ms. A broken network ends thousands."""

MAKE_WAY_AT_ONCE = 10
"""Sessions ended at most when one client connects. More than one, or a limit that was lowered would never be reached;
few, so that nobody waits while thousands are ended."""


class Chat:
    """All clients and rooms of this server."""

    def __init__(self, deps: Dependencies, *, rules: Rules, last_id: int = 0) -> None:
        """`last_id` is the newest id in the journal: newer entries arrive through `deliver`."""
        self._deps = deps
        self.rules = rules
        """Can be replaced at any time; but `window` and `rooms` take effect only at the start."""
        self._register = Register()
        self.directory = Directory(self._register, deps.nodes, deps.owner_of)
        self.free_nicks = FreeNicks(deps, self._register, mode=lambda: self.rules.names)
        self.sticker_lines: tuple[str, ...] = ()
        """The list of the stickers that the server shares, for plain clients."""
        self.waiting = WaitingMessages()
        self.counters = Counters()
        budget = WindowBudget(rules.window_total_bytes)
        self.rooms = Rooms(deps.encoders, window=rules.window, budget=budget, most=rules.rooms, last_id=last_id)
        self.notices = Notices(
            deps, self._register, self.directory, self.rooms, large_from=lambda: self.rules.announce_max_members
        )
        self.places = Places(deps, self._register, self.directory, self.rooms, self.notices, self.waiting, end=self.end)

    @property
    def time(self) -> float:
        """The time of day, in seconds since 1970."""
        return self._deps.wall_clock()

    @property
    def now(self) -> float:
        """The time of the steady clock, in seconds."""
        return self._deps.clock()

    @property
    def bytes_out(self) -> int:
        """Bytes sent to all clients so far."""
        to_each = sum([client.outlet.bytes_out for client in self.clients])
        return self.counters.bytes_out + to_each + self.rooms.bytes_sent

    # Connections

    @property
    def clients(self) -> Collection[Client]:
        """All clients with a connection, in the order of connecting."""
        return self._register.connected

    @property
    def away(self) -> Collection[Client]:
        """All clients whose connection broke and whose session can be resumed, the longest away first."""
        return self._register.away

    @property
    def nodes(self) -> Nodes:
        """The servers of this chat."""
        return self._deps.nodes

    def connect(
        self, address: str, port: int, *, mode: Mode, outlet: Outlet, session: str = "", origin: int = UNCOUNTED
    ) -> Client:
        """Admit a connection as a client, in no room yet. With a `session`, a later connection can take it over.

        Where there are too many clients of one `origin`, or in all, those longest away make way.
        """
        client = Client(self._deps.nodes.new_client_id(), address, port, mode=mode, outlet=outlet)
        client.session, client.origin = session, origin
        self._register.enter(client)
        self.notices.clear_label(client.label, client.owner)
        self._make_way(origin)
        self._record_connect(client)
        return client

    def resume(
        self, session: str, address: str, port: int, *, outlet: Outlet, origin: int = UNCOUNTED
    ) -> Client | None:
        """Let a new connection take over the client with this session. -> None where there is none"""
        client = self._register.by_session(session)
        if client is None:
            return None
        if client.away_since is None:
            self._record_disconnect(client, DisconnectReason.RESUMED)
            client.outlet.hang_up(CloseReason.RESUMED)
        self.finish_departures(client)
        has_moved = client.address != address
        self._register.bring_back(client, address, port, origin)
        if client.account:
            self.places.note_arrival(client.account)
        client.outlet = outlet
        client.away_since = None
        if has_moved:
            self.notices.keep(client)
        self._make_way(origin)
        self._record_connect(client)
        return client

    def restore(self, record: SessionRecord, origin: int = UNCOUNTED) -> None:
        """Restore a client that was connected when the server last stopped, as if its connection broke just now.

        Raises ChatError where its nick is taken or its rooms are too many; then it is not restored at all.
        """
        self._check_is_still_theirs(record)
        client = Client(self._deps.nodes.new_client_id(), record.address, 0, mode=Mode.FRAMES, outlet=NoOutlet())
        client.session, client.label, client.origin = record.owner, record.label, origin
        client.away_since = self._deps.clock()
        self._register.enter_away(client, rooms=len(record.rooms))
        try:
            if record.account:
                self._register.enter_account(client, record.account, record.nick)
            elif record.nick:
                self._register.claim_nick(client, record.nick)
            rooms = [self.rooms.enter(name) for name in record.rooms]
        except ChatError:
            self._register.remove(client)
            raise
        client.members = {room: room.admit(client) for room in rooms}
        if client.account:
            self.rooms.open_mailbox(client)
        self._deps.nodes.publish(client)
        if record.told:
            self.notices.restore(record, client.session_record)
        self._make_way(client.origin)

    def take_over(self, record: SessionRecord, origin: int = UNCOUNTED) -> None:
        """Take a client over from another node, as `restore` does, and keep what is told of it from now on."""
        self.restore(record, origin)
        if client := self._register.by_session(record.owner):
            self.notices.keep(client)

    def _check_is_still_theirs(self, record: SessionRecord) -> None:
        """Raise ChatError where the nick of a guest was claimed meanwhile, or the account of a member is gone."""
        owner = self._deps.owner_of(record.nick) if record.nick else None
        if record.account != (owner.id if owner else ""):
            raise ChatError("name-claimed", claimed_by_another(record.nick))

    def announce_departure(self, record: SessionRecord) -> None:
        """Announce the departure of a client that was connected when the server last stopped, and end its session."""
        self.notices.announce(record, None)

    def restore_person(self, record: SessionRecord) -> None:
        """Tell what has changed of a person since the server last stopped, once all their places are restored."""
        self.notices.announce(record, self.directory.person_record(record.account))

    def connection_lost(
        self, client: Client, outlet: Outlet, reason: DisconnectReason = DisconnectReason.BROKEN
    ) -> None:
        """Note that the connection with this outlet broke. A client with a session stays for a while.

        Nothing happens where it has resumed on another connection since.
        """
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
        self._deps.nodes.publish(client)
        self._make_way(client.origin)

    def disconnect(self, client: Client, reason: DisconnectReason = DisconnectReason.LEFT) -> None:
        """Remove a client that has left. Nothing happens where it is gone already, as after a kick."""
        if client not in self._register:
            return
        was_connected = client.away_since is None
        self._forget(client, Kind.LEFT)
        if was_connected:
            self._record_disconnect(client, reason)

    def abandon(self, client: Client, reason: CloseReason, text: str = "") -> None:
        """Remove a client that another node has now. Nobody is told but itself: the reason, or a `text` in its place.

        What other nodes know of it is for `nodes` to change.
        """
        self.notices.forget(client)
        was_connected = client.away_since is None
        self._register.remove(client)
        for room in tuple(client.members):
            del client.members[room]
            client.departing += (room.remove(client),)
        client.leave_mailbox()
        if client.account:  # what others are told of it, they are told by the other node, but for its other places here
            self.notices.keep_person(client.account)
        if was_connected:
            self._record_disconnect(client, reason.code)
        client.outlet.hang_up(reason, text)
        self.finish_departures(client)

    def mailbox_of(self, client: Client) -> str:
        """Return the name of the mailbox of a client. That of one of this node is opened."""
        return client.mailbox_name if client.node else self.rooms.open_mailbox(client).room.name

    def kick(self, client: Client, text: str = "", *, everywhere: bool = False) -> Sequence[Client]:
        """End a client's connection, or its session where it is away. Its rooms are told. -> the clients kicked

        With `everywhere`, all places of its account end; else its rooms are told of the kick where it was the last.
        `text` is the reason that the client is given. Raises ChatError for a client that is gone.
        """
        self.directory.check_is_here(client)
        kicked = self.directory.places_of(client) if everywhere else (client,)
        for place in kicked:
            is_last = everywhere or len(self.directory.places_of(place)) == 1
            self.end(place, Kind.KICKED if is_last else Kind.LEFT, CloseReason.KICKED, text)
        return kicked

    def end(self, client: Client, notice: Kind, reason: CloseReason, text: str) -> None:
        """End the connection of a client, or its session where it is away. Its rooms are told by a `notice`.

        One of another node is ended there, soon.
        """
        if isinstance(client, RemoteClient):
            self._deps.nodes.end(client, notice, reason, text)
            return
        was_connected = client.away_since is None
        self._forget(client, notice)
        if was_connected:
            self._record_disconnect(client, reason.code)
        elif reason is CloseReason.KICKED:
            self._deps.on_change(Change.KICKED, client, None)
        client.outlet.hang_up(reason, text)

    def tick(self) -> None:
        """Do the chores of about once a second: sum up crowds and topics, end overdue sessions, forget unused rooms."""
        self.notices.tick()
        self.end_overdue_sessions()
        self.rooms.forget_unspoken()

    def end_overdue_sessions(self) -> bool:
        """End sessions that were away for too long, a bounded number. -> whether more are due: call it again soon"""
        latest, departures = self._deps.clock() - self.rules.hold_s, 0
        while (client := self._register.away.oldest()) and client.away_since is not None:
            if client.away_since > latest or departures >= DEPARTURES_PER_TURN:
                return client.away_since <= latest
            departures += 1 + len(client.members)
            self.disconnect(client)
        return False

    # Rooms

    def join(self, client: Client, name: str, *, is_move: bool = False) -> Member:
        """Put a client into a room, which is made if there is none. It is sent the entries kept from now on.

        `is_move` tells that it is in the chat already. Raises ChatError where it may not join, or is gone.
        """
        self.directory.check_is_here(client)
        room = self.rooms.enter(name)
        if member := room.members.get(client):
            return member
        if len(client.members) >= self.rules.rooms_per_client:
            raise ChatError("too-many-rooms", f"you are in {len(client.members)} rooms: leave one first")
        self.notices.tell_name(client, room)
        is_known = self.directory.is_in(client.account, room)
        is_move = is_move or self.directory.is_in_rooms_elsewhere(client)
        make_notice = move_notice if is_move else draft_of
        notice = make_notice(client, room, Kind.JOINED)
        member = client.members[room] = room.admit(client)
        notices = () if is_known else self.notices.unless_counted(client, room, notice)
        self.notices.post_change(client, *notices)
        if client.account:
            self._deps.on_room(client.account, room.name, True)
        return member

    def switch(self, client: Client, name: str, *, for_good: bool = False) -> Room:
        """Put a client into a room and take it out of all others. Raises ChatError where it may not join.

        A member who leaves them `for_good` does not want to be back there another time.
        """
        room = self.join(client, name, is_move=True).room
        for other in tuple(client.members):
            if other is not room:
                (self.leave if for_good else self._leave)(client, other)
        return room

    def leave(self, client: Client, room: Room) -> None:
        """Take a client out of a room, for good. Raises ChatError where it is not in it."""
        if room not in client.members:
            raise ChatError("not-in-room", f"you are not in #{room.name}")
        self._leave(client, room)
        if client.account and not room.has(client.account):
            self._deps.on_room(client.account, room.name, False)

    def _leave(self, client: Client, room: Room) -> None:
        self.notices.tell_name(client, room)
        notices = self._remove_member(client, room, move_notice(client, room, Kind.LEFT))
        client.departure_receipt = self.notices.post_change(client, *notices)

    def finish_departures(self, client: Client) -> None:
        """End a client's departures from rooms: it is sent what was said there up to now, and nothing more.

        Called once its notices of leaving are kept and published, or when the wait for that is over.
        """
        departing, client.departing = client.departing, ()
        for member in departing:
            member.room.depart(member)
            if member.room.is_empty:
                self.rooms.close(member.room)

    def room_of(self, client: Client, name: str) -> Room:
        """The room of that name. Raises ChatError where the client is not in it."""
        room = self.rooms.find(name)
        if room is None or room not in client.members:
            raise ChatError("not-in-room", f"you are not in #{excerpt(name.removeprefix('#'))}")
        return room

    def current_room(self, client: Client) -> Room:
        """The room that a client joined last, in which its lines are said. Raises ChatError where it is in none."""
        for room in reversed(client.members):
            return room
        raise ChatError("no-room", "you are in no room: /join one")

    def set_topic(self, client: Client, room: Room, text: str, *, key: str = "") -> Receipt:
        """Set the topic of a room. Raises ChatError where it is too long, and for a client that is muted.

        Where `holds_topic`, it is posted later, if it is the last change by then: the caller makes sure that nothing
        was kept under its key before.
        """
        self._check_may_speak(client)
        draft = topic_draft(client, room, text, key)
        self.notices.introduce(client, room)
        return self.notices.post_topic(client, draft)

    def holds_topic(self, room: Room) -> bool:
        """Tell whether a topic would be held back, and take the place of those that are."""
        return self.notices.holds_topic(room)

    # Speaking

    def say(self, client: Client, room: Room, *texts: str, key: str = "", is_typed: bool = True) -> Receipt | None:
        """Say lines in a room, one entry each, kept together or not at all; the last one bears the key.

        A line with nothing readable in it is a blank one. -> None where all are

        A client in lines is not sent what it typed itself; with `is_typed` false it is, as with the throw of a die.
        """
        return self._speak(client, room, Kind.SAID, texts, key, is_typed=is_typed)

    def act(self, client: Client, room: Room, text: str, *, key: str = "", is_typed: bool = True) -> Receipt | None:
        """Say what the client does, as in `* [alice] waves`. It is sent to the same clients as a `say`."""
        return self._speak(client, room, Kind.ACTED, (text,), key, is_typed=is_typed)

    def tell(self, client: Client, label: str, text: str, *, key: str = "") -> Receipt | None:
        """Send one person a private message. It is kept twice, in the mailboxes of both.

        For a member who is away it waits there. Raises ChatError ("full") where as many do as may, and as `addressee`.
        """
        self.directory.check_is_here(client)
        self._check_may_speak(client)
        other = self.directory.addressee(label)
        if other.client in self.directory.places_of(client):
            raise ChatError("yourself", f"[{client.label}] is you: nobody else would read that")
        if not (text := readable(text)):
            return None
        if other.is_away_member:
            self.waiting.check(other.account, sender_of(client), other.shown)
        for party in filter(None, (other.client, client)):
            self.mailbox_of(party)
        drafts = told_drafts(client, other, text, key)
        receipt = self.notices.post(client, *drafts)
        if other.is_away_member:
            newest_id = self.rooms.last_id
            self.waiting.add(other.account, sender_of(client), drafts[-1], receipt, newest_id=newest_id)
        return receipt

    def rename(self, client: Client, nick: str) -> Receipt | None:
        """Give a client another nick. Raises ChatError where it is malformed, reserved or taken, or it is gone.

        A name that somebody has claimed is taken by `Places.enter_as` alone. A muted client may take a first nick, or
        it could not come in; any other would be a word to everybody.
        """
        self.directory.check_is_here(client)
        if client.account:
            _check_name(client, check_nick(nick))
            return None
        nick = self.free_nicks.for_guest(nick)
        if nick == client.nick:
            return None
        self.free_nicks.check_may_be_taken(nick)
        if client.nick:
            self._check_may_speak(client)
        self._check_is_not_held(nick, client)
        self._register.claim_nick(client, nick)
        self.notices.clear_label(nick, client.owner)
        notices = self.notices.rename(client, nick)
        client.label = nick
        receipt = self.notices.post_change(client, *notices)
        return receipt if client.members else None

    def _check_is_not_held(self, nick: str, client: Client) -> None:
        owner = self._register.owner_of(nick)
        if owner and owner is not client and (absence := self.absence_of(owner)):
            held = f"its connection broke, and it is held for {max(1, round(absence.left_s))} s more"
            raise ChatError("nick-taken", f"the nick {nick} is taken: {held}")

    def speak_as(self, author: str, room: Room, *texts: str, session: str = "", key: str = "") -> Receipt | None:
        """Let the server, or a program of an operator, speak in a room without being in it.

        Kept as `say` keeps what clients say. Raises ChatError for a name that cannot be a nick, or is somebody's.
        """
        if author != SERVER:
            author = check_nick(author)
            self.free_nicks.check_is_free(author)
        lines = readable_lines(texts)
        kind = Kind.ANNOUNCED if author == SERVER else Kind.SAID
        drafts = [Draft(room.name, kind, author, line) for line in lines]
        if key and drafts:
            drafts[-1] = msgspec.structs.replace(drafts[-1], session=session, key=key)
        return self._deps.post(*drafts) if drafts else None

    def set_topic_as_server(self, room: Room, text: str) -> Receipt:
        """Let the server set the topic of a room, over all that clients set before. Raises ChatError where it is too
        long."""
        return self.notices.override_topic(Draft(room.name, Kind.TOPIC, SERVER, checked_topic(text)))

    def announce_in(self, rooms: Iterable[str], lines: Sequence[str]) -> Receipt:
        """Let the server say clean lines in rooms or mailboxes, by their names: in all of them or in none."""
        return self._deps.post(*(Draft(room, Kind.ANNOUNCED, SERVER, line) for room in rooms for line in lines))

    def remove(self, entry: Entry, *, reason: str = "") -> Removal:
        """Remove an entry of a kind in REMOVABLE. Its room is told the reason, and loses its topic with the entry."""
        notice = notice_of(entry, clean(reason).strip())
        drafts = [notice]
        if entry.draft.kind is Kind.TOPIC and entry.draft.text == self.rooms.topic_of(entry.draft.room):
            drafts.append(Draft(entry.draft.room, Kind.TOPIC, SERVER))
        return Removal(notice, self._deps.post(*drafts))

    # Delivering

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Put entries, which are durable now, into the logs of their rooms, and tombstones into their places there."""
        by_room: dict[str, list[Entry]] = {}
        removed = Kind.REMOVED  # looked up once
        for entry in entries:
            draft = entry.draft
            if draft.kind is removed and is_tombstone(draft):
                self.rooms.replace(entry)
                continue
            by_room.setdefault(draft.room, []).append(entry)
        if by_room:
            self.rooms.last_id = entries[-1].id  # never that of a tombstone: its notice follows it
        for name, news in by_room.items():
            if name.startswith(MAILBOX_MARK):
                self._count_waiting(name, news)
            if room := self.rooms.route(name, news) or self._mailbox_named(name):
                self.rooms.append(room, news, self._register.by_id)
                self.counters.count_deliveries(news, listeners=len(room.members))
                self._deps.on_news(room)
                if room.is_empty:
                    self.rooms.close(room)

    def _count_waiting(self, mailbox: str, news: Sequence[Entry]) -> None:
        """Count messages that were sent through other nodes to a member who is away. Those sent here are counted."""
        for draft in (entry.draft for entry in news if entry.draft.kind is Kind.TOLD):
            is_theirs = draft.to_account not in ("", draft.account) and mailbox == MAILBOX_MARK + draft.to_account
            if not is_theirs or self._deps.nodes.has_issued(draft.client):
                continue
            if all(place.away_since is not None for place in self.directory.places(draft.to_account)):
                self.waiting.note(draft.to_account, draft.account or draft.session)

    def _mailbox_named(self, name: str) -> Room | None:
        """Open the mailbox of this name, where it is that of a client of this node: another node has sent something."""
        owner = name.removeprefix(MAILBOX_MARK)
        if owner == name:
            return None
        client = self._register.by_session(owner) or self._register.by_id(owner)
        places = (client,) if client and not client.account else self._register.places(owner)
        rooms = [self.rooms.open_mailbox(place).room for place in places]
        return rooms[0] if rooms else None

    def record_input(self, client: Client, *, at: float | None = None) -> None:
        """Count a line of a client that is handled, and note the time, which is now if none is given."""
        client.lines_in += 1
        self.counters.lines_in += 1
        client.last_input_at = self._deps.clock() if at is None else at

    # Looking

    def away_s(self, client: Client) -> float | None:
        """Seconds since the connection of the client broke; None where it has one."""
        return None if client.away_since is None else self._deps.clock() - client.away_since

    def absence_of(self, client: Client) -> Absence | None:
        """Tell how long a client has been away, and may still resume. -> None where it has a connection"""
        away_s = self.away_s(client)
        return None if away_s is None else Absence(away_s, max(0.0, self.rules.hold_s - away_s))

    def idle_s(self, client: Client) -> float:
        """Seconds since the client last sent a line."""
        return self._deps.clock() - client.last_input_at

    def is_muted(self, client: Client) -> bool:
        """True if what this client says is refused just now."""
        return bool(self._deps.mute_of(client))

    # Inside

    def _check_may_speak(self, client: Client) -> None:
        """Raise ChatError for a client that is muted."""
        if why := self._deps.mute_of(client):
            raise ChatError("muted", why)

    def _record_connect(self, client: Client) -> None:
        client.connected_at = self._deps.wall_clock()
        client.last_input_at = self._deps.clock()
        self._deps.nodes.publish(client)
        self.counters.connects[client.mode] += 1
        self._deps.on_change(Change.CONNECTED, client, None)

    def _record_disconnect(self, client: Client, reason: DisconnectReason) -> None:
        self.counters.disconnects[reason] += 1
        self.counters.bytes_out += client.bytes_out
        change = Change.KICKED if reason is DisconnectReason.KICKED else Change.DISCONNECTED
        self._deps.on_change(change, client, reason)

    def _speak(
        self, client: Client, room: Room, kind: Kind, texts: Sequence[str], key: str, *, is_typed: bool
    ) -> Receipt | None:
        drafts = spoken_drafts(client, room, kind, texts, key, is_typed=is_typed)
        return self._post_in(client, room, *drafts) if drafts else None

    def _post_in(self, client: Client, room: Room, *drafts: Draft) -> Receipt:
        """Post drafts of what a client does in a room, after its join and name if the room was not told of them.

        Raises ChatError for a client that is muted.
        """
        self._check_may_speak(client)
        self.notices.introduce(client, room)  # by itself: that is kept even where the drafts repeat a key
        return self.notices.post(client, *drafts)

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

    def _remove_member(self, client: Client, room: Room, notice: Draft) -> Sequence[Draft]:
        """Take a client out of a room. -> the notices to be posted: none while another place of it is there"""
        del client.members[room]
        client.departing += (room.remove(client),)
        return () if self.directory.is_in(client.account, room) else self.notices.unless_counted(client, room, notice)

    def _forget(self, client: Client, kind: Kind) -> None:
        """Remove a client, and tell its rooms in which no other place of it is."""
        if kind is Kind.KICKED:
            self.notices.tell_kicked(client)
        else:
            self.notices.tell_name(client, *client.members)
        self._register.remove(client)
        stays = bool(client.account and self.directory.places(client.account))
        make_notice = move_notice if stays and kind is Kind.LEFT else draft_of
        notices = [self._remove_member(client, room, make_notice(client, room, kind)) for room in tuple(client.members)]
        client.leave_mailbox()
        client.departure_receipt = self.notices.post_change(client, *chain(*notices))
        if client.away_since is not None:
            self.finish_departures(client)


def _check_name(client: Client, nick: str) -> None:
    """Raise ChatError for a place that asks for another name than its own."""
    if fold_name(nick) != fold_name(client.label):
        raise ChatError("name-kept", f"you are [{client.shown}] here: connect again to be somebody else")
