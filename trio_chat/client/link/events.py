"""Events of a link, as plain data, for views, bots and tests. Pure.

Texts are as the server sent them: views have to clean them.
"""

from dataclasses import dataclass

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
)
"""Requests that are dropped with their connection."""

Answer = frames.Members | frames.RoomList | frames.Page | frames.CommandOutput | frames.Done


@dataclass(frozen=True, slots=True)
class Connected:
    """The server let us in. If its epoch is another one, earlier messages may be missing."""

    label: str
    rooms: tuple[str, ...]
    is_again: bool
    is_other_epoch: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection was lost, or could not be made; the link tries again after `retry_s`."""

    reason: str
    retry_s: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The link has ended and does not reconnect; `is_orderly` if we wanted to leave."""

    reason: str
    is_orderly: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A new entry; `is_own` if it was sent on this link."""

    entry: frames.Said
    is_own: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """A message of ours is in the outbox."""

    message: Message


@dataclass(frozen=True, slots=True)
class Sent:
    """The server has acknowledged a message of ours."""

    message: Message


@dataclass(frozen=True, slots=True)
class RecipientAway:
    """A private message of ours is kept, and waits for its recipient, whose connection broke, for `left_s` more."""

    to: str
    away_s: float
    left_s: float


@dataclass(frozen=True, slots=True)
class Delayed:
    """The server could not store a message of ours just now; it will be sent again."""

    message: Message
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A message of ours was refused and will not be sent."""

    message: Message
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Messages of ours were taken back before they were sent."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class RoomJoined:
    """We have joined a room."""

    room: str
    topic: str
    asked: str = ""
    """The name that we asked for, where the room has another."""


@dataclass(frozen=True, slots=True)
class RoomLeft:
    """We have left a room."""

    room: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a question."""

    question: Question
    answer: Answer


@dataclass(frozen=True, slots=True)
class Refused:
    """A question was refused, or something in our hello (None)."""

    question: Question | None
    reason: str


@dataclass(frozen=True, slots=True)
class GapFound:
    """Entries of a room are missing after an id, for a reason of the frame `gap`; a `count` of 0 is unknown."""

    room: str
    count: int
    reason: str
    after: int = 0


@dataclass(frozen=True, slots=True)
class NewSince:
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


@dataclass(frozen=True, slots=True)
class LinkNotice:
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
