"""The client's side of the protocol, across connections: replies of the server in, events and requests out. Pure.

It knows neither sockets nor time: the link gives it replies, takes requests from it, and reports a lost connection.
Whatever a server sends, its memory is bounded by our own messages and rooms.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from typing import assert_never

from trio_chat.chat.nicks import name_of_guest
from trio_chat.client.link.events import (
    Answer,
    Answered,
    Connected,
    Delayed,
    Failed,
    GapFound,
    LinkEvent,
    MarkMoved,
    MemoryOfServer,
    Message,
    MessageWaits,
    Question,
    Received,
    RecipientAway,
    Refused,
    Sent,
    ServerNews,
    Signing,
)
from trio_chat.client.link.handshake import NICK_TAKEN, ClientHandshake
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.membership import Membership
from trio_chat.client.link.request_queue import RequestQueue, message_key
from trio_chat.wire import frames

QUESTIONS_MAX = 100
OWN_KEYS_MAX = 4096
"""Keys of acknowledged messages whose entries may still come."""

NO_NAMES = "this server keeps no names"

_RECLAIMING = "reclaiming"
"""Key of the requests for a nick that was taken."""

_STICKERS = "stickers"
"""Key of the requests for what the server shares of stickers."""

_IGNORING = "ignoring"
"""Key of the list of those whom we ignore."""

_TRANSIENT_CODES = ("not-kept", "journal")
"""Codes of errors that pass when the server's disk has space again."""


