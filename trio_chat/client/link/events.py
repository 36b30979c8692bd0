"""Events of a link, as plain data, for views, bots and tests. Pure.

Texts are as the server sent them: views have to clean them. They are structs, not dataclasses, which take 1 ms each to
make: nobody should wait for that at the start.
"""

from msgspec import Struct

from trio_chat.wire import frames

Message = frames.Say | frames.Act | frames.Tell | frames.Topic
"""Requests that are kept until they are acknowledged, across connections."""


def lines_of(message: Message) -> list[str]:
    """Return the lines of a message. Most have one."""
    if isinstance(message, frames.Say) and message.lines:
        return message.lines
    return [message.text or ""]


Question = (
    frames.Join
    | frames.Leave
    | frames.Nick
    | frames.Who
    | frames.ListRooms
    | frames.History
    | frames.Search
    | frames.RunCommand
    | frames.ClaimName
)
"""Requests that are dropped with their connection."""

Answer = frames.Members | frames.RoomList | frames.Page | frames.CommandOutput | frames.Done | frames.Named


class Signing(Struct, frozen=True):
    """A message to be signed by the key with a number, from 0, in the order in which keys are tried.

    `key` is that of the request which the proof is for; empty for the `hello`.
    """

    message: bytes
    number: int = 0
    key: str = ""


class Connected(Struct, frozen=True):
    """The server let us in. If its epoch is another one, earlier messages may be missing."""

    label: str
    rooms: tuple[str, ...]
    is_again: bool
    is_other_epoch: bool


class Disconnected(Struct, frozen=True):
    """The connection was lost, or could not be made; the link tries again after `retry_s`."""

    reason: str
    retry_s: float


class Ended(Struct, frozen=True):
    """The link has ended and does not reconnect; `is_orderly` if we wanted to leave."""

    reason: str
    is_orderly: bool


class Received(Struct, frozen=True):
    """A new entry; `is_own` if it was sent on this link."""

    entry: frames.Said
    is_own: bool


class Pending(Struct, frozen=True):
    """A message of ours is in the outbox."""

    message: Message


class Sent(Struct, frozen=True):
    """The server has acknowledged a message of ours."""

    message: Message


class RecipientAway(Struct, frozen=True):
    """A private message of ours is kept for a recipient whose connection broke `away_s` ago, for `left_s` more."""

    to: str
    away_s: float
    left_s: float


class MessageWaits(Struct, frozen=True):
    """A private message of ours is kept for a member who is not here."""

    to: str


class MemoryOfServer(Struct, frozen=True):
    """Everything that the server remembers of us, as members: whom we ignore, and our read marks by room."""

    ignored: tuple[str, ...]
    marks: dict[str, frames.Mark]


class MarkMoved(Struct, frozen=True):
    """We have read a room up to an entry, somewhere else."""

    room: str
    id: int


class ServerNews(Struct, frozen=True):
    """The numbers of entries that are new to us, by room, and of private messages that waited."""

    rooms: dict[str, frames.RoomNews]
    waiting: int


class Delayed(Struct, frozen=True):
    """The server could not store a message of ours just now; it will be sent again."""

    message: Message
    reason: str


class Failed(Struct, frozen=True):
    """A message of ours was refused and will not be sent."""

    message: Message
    reason: str


class Cancelled(Struct, frozen=True):
    """Messages of ours were taken back before they were sent."""

    messages: tuple[Message, ...]


class RoomJoined(Struct, frozen=True):
    """We have joined a room."""

    room: str
    topic: str
    asked: str = ""
    """The name that we asked for, where the room has another."""


class RoomLeft(Struct, frozen=True):
    """We have left a room."""

    room: str


class Answered(Struct, frozen=True):
    """The answer to a question."""

    question: Question
    answer: Answer


class Refused(Struct, frozen=True):
    """A question was refused, or something in our hello (None)."""

    question: Question | None
    reason: str


class GapFound(Struct, frozen=True):
    """Entries of a room are missing after an id, for a reason of the frame `gap`; a `count` of 0 is unknown."""

    room: str
    count: int
    reason: str
    after: int = 0


class NewSince(Struct, frozen=True):
    """In a room there is something that is newer than what the person has read: `count` entries since a time.

    `has_more` if those are only the newest. `is_shown` if they, or the last of them, come next.
    """

    room: str
    count: int
    time: float
    has_more: bool
    is_shown: bool
    shown: int = 0
    """Number of those that come next."""
    after: int = 0
    """The id up to which the person had read."""
    up_to: int = 0
    """The id of the newest of them, or of a later entry from before the person came."""


class LinkNotice(Struct, frozen=True):
    """A message from the link itself for the person."""

    text: str


LinkEvent = (
    Connected
    | Disconnected
    | Ended
    | Received
    | Pending
    | Sent
    | RecipientAway
    | MessageWaits
    | MemoryOfServer
    | MarkMoved
    | ServerNews
    | Delayed
    | Failed
    | Cancelled
    | RoomJoined
    | RoomLeft
    | Answered
    | Refused
    | GapFound
    | NewSince
    | LinkNotice
)
