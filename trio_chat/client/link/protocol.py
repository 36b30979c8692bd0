"""What a client says and hears, across connections: frames of the server in, happenings and frames for it out.

It knows neither sockets nor time: the link gives it what comes, sends what it wants sent, and tells it when a
connection is lost. Whatever a server sends, what is held is bounded by what we said and by the rooms that we are in.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import assert_never

from trio_chat import __version__
from trio_chat.chat.events import Kind
from trio_chat.client.link.events import (
    Answered,
    Connected,
    Delayed,
    Entered,
    Exited,
    Failed,
    Heard,
    LinkEvent,
    Missed,
    Question,
    Refused,
    Sent,
    Speech,
)
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.names import nick_name, room_name
from trio_chat.client.link.seen import Seen
from trio_chat.wire import frames

QUESTIONS_MAX = 100
REPLIES_MAX = 100
OWN_KEYS_MAX = 4096
"""Things said whose entries may still come after their acknowledgement."""

_FINAL = ("protocol", "password")
"""Codes of errors that keep one outside for good, and of those that do so to one who needs its nick."""
_NAMELESS = ("bad-nick", "reserved-nick", "nick-taken")

_FOR_NOW = ("not-kept", "journal")
"""Codes of errors that a server takes back when its disk has room again."""


class ClientProtocol:
    """One session with a server. `label` is what others call us, `rooms` are those we are in with their topics."""

    def __init__(self, visitor: Identity, session: str, pending: Iterable[Speech] = ()) -> None:
        self.label = ""
        self.is_connected = False
        self.farewell: frames.Farewell | None = None
        self.refusal: frames.Error | None = None
        """What the server said before it let us in, if it did not like something."""
        self.pending: OrderedDict[str, Speech] = OrderedDict((speech.key, speech) for speech in pending)
        self.rooms: dict[str, str] = dict.fromkeys(
            (*map(room_name, visitor.rooms), *_rooms_of(self.pending.values())), ""
        )
        self.has_to_repeat = False
        """Whether something could not be kept and is to be said again in a while."""
        self.has_said_bye = False
        """Whether it was we who ended it."""
        self._session = session
        self._nick = visitor.nick
        self._needs_nick = visitor.needs_nick
        self._password = visitor.password
        self._seen = Seen()
        self._was_connected = False
        self._is_missing = False
        self._questions: dict[str, Question] = {}
        self._own_keys: OrderedDict[str, None] = OrderedDict.fromkeys(self.pending)
        self._requests: deque[frames.Request] = deque()

    # What we say

    def begin(self) -> frames.Hello:
        """Begin with a new connection. -> what to say first"""
        self.farewell = self.refusal = None
        rooms = list(self.rooms)[: frames.ROOMS_LIMIT]
        return frames.Hello(
            protocol=frames.PROTOCOL,
            client=f"trio-chat {__version__}",
            nick=self._nick or "",
            needs_nick=self._needs_nick,
            rooms=rooms,
            session=self._session,
            epoch=self._seen.epoch,
            since=dict(self._seen.since(rooms)),
            password=self._password,
        )

    def speak(self, speeches: Iterable[Speech]) -> None:
        """Say things that are in the outbox."""
        for speech in speeches:
            self.pending[speech.key] = speech
            self._own_keys[speech.key] = None
            self._request(speech)
        while len(self._own_keys) > OWN_KEYS_MAX + len(self.pending):
            self._own_keys.popitem(last=False)

    def ask(self, question: Question) -> list[LinkEvent]:
        """Ask something. Without a connection, only where we want to be and what we are called can be settled."""
        if not self.is_connected:
            return self._settle_offline(question)
        if len(self._questions) >= QUESTIONS_MAX:
            return [Refused(question, "too much is unanswered already")]
        if isinstance(question, frames.Join):
            self.rooms.setdefault(room_name(question.room), "")
        self._questions[question.key] = question
        self._request(question)
        return []

    def ping(self) -> None:
        """Ask whether the server is there."""
        self._request(frames.Ping())

    def leave(self) -> None:
        """Leave for good."""
        self._request(frames.Bye())

    def repeat(self) -> None:
        """Say again what could not be kept, and with it all that is not acknowledged: the order stays."""
        self.has_to_repeat = False
        self._requests = deque(request for request in self._requests if not isinstance(request, Speech))
        self._requests.extend(self.pending.values() if self.is_connected else ())

    def take(self, count: int) -> list[frames.Request]:
        """Return the next things to send."""
        taken = [self._requests.popleft() for _ in range(min(count, len(self._requests)))]
        self.has_said_bye |= any(isinstance(request, frames.Bye) for request in taken)
        return taken

    @property
    def is_refused(self) -> bool:
        """Whether the server, though it may still listen, will not let us in with what we have."""
        if self.refusal is None or self.is_connected:
            return False
        return self.refusal.code in _FINAL or (self._needs_nick and self.refusal.code in _NAMELESS)

    def newest_id_before(self, room: str) -> int | None:
        """The newest entry of a room when it was entered; None where we are not in it, or do not know."""
        return self._seen.newest_id_before(room)

    @property
    def is_settled(self) -> bool:
        """Whether all that was said is acknowledged, and all that was asked answered."""
        return not self.pending and not self._questions

    # What we hear

    def lose(self) -> list[LinkEvent]:
        """The connection is lost, and with it all questions but where we want to be and what we are called."""
        self.is_connected = self.has_to_repeat = self._is_missing = False
        self._requests.clear()
        questions = tuple(self._questions.values())
        self._questions.clear()
        return [happening for question in questions for happening in self._settle_offline(question)]

    def hear(self, reply: frames.AnyReply) -> list[LinkEvent]:
        """Take what the server sent."""
        match reply:
            case frames.Welcome():
                return self._enter(reply)
            case frames.Said():
                return self._hear_entry(reply)
            case frames.Error():
                return self._hear_error(reply)
            case frames.Joined():
                return self._hear_joined(reply)
            case frames.Done() | frames.Members() | frames.RoomList() | frames.Page():
                return self._hear_answer(reply)
            case frames.Gap():
                return self._hear_gap(reply)
            case frames.Farewell():
                self.farewell = reply
            case frames.Ping():
                if len(self._requests) < REPLIES_MAX and len(reply.key) <= frames.KEY_LIMIT:
                    self._requests.append(frames.Pong(key=reply.key))
            case frames.Pong():
                pass
            case _:
                assert_never(reply)
        return []

    def _enter(self, welcome: frames.Welcome) -> list[LinkEvent]:
        if self.is_connected or self.is_refused or welcome.protocol != frames.PROTOCOL:
            return []
        wanted = [room for room in welcome.rooms if room.name in self.rooms]
        is_other = self._seen.begin(welcome, wanted) or self._is_missing
        connected = Connected(
            welcome.you.label, tuple(room.name for room in wanted), self._was_connected, is_other_epoch=is_other
        )
        self.label = welcome.you.label
        self.rooms = {room.name: room.topic for room in wanted}
        self.is_connected = self._was_connected = True
        self._requests.extend(self._make_amends(welcome))
        self._requests.extend(self.pending.values())
        return [connected]

    def _make_amends(self, welcome: frames.Welcome) -> Iterable[frames.Request]:
        """A member that waited for us does not know what was settled without a connection."""
        if not welcome.resumed:
            return
        for room in welcome.rooms[: frames.ROOMS_LIMIT]:
            if room.name not in self.rooms:
                yield frames.Leave(room=room.name)
        has_other_nick = ":" not in welcome.you.label and welcome.you.label != self._nick
        if self._nick and has_other_nick:  # who had none was given it by `hello`, or was told why not
            yield frames.Nick(nick=self._nick)

    def _hear_entry(self, entry: frames.Said) -> list[LinkEvent]:
        happened: list[LinkEvent] = []
        if speech := self.pending.pop(entry.key, None):
            happened.append(Sent(speech))
        if entry.again or not self._is_ours(entry.room) or not self._seen.is_new(entry):
            return happened
        is_own = entry.key in self._own_keys
        self._own_keys.pop(entry.key, None)  # everybody can read it now, and could say something with it
        if entry.kind == Kind.RENAMED and entry.author == self.label:
            self.label = entry.text
        elif entry.kind == Kind.TOPIC:
            self.rooms[entry.room] = entry.text
        return [*happened, Heard(entry, is_own=is_own)]

    def _is_ours(self, room: str) -> bool:
        return room in self.rooms or room == frames.MAILBOX

    def _hear_error(self, error: frames.Error) -> list[LinkEvent]:
        if not self.is_connected and not self.is_refused:
            self.refusal = error
        if speech := self.pending.get(error.key):
            if error.code in _FOR_NOW:
                self.has_to_repeat = True
                return [Delayed(speech, error.text)]
            del self.pending[error.key]
            return [Failed(speech, error.text)]
        question = self._questions.pop(error.key, None)
        if isinstance(question, frames.Join):
            self.rooms.pop(room_name(question.room), None)
        return [Refused(question, error.text)]

    def _hear_joined(self, joined: frames.Joined) -> list[LinkEvent]:
        question = self._questions.pop(joined.key, None)
        if not isinstance(question, frames.Join):
            return []
        asked = room_name(question.room)
        if asked == joined.room.name:
            asked = ""
        else:
            self.rooms.pop(asked, None)
        self.rooms[joined.room.name] = joined.room.topic
        self._seen.enter(joined.room)
        return [Entered(joined.room.name, joined.room.topic, asked)]

    def _hear_answer(self, answer: frames.Done | frames.Members | frames.RoomList | frames.Page) -> list[LinkEvent]:
        question = self._questions.pop(answer.key, None)
        match question:
            case None:
                return []
            case frames.Leave(room=room):
                return self._exit(room)
            case frames.Nick(nick=nick):
                self._nick = nick
                self.label = nick_name(nick)
        return [Answered(question, answer)]

    def _hear_gap(self, gap: frames.Gap) -> list[LinkEvent]:
        if gap.reason == "epoch":  # said once, for all rooms, when we are in
            self._is_missing = True
            self._seen.start_over()
            return []
        return [Missed(gap.room, max(gap.missed, 0))]

    # Where we are

    def _settle_offline(self, question: Question) -> list[LinkEvent]:
        match question:
            case frames.Join(room=name):
                room = room_name(name)
                return [Entered(room, self.rooms.setdefault(room, ""))]
            case frames.Leave(room=name):
                return self._exit(name)
            case frames.Nick(nick=nick):
                self._nick = nick
                return [Answered(question, frames.Done())]
        return [Refused(question, "there is no connection just now")]

    def _exit(self, name: str) -> list[LinkEvent]:
        room = room_name(name)
        self.rooms.pop(room, None)
        self._seen.forget(room)
        return [Exited(room)]

    def _request(self, request: frames.Request) -> None:
        if self.is_connected:
            self._requests.append(request)


def _rooms_of(speeches: Iterable[Speech]) -> Iterable[str]:
    """Where one has to be to say these."""
    return (room_name(speech.room) for speech in speeches if not isinstance(speech, frames.Tell))