class ClientProtocol:
    """One session with a server: messages and their acknowledgement, questions and answers, our name and rooms.

    `handshake` has what happens up to the welcome of each connection.
    """

    def __init__(self, identity: Identity, session: str, pending: Iterable[Message] = ()) -> None:
        self.is_connected = False
        self.farewell: frames.Farewell | None = None
        self.pending: OrderedDict[str, Message] = OrderedDict((message.key, message) for message in pending)
        self.needs_resend = False
        """True if the server could not store a message. The oldest is sent again until it can; all others wait."""
        self.has_said_bye = False
        """True if we ended the session ourselves."""
        self.held: set[str] = set()
        """Keys of the messages that are not sent before the person agrees."""
        self.stickers_hash = ""
        """The hash of the stickers that the server shares; empty where it shares none."""
        self.on_stickers: Callable[[str | frames.StickerList | frames.StickerPicture], None] = lambda _reply: None
        """Called with that hash on each connection, and with answers about stickers."""
        self._membership = Membership(identity, session, _rooms_of(self.pending.values()))
        self._requests = RequestQueue(self.pending)
        self.handshake = ClientHandshake(self._membership, self._requests, identity)
        self._claims: set[str] = set()
        """Keys of the questions that wait for a challenge."""
        self._claim: Signing | None = None
        """The message that is to be signed now to claim our name."""
        self._offered_password = ""
        """A password that may prove a name, if the server says so."""
        self._was_connected = False
        self._has_gap = False
        self._questions: dict[str, Question] = {}
        self._own_keys: OrderedDict[str, None] = OrderedDict.fromkeys(self.pending)
        self._delayed: set[str] = set()
        """Keys of pending messages that the server could not store when they were sent last."""
        self._away: dict[str, RecipientAway | MessageWaits] = {}
        """Recipients of pending messages that are away, by the key of the message."""
        self._resent_key = ""
        self._postponed: deque[tuple[str, Question]] = deque()
        """Questions that change our name or rooms, each with the key of the message that it comes after."""

    @property
    def label(self) -> str:
        """Our name as others see it."""
        return self._membership.label

    @property
    def account(self) -> str:
        """The id of our account; empty for a guest."""
        return self._membership.account

    @property
    def wanted_nick(self) -> str:
        """The nick that we ask for; empty for none."""
        return self._membership.wanted_nick

    @property
    def rooms(self) -> dict[str, str]:
        """The rooms that we are in or want to be in, each with its topic."""
        return dict(self._membership.rooms)

    @property
    def epoch(self) -> str:
        """The epoch of the server's journal; empty before the first connection."""
        return self._membership.epoch

    @property
    def password(self) -> str:
        """The password of the server that we have."""
        return self._membership.password

    @password.setter
    def password(self, password: str) -> None:
        self._membership.password = password

    def newest_id_before(self, room: str) -> int | None:
        """Return the id of the newest entry when a room was joined; None where that is not known."""
        return self._membership.newest_id_before(room)

    @property
    def is_refused(self) -> bool:
        """True if the server will not admit us with this identity, though it may still listen."""
        return not self.is_connected and self.handshake.is_refused

    @property
    def is_settled(self) -> bool:
        """True if all messages are acknowledged, and all questions answered."""
        return self.pending.keys() <= self.held and not self._questions

    # Requests

    def start_connection(self) -> frames.Request:
        """Start a new connection. -> the first request"""
        self.farewell = self._claim = None
        return self.handshake.start()

    def mark_read(self, room: str, entry_id: int) -> None:
        """Tell the server how far we have read."""
        self._request(frames.Read(room=room, id=entry_id))

    def ask_stickers(self) -> None:
        """Ask for the stickers that the server shares."""
        self._request(frames.AskStickers(key=_STICKERS))

    def ask_picture(self, name: str) -> None:
        """Ask for the picture of a sticker."""
        self._request(frames.AskPicture(name=name, key=_STICKERS))

    def keep_ignored(self, names: list[str]) -> None:
        """Have the server remember whom we ignore."""
        self._request(frames.Ignored(names=names, key=_IGNORING))

    def say(self, messages: Iterable[Message]) -> None:
        """Send messages that are in the outbox."""
        for message in messages:
            self.pending[message.key] = message
            self._own_keys[message.key] = None
            if not self.needs_resend:
                self._request_message(message)
        while len(self._own_keys) > OWN_KEYS_MAX + len(self.pending):
            self._own_keys.popitem(last=False)

    def ask(self, question: Question) -> list[LinkEvent]:
        """Send a question. -> events to be shown at once: without a connection, only rooms and nick can be changed"""
        if not self.is_connected:
            return [self._membership.answer_offline(question)]
        if len(self._questions) >= QUESTIONS_MAX:
            return [Refused(question, "too many requests are unanswered")]
        if isinstance(question, frames.Join):
            self._membership.want_room(question.room)
        self._offered_password = _password_in(question.line) if isinstance(question, frames.RunCommand) else ""
        self._questions[question.key] = question
        if isinstance(question, frames.ClaimName):
            self._claims.add(question.key)
            self._request(frames.AskChallenge(key=question.key))
        elif self.needs_resend and self.pending and isinstance(question, frames.Leave | frames.Nick):
            self._postponed.append((next(reversed(self.pending)), question))
        else:
            self._request(question)
        return []

    def limit_lines_in_flight(self, most: int) -> None:
        """Have at most so many lines of messages in flight at once."""
        self._requests.lines_in_flight_max = most

    def ping(self) -> None:
        """Ping the server, and ask again for the nick that was taken."""
        self._request(frames.Ping())
        self._reclaim_nick()

    def _reclaim_nick(self) -> None:
        """Ask again for the nick that was taken when we connected. Another refusal is not reported."""
        if nick := self._membership.missing_nick:
            self._request(frames.Nick(nick=nick, key=_RECLAIMING))

    def leave(self) -> None:
        """End the session."""
        self._request(frames.Bye())

    def leave_at_once(self) -> None:
        """End the session, also before the welcome, and send nothing else. What is pending stays so."""
        self._requests.clear()
        if not self.has_said_bye:
            self._requests.put(frames.Bye())

    def resend(self) -> None:
        """Send the oldest unacknowledged message again; the others follow once the server has stored it."""
        self._resent_key = next((key for key in self.pending if key not in self.held), "")
        self.needs_resend = bool(self._resent_key)
        if self.needs_resend:
            self._request_message(self.pending[self._resent_key])

    @property
    def cancellable(self) -> list[Message]:
        """Messages of which nothing was sent on this connection."""
        return [message for key, message in self.pending.items() if not self._requests.is_in_flight(key)]

    def cancel(self, wanted: Collection[str] | None = None) -> list[Message]:
        """Take back messages of which nothing was sent on this connection: all, or those with the wanted keys."""
        cancelled = [message for message in self.cancellable if wanted is None or message.key in wanted]
        keys = {message.key for message in cancelled}
        self.held -= keys
        for key in keys:
            del self.pending[key]
        self._requests.drop(keys)
        self._request_postponed()
        return cancelled

    def take_requests(self, count: int) -> list[frames.Request]:
        """Return the next requests to send, at most `count`; see `RequestQueue.take`."""
        taken = self._requests.take(count)
        self.has_said_bye |= any(isinstance(request, frames.Bye) for request in taken)
        return taken

    def release(self) -> None:
        """Send the messages that were held."""
        held, self.held = self.held, set()
        for message in [self.pending[key] for key in self.pending if key in held and not self.needs_resend]:
            self._request_message(message)

    def _request_pending(self) -> None:
        for key, message in self.pending.items():
            if key not in self.held:
                self._request_message(message)

    def _request_message(self, message: Message) -> None:
        if self.is_connected:
            self._requests.put_message(message)

    def _request_postponed(self) -> None:
        while self._postponed and self._postponed[0][0] not in self.pending:
            self._request(self._postponed.popleft()[1])

    def _request(self, request: frames.Request) -> None:
        if self.is_connected:
            self._requests.put(request)

    # Names

    @property
    def signing(self) -> Signing | None:
        """The message that is to be signed now, for the `hello` or for a claim: `prove` takes the signature."""
        return self._claim or self.handshake.signing

    def prove(self, proof: frames.Proof | None) -> list[LinkEvent]:
        """Take the proof that `signing` asks for; None where there is no other key. -> events to be shown at once"""
        claim, self._claim = self._claim, None
        if claim is None:
            return self.handshake.prove(proof)
        if proof is None:
            return [Refused(self._questions.pop(claim.key, None), "there is no key to sign with")]
        self._requests.put(frames.ClaimName(proof=proof, key=claim.key))
        return []

    def cannot_sign(self, reason: str) -> list[LinkEvent]:
        """Note that there is no signature. -> events to be shown at once"""
        claim, self._claim = self._claim, None
        if claim is None:
            self.handshake.cannot_sign(reason)
            return []
        return [Refused(self._questions.pop(claim.key, None), reason)]

    def _receive_challenge(self, challenge: frames.Challenge) -> list[LinkEvent]:
        if challenge.key in self._claims:
            return self._receive_claim_challenge(challenge)
        if not self.is_connected:
            self.handshake.receive_challenge(challenge)
        return []

    def _receive_claim_challenge(self, challenge: frames.Challenge) -> list[LinkEvent]:
        """Have the challenge of a claim signed, unless it could be a message of another kind."""
        self._claims.discard(challenge.key)
        message = self.handshake.message_for(challenge, "claim", name_of_guest(self.label))
        if message is None:
            return [Refused(self._questions.pop(challenge.key, None), "the server sent a challenge of another kind")]
        self._claim = Signing(message, key=challenge.key)
        return []

    def _receive_named(self, named: frames.Named) -> list[LinkEvent]:
        if not self.is_connected:
            return []
        self._membership.prove(named.label, named.account)
        if self._offered_password:
            self._membership.name_password, self._offered_password = self._offered_password, ""
        if named.last_id is not None:
            self._membership.begin_mailbox(named.last_id)
        events: list[LinkEvent] = []
        if member := named.member:
            events.append(MemoryOfServer(tuple(member.ignored), member.marks))
        question = self._questions.pop(named.key, None) if named.key else None
        if isinstance(question, frames.ClaimName):
            events.append(Answered(question, named))
        return events

    # Replies

    def connection_lost(self) -> list[LinkEvent]:
        """End a connection, and answer all questions as far as that is possible without one."""
        self.is_connected = self.needs_resend = self._has_gap = False
        self._claim = self.handshake.signing = None
        self._claims.clear()
        self._requests.clear()
        self._postponed.clear()
        questions = tuple(self._questions.values())
        self._questions.clear()
        return [self._membership.answer_offline(question) for question in questions]

    def receive(self, reply: frames.AnyReply) -> list[LinkEvent]:
        """Handle a reply of the server. -> the events that follow from it"""
        match reply:
            case frames.Welcome():
                return self._receive_welcome(reply)
            case frames.Said():
                return self._receive_entry(reply)
            case frames.Error():
                return self._receive_error(reply)
            case frames.Joined():
                return self._receive_joined(reply)
            case frames.Done() | frames.Members() | frames.RoomList() | frames.Page() | frames.CommandOutput():
                return self._receive_answer(reply)
            case frames.StickerList() | frames.StickerPicture():
                self.on_stickers(reply)
            case frames.StickerNews(hash=hash_):
                self.stickers_hash = hash_
                self.on_stickers(hash_)
            case frames.Gap():
                return self._receive_gap(reply)
            case frames.Away():
                return self._receive_away(reply)
            case frames.Farewell():
                self.farewell = reply
            case frames.Ping():
                self._requests.put_pong(reply.key)
            case frames.Pong():
                pass
            case frames.Challenge():
                return self._receive_challenge(reply)
            case frames.Named():
                return self._receive_named(reply)
            case frames.Read(room=room, id=entry_id):
                return [MarkMoved(room, entry_id)]
            case frames.News(rooms=news, waiting=waiting):
                return [ServerNews(news, max(waiting, 0))]
            case frames.Waits(to=to):
                return self._tell_when_sent(reply.key, MessageWaits(to))
            case _:
                assert_never(reply)
        return []

    def _receive_welcome(self, welcome: frames.Welcome) -> list[LinkEvent]:
        if self.is_connected or self.is_refused or welcome.protocol != frames.PROTOCOL:
            return []
        is_other_epoch = self._membership.begin(welcome) or self._has_gap
        rooms, was_connected = tuple(self._membership.rooms), self._was_connected
        self.is_connected = self._was_connected = True
        self.handshake.is_logging_in = False
        self._requests.put(*self._membership.reconcile(welcome))
        self._requests.say_lines_max = welcome.limits.lines
        self.stickers_hash = welcome.stickers
        self.on_stickers(welcome.stickers)
        self._request_pending()
        connected = Connected(self.label, rooms, was_connected, is_other_epoch=is_other_epoch)
        if member := welcome.member:
            return [MemoryOfServer(tuple(member.ignored), member.marks), connected]
        return [connected]

    def _receive_entry(self, entry: frames.Said) -> list[LinkEvent]:
        events: list[LinkEvent] = []
        if self._membership.frees_nick(entry):
            self._reclaim_nick()
        away = self._away.get(entry.key)
        is_own = entry.key in self._own_keys or self._is_part_of_pending(entry)
        if message := self._settle(entry.key):
            events.append(Sent(message))
        if not entry.again and self._membership.record(entry):
            self._own_keys.pop(entry.key, None)  # everybody can read the key now, and could send something with it
            events.append(Received(entry, is_own=is_own))
        return [*events, away] if away else events

    def _is_part_of_pending(self, entry: frames.Said) -> bool:
        """Tell whether an entry is a line of our oldest message of several lines, of which only the last has the key.

        A server that takes one line at a time is sent them with keys of their own.
        """
        if entry.key or entry.author != self.label:
            return entry.author == self.label and message_key(entry.key) in self.pending
        said = (message for message in self.pending.values() if isinstance(message, frames.Say) and message.lines)
        oldest = next(said, None)
        return oldest is not None and oldest.room == entry.room and entry.text in oldest.lines

    def _receive_error(self, error: frames.Error) -> list[LinkEvent]:
        if not self.is_connected and (events := self.handshake.receive_error(error)) is not None:
            return events
        if not self.is_connected and not self.is_refused:
            self.handshake.refusal = error
            if self.is_refused:  # whoever ends the connection says why
                return []
        if error.key in (_RECLAIMING, _IGNORING, _STICKERS):
            return []
        if "nick" in error.code and not error.key and self._membership.drop_default_nick():
            return []
        if error.code == NICK_TAKEN and not error.key:
            self._membership.is_nick_taken = True
        if message := self.pending.get(error.key) or self.pending.get(message_key(error.key)):
            if error.code in _TRANSIENT_CODES:
                return self._delay(message, error.text)
            self._settle(message.key)
            return [Failed(message, error.text)]
        question = self._questions.pop(error.key, None)
        if isinstance(question, frames.Join):
            self._membership.drop_room(question.room)
        if isinstance(question, frames.ClaimName) and error.code == "unknown-type":
            return [Refused(question, NO_NAMES)]
        return [Refused(question, error.text)]

    def _delay(self, message: Message, reason: str) -> list[LinkEvent]:
        """Send no more messages until the server has stored this one. Its delay is reported once."""
        self.needs_resend = True
        self._requests.drop_messages()
        self._requests.settle(message.key)
        if message.key in self._delayed:
            return []
        self._delayed.add(message.key)
        return [Delayed(message, reason)]

    def _settle(self, key: str) -> Message | None:
        """Remove the pending message with this key, and let requests that waited for it go on. -> that message"""
        self._requests.settle(key)
        self._delayed.discard(key)
        self._away.pop(key, None)
        message = self.pending.pop(key, None)
        if self.needs_resend and key == self._resent_key:
            self.needs_resend = False
            self._request_pending()
        self._request_postponed()
        return message

    def _receive_joined(self, joined: frames.Joined) -> list[LinkEvent]:
        question = self._questions.pop(joined.key, None)
        return [self._membership.enter(question.room, joined.room)] if isinstance(question, frames.Join) else []

    def _receive_answer(self, answer: Answer) -> list[LinkEvent]:
        question = self._questions.pop(answer.key, None)
        match question:
            case None:
                return self._receive_done(answer) if isinstance(answer, frames.Done) else []
            case frames.Leave(room=room):
                return [self._membership.leave(room)]
            case frames.Nick(nick=nick):
                self._membership.rename(nick)
            case frames.RunCommand(line=line) if self.account and line.startswith("/password"):
                self._membership.name_password = self._offered_password
        return [Answered(question, answer)]

    def _receive_done(self, done: frames.Done) -> list[LinkEvent]:
        """Settle a topic that gave way to a later one: no entry acknowledges it."""
        message = self._settle(done.key) if isinstance(self.pending.get(done.key), frames.Topic) else None
        return [Sent(message)] if message else []

    def _receive_gap(self, gap: frames.Gap) -> list[LinkEvent]:
        if gap.reason == "epoch":  # the welcome reports it once, for all rooms
            self._has_gap = True
            self._membership.forget_positions()
            return []
        return [GapFound(gap.room, max(gap.missed, 0), gap.reason, gap.after)]

    def _receive_away(self, away: frames.Away) -> list[LinkEvent]:
        return self._tell_when_sent(away.key, RecipientAway(away.to, away.away_s, away.left_s))

    def _tell_when_sent(self, key: str, event: RecipientAway | MessageWaits) -> list[LinkEvent]:
        """Put off an event about a message until the message is acknowledged."""
        if key not in self.pending:
            return [event]
        self._away[key] = event
        return []


def _rooms_of(messages: Iterable[Message]) -> Iterable[str]:
    """Return the rooms that one must be in to send these."""
    return (message.room for message in messages if not isinstance(message, frames.Tell))


def _password_in(line: str) -> str:
    """Return the password of a command that sets or tells one; empty for any other command."""
    command, *words = line.split(maxsplit=1)
    match command, words:
        case "/register" | "/password", [password]:
            return password.strip()
        case "/login", [argument] if " " in argument:
            return argument.split(maxsplit=1)[1].strip()
    return ""
