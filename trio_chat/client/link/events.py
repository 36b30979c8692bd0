"""What happens on a link, as plain data: what views, bots and tests iterate over.

Texts may hold anything that a server can send: whoever shows them cleans them.
"""

from dataclasses import dataclass

from trio_chat.wire import frames

Speech = frames.Say | frames.Act | frames.Tell | frames.Topic
"""What is kept until it is acknowledged."""

Question = frames.Join | frames.Leave | frames.Nick | frames.Who | frames.ListRooms | frames.History | frames.Search
"""What is asked of the connection that there is, and forgotten with it."""

Answer = frames.Members | frames.RoomList | frames.Page | frames.Done


@dataclass(frozen=True, slots=True)
class Connected:
    """The server let us in. Some of what was said before may be missing where the server's epoch is another one."""

    label: str
    rooms: tuple[str, ...]
    is_again: bool
    is_other_epoch: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is no more, or could not be made; the link tries again after `retry_s`."""

    reason: str
    retry_s: float


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over, and the link does not come back. It is orderly where we wanted to leave."""

    reason: str
    is_orderly: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """An entry that was not here before; `is_own` where it is something that was said on this link."""

    entry: frames.Said
    is_own: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """Something of ours is kept until the server has it."""

    speech: Speech


@dataclass(frozen=True, slots=True)
class Sent:
    """The server has kept something of ours."""

    speech: Speech


@dataclass(frozen=True, slots=True)
class Delayed:
    """The server could not keep something of ours just now; it is tried again."""

    speech: Speech
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something of ours was not said and will not be."""

    speech: Speech
    reason: str


@dataclass(frozen=True, slots=True)
class Entered:
    """We are in a room that we asked for."""

    room: str
    topic: str
    asked: str = ""
    """Another name by which it was asked for."""


@dataclass(frozen=True, slots=True)
class Exited:
    """We are no longer in a room."""

    room: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What we asked is answered."""

    question: Question
    answer: Answer


@dataclass(frozen=True, slots=True)
class Refused:
    """What we asked, or wanted from the beginning (None), was refused."""

    question: Question | None
    reason: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Entries of a room are missing; `count` is 0 where nobody knows how many."""

    room: str
    count: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """The link itself has something to say."""

    text: str


LinkEvent = (
    Connected
    | Lost
    | Ended
    | Heard
    | Pending
    | Sent
    | Delayed
    | Failed
    | Entered
    | Exited
    | Answered
    | Refused
    | Missed
    | Noticed
)
