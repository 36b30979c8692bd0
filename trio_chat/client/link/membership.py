"""Our membership at a server, across connections: name, rooms and read positions. Pure."""

from collections.abc import Iterable

from trio_chat import __version__
from trio_chat.chat.accounts.proof import Purpose
from trio_chat.chat.events import Kind
from trio_chat.client.link.events import Answered, LinkEvent, Question, Refused, RoomJoined, RoomLeft
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.names import nick_name, room_name
from trio_chat.client.link.seen import Seen
from trio_chat.wire import frames


class Membership:
    """Our name and rooms: those that we have, and those that we want."""

    def __init__(self, identity: Identity, session: str, rooms: Iterable[str] = ()) -> None:
        """`rooms` are wanted in addition to those of the identity."""
        self.label = ""
        """Our name as others see it."""
        self.rooms: dict[str, str] = dict.fromkeys(map(room_name, (*identity.rooms, *rooms)), "")
        """The topic of each room by name."""
        self._session = session
        self._nick = identity.nick or identity.default_nick or None
        self._has_default_nick = not identity.nick and bool(identity.default_nick) and not identity.invite
        self._invite = identity.invite
        self._before: tuple[str | None, bool] = (None, False)
        self._wants_remembered = identity.wants_remembered
        self.account = ""
        """The id of our account; empty for a guest."""
        self.name_password = ""
        """The password that proves our name, where that is how we proved it."""
        self._needs_nick = identity.needs_nick
        self.password = identity.password
        """The password of the server that we have."""
        self.is_nick_taken = False
        """True if the nick that we want was taken when we came."""
        self._seen = Seen()

    @property
    def epoch(self) -> str:
        """The epoch of the server's journal; empty before the first connection."""
        return self._seen.epoch

    @property
    def needs_nick(self) -> bool:
        """True if we would rather be refused than get another name."""
        return self._needs_nick

    @property
    def missing_nick(self) -> str:
        """The nick that we want, and that somebody else had when we came; empty if there is none."""
        wanted = nick_name(self._nick or "")
        return wanted if self.is_nick_taken and wanted != self.label else ""

    @property
    def wanted_nick(self) -> str:
        """The nick that we ask for; empty for none."""
        return self._nick or ""

    @property
    def has_default_nick(self) -> bool:
        """True if the nick that we ask for is one that nobody named."""
        return self._has_default_nick

    @property
    def purpose(self) -> Purpose:
        """The purpose of a proof in `hello`: an invite claims the name."""
        return "claim" if self._invite else "login"

    @property
    def has_invite(self) -> bool:
        """True if an invite is still to be used."""
        return bool(self._invite)

    def try_nick(self, nick: str, invite: str = "") -> None:
        """Ask for a nick, as long as `restore_nick` is not called."""
        self._before = (self._nick, self._has_default_nick)
        self._nick, self._has_default_nick, self._invite = nick, False, invite

    def restore_nick(self) -> None:
        """Ask for the nick from before `try_nick`."""
        (self._nick, self._has_default_nick), self._invite = self._before, ""

    def give_up_nick(self) -> None:
        """Ask for no nick any more."""
        self._nick, self._has_default_nick, self._needs_nick, self._invite = None, False, False, ""

    def prove(self, label: str, account: str) -> None:
        """Note that we have proven a name, which is asked for from now on."""
        self._nick, self._has_default_nick, self._invite = label, False, ""
        self.label, self.account, self.is_nick_taken = label, account, False

    def begin_mailbox(self, newest_id: int) -> None:
        """Note that our mailbox is that of our account from now on, whose entries after this one come by themselves."""
        self._seen.begin_mailbox(newest_id)

    def drop_default_nick(self) -> bool:
        """Give up a nick that nobody asked for. -> whether there was one"""
        if not self._has_default_nick:
            return False
        self._nick, self._has_default_nick = None, False
        return True

    def frees_nick(self, entry: frames.Said) -> bool:
        """Tell whether an entry says that the nick that we want is free now."""
        is_free = entry.kind in (Kind.LEFT, Kind.KICKED, Kind.RENAMED)
        return is_free and bool(self.missing_nick) and entry.author.casefold() == self.missing_nick.casefold()

    def hello(self, proof: frames.Proof | None = None, *, asks_name: bool = False) -> frames.Hello:
        """Return the request to be admitted; if `asks_name`, with the nick that it asks for or not at all."""
        rooms = list(self.rooms)[: frames.ROOMS_LIMIT]
        return frames.Hello(
            protocol=frames.PROTOCOL,
            client=f"trio-chat {__version__}",
            nick=self._nick or "",
            needs_nick=self._needs_nick or asks_name,
            rooms=rooms,
            proof=proof,
            invite=self._invite,
            remembered=self._wants_remembered,
            session=self._session,
            epoch=self._seen.epoch,
            since=dict(self._seen.since(rooms)),
            password=self.password,
        )

    def begin(self, welcome: frames.Welcome) -> bool:
        """Begin a connection, in those rooms of its welcome that we want. -> whether the epoch is another one"""
        self._remember(welcome.member)
        joined = [room for room in welcome.rooms if room.name in self.rooms]
        self.label = welcome.you.label
        if welcome.you.account:
            self.prove(welcome.you.label, welcome.you.account)
        self.account = welcome.you.account
        self.rooms = {room.name: room.topic for room in joined}
        return self._seen.begin(welcome, joined)

    def _remember(self, member: frames.MemberMemory | None) -> None:
        """Want the rooms too that the server remembers, the first time."""
        if self._wants_remembered and member:
            for name in member.rooms[: frames.ROOMS_LIMIT]:
                self.want_room(name)
            self._wants_remembered = False

    def reconcile(self, welcome: frames.Welcome) -> Iterable[frames.Request]:
        """Return the requests for changes that were made without a connection."""
        if not welcome.resumed:
            return
        for room in welcome.rooms[: frames.ROOMS_LIMIT]:
            if room.name not in self.rooms:
                yield frames.Leave(room=room.name)
        if self._has_default_nick:
            return
        has_other_nick = ":" not in welcome.you.label and welcome.you.label != self._nick
        if self._nick and has_other_nick:  # a client without one got it by `hello`, or was told why not
            yield frames.Nick(nick=self._nick)

    def newest_id_before(self, room: str) -> int | None:
        """Return the id of the newest entry when a room was joined; None where that is not known."""
        return self._seen.newest_id_before(room)

    def record(self, entry: frames.Said) -> bool:
        """Record an entry, and a new name or topic in it. -> whether it is new and in one of our rooms"""
        is_ours = entry.room in self.rooms or entry.room == frames.MAILBOX
        if not is_ours or not self._seen.add(entry):
            return False
        if entry.kind == Kind.RENAMED and entry.author == self.label:
            self.label = entry.text
        elif entry.kind == Kind.TOPIC and entry.room in self.rooms:
            self.rooms[entry.room] = entry.text
        return True

    def forget_positions(self) -> None:
        """Forget all read positions: they were those of another epoch."""
        self._seen.clear()

    def want_room(self, name: str) -> None:
        """Add a room to those that we want."""
        self.rooms.setdefault(room_name(name), "")

    def drop_room(self, name: str) -> None:
        """Remove a room that the server refused from those that we want."""
        self.rooms.pop(room_name(name), None)

    def enter(self, asked: str, room: frames.RoomInfo) -> RoomJoined:
        """Record a room that the server let us join; it may have another name than the one `asked` for."""
        wanted = room_name(asked)
        if wanted != room.name:
            self.rooms.pop(wanted, None)
        self.rooms[room.name] = room.topic
        self._seen.add_room(room)
        return RoomJoined(room.name, room.topic, "" if wanted == room.name else wanted)

    def leave(self, name: str) -> RoomLeft:
        """Leave a room."""
        room = room_name(name)
        self.rooms.pop(room, None)
        self._seen.remove_room(room)
        return RoomLeft(room)

    def rename(self, nick: str) -> None:
        """Take a nick that the server has given us."""
        self._nick, self._has_default_nick = nick, False
        self.label = nick_name(nick)

    def answer_offline(self, question: Question) -> LinkEvent:
        """Answer a question without a connection: rooms and nick are for the next `hello`, all others are refused."""
        match question:
            case frames.Join(room=name):
                self.want_room(name)
                room = room_name(name)
                return RoomJoined(room, self.rooms[room])
            case frames.Leave(room=name):
                return self.leave(name)
            case frames.Nick(nick=nick):
                self._nick, self._has_default_nick = nick, False
                return Answered(question, frames.Done())
        return Refused(question, "not connected")
