"""Frames: how our client, bots and browsers speak to the server. One JSON object a line, both ways, each with a `type`.

These structs are the protocol, version 1: what they do not name is ignored, what does not fit them is answered by an
error. `docs/protocol.md` explains them to people and names every field, `frame_schema.py` makes a JSON Schema of them,
`frame_decoder.py` reads them.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from trio_chat.chat.events import MAILBOX_MARK, Entry, Kind
from trio_chat.chat.nicks import NICK_MAX

PROTOCOL = 1
FRAME_LIMIT = 64 * 1024
"""Bytes in a client's frame, its newline not counted."""

REPLY_LIMIT = 16 * 1024 * 1024
"""Bytes in a server's frame: twice the largest page, PAGE_LIMIT entries of TEXT_LIMIT characters of 4 bytes."""

TEXT_LIMIT = 4096
"""Characters in what is said at once."""

KEY_LIMIT = 64
PAGE_LIMIT = 500
ROOMS_LIMIT = 100
MAILBOX = MAILBOX_MARK
"""What a client calls its own mailbox, where what it is told and tells is kept."""

Key = Annotated[str, Meta(max_length=KEY_LIMIT)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=TEXT_LIMIT)]
Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Limit = Annotated[int, Meta(ge=1, le=PAGE_LIMIT)]
Secret = Annotated[str, Meta(min_length=16, max_length=128)]


class Frame(Struct, frozen=True, tag_field="type", tag=str.lower, omit_defaults=True, kw_only=True):
    """What all frames share: the tag."""


class Request(Frame, frozen=True, kw_only=True):
    """What all requests share. What answers one, if only an error, bears its `key`."""

    key: Key = ""


# Client to server


class Hello(Request, frozen=True, kw_only=True):
    """The first frame: who comes, where it wants to be, and what it has seen already."""

    protocol: int
    client: Annotated[str, Meta(max_length=64)] = ""
    nick: str = ""
    needs_nick: bool = False
    """Whether not to come in at all where that nick cannot be had."""
    rooms: Annotated[list[Name], Meta(max_length=ROOMS_LIMIT)] = msgspec.field(default_factory=lambda: ["lobby"])
    session: Secret | None = None
    """A secret of the client's making. With it, another connection can go on where this one broke."""
    epoch: str = ""
    """That of the journal to which the ids in `since` belong."""
    since: dict[str, Id] = msgspec.field(default_factory=dict)
    """Per room, the last id seen; `@` is the mailbox."""
    password: str = ""


class Say(Request, frozen=True, kw_only=True):
    """Say something in a room. The entry that comes back with the same key acknowledges it."""

    room: Name
    text: Text


class Act(Request, frozen=True, kw_only=True):
    """Say what the client does."""

    room: Name
    text: Text


class Tell(Request, frozen=True, kw_only=True):
    """Say something to one person alone."""

    to: Name
    text: Text


class Join(Request, frozen=True, kw_only=True):
    """Enter a room, which is made if it is not there. `joined` answers."""

    room: Name


class Leave(Request, frozen=True, kw_only=True):
    """Leave a room. `done` answers."""

    room: Name


class Nick(Request, frozen=True, kw_only=True):
    """Take another name. `done` answers."""

    nick: str


class Topic(Request, frozen=True, kw_only=True):
    """Say what a room is about."""

    room: Name
    text: Text


class Who(Request, frozen=True, kw_only=True):
    """Ask who is in a room. `members` answers."""

    room: Name


class ListRooms(Request, frozen=True, kw_only=True, tag="rooms"):
    """Ask which rooms there are. `roomlist` answers."""


class History(Request, frozen=True, kw_only=True):
    """Ask for entries of a room: the newest before an id, or the oldest after one. `page` answers."""

    room: Name
    before: Id | None = None
    after: Id | None = None
    limit: Limit = 50


class Search(Request, frozen=True, kw_only=True):
    """Ask for the entries that hold all the words, in one room or in all that the client is in. `page` answers."""

    text: Annotated[str, Meta(min_length=1, max_length=256)]
    room: Name | None = None
    before: Id | None = None
    limit: Limit = 50


class Ping(Request, frozen=True, kw_only=True):
    """Ask whether the other end is there. `pong` answers. Both ends may ask."""


class Pong(Request, frozen=True, kw_only=True):
    """Here."""


class Bye(Request, frozen=True, kw_only=True):
    """Leave for good: the session is over."""


AnyRequest = (
    Hello | Say | Act | Tell | Join | Leave | Nick | Topic | Who | ListRooms | History | Search | Ping | Pong | Bye
)


# Server to client


class You(Struct, frozen=True):
    """Who the client is to others."""

    id: str
    label: str
    address: str


class RoomInfo(Struct, frozen=True):
    """A room and how many are in it. To a member comes everything newer than `last_id`, and nothing older."""

    name: str
    topic: str
    members: int
    last_id: int


class Limits(Struct, frozen=True):
    """What the server takes."""

    frame_bytes: int = FRAME_LIMIT
    text_chars: int = TEXT_LIMIT
    nick_chars: int = NICK_MAX
    page: int = PAGE_LIMIT
    rooms: int = ROOMS_LIMIT


class Reply(Frame, frozen=True, kw_only=True):
    """What all answers share."""

    key: str = ""


class Welcome(Reply, frozen=True, kw_only=True):
    """Answers `hello`. Then comes what was missed, then what is new."""

    protocol: int
    epoch: str
    server: str
    you: You
    resumed: bool
    rooms: list[RoomInfo]
    last_id: int | None = None
    """That of the mailbox, which is no room to be listed. Servers of the first days do not tell it."""
    limits: Limits


class Said(Reply, frozen=True, kw_only=True, tag="entry"):
    """Something that happened in a room. In each room, ids come in rising order, except where `again` is set."""

    id: int
    room: str
    """`@` for the client's own mailbox."""
    kind: Annotated[str, Meta(examples=[kind.value for kind in Kind])]
    """A Kind; but a client must stand those that a later server has more, hence no enumeration."""
    time: float
    author: str
    text: str = ""
    to: str = ""
    """Who was told."""
    again: bool = False
    """This only acknowledges a request that was kept under the same key before. It can come before older entries, which
    the client has not seen yet: who took it for news would take those for old."""


class Joined(Reply, frozen=True, kw_only=True):
    """Answers `join`."""

    room: RoomInfo


class Members(Reply, frozen=True, kw_only=True):
    """Answers `who`. `labels` may be cut short; `count` is not."""

    room: str
    count: int
    labels: list[str]


class RoomList(Reply, frozen=True, kw_only=True):
    """Answers `rooms`. Where there are very many, only those are here in which most people are; `count` is of all."""

    rooms: list[RoomInfo]
    count: int = 0


class Page(Reply, frozen=True, kw_only=True):
    """Answers `history` and `search`, oldest first. `more` says that there are others beyond the page's far end.

    Of long entries there may be fewer than were asked for.
    """

    entries: list[Said]
    more: bool
    damaged: list[int] = msgspec.field(default_factory=list)
    """Ids of entries that belong among these, and can be read no more."""


class Done(Reply, frozen=True, kw_only=True):
    """Answers what needs no other answer."""


class Gap(Frame, frozen=True, kw_only=True):
    """Something is missing after `after`, for a `reason`.

    The ids are of another `epoch`; what followed is `pruned`, or `unreadable`; or the reader was too `slow`.
    """

    room: str
    after: int
    reason: str
    missed: int = 0


class Error(Reply, frozen=True, kw_only=True):
    """A request was refused, or could not be read."""

    code: str
    text: str


class Farewell(Frame, frozen=True, kw_only=True, tag="bye"):
    """The server ends the connection. Come back after `retry_s`, or not at all where it is missing."""

    reason: str
    text: str
    retry_s: float | None = None


AnyReply = Welcome | Said | Joined | Members | RoomList | Page | Done | Gap | Error | Farewell | Ping | Pong


_encoder = msgspec.json.Encoder()


def encode(frame: Frame) -> bytes:
    """Print a frame, its newline included. Raises UnicodeEncodeError for a lone surrogate."""
    return _encoder.encode(frame) + b"\n"


def encode_entry(entry: Entry) -> bytes:
    """Print an entry, its newline included."""
    return _encoder.encode(said(entry)) + b"\n"


def said(entry: Entry, *, again: bool = False) -> Said:
    """The frame of an entry. A mailbox is known to its owner as `@`, so that no secret is in it."""
    draft = entry.draft
    return Said(
        id=entry.id,
        room=MAILBOX if draft.room.startswith(MAILBOX_MARK) else draft.room,
        kind=draft.kind,
        time=entry.time,
        author=draft.author,
        text=draft.text,
        to=draft.to,
        key=draft.key,
        again=again,
    )
