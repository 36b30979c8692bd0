"""The frame protocol of our client, bots and browsers: one JSON object a line, both ways, each with a `type`.

These structs are version 1 of the protocol: other fields are ignored, and a frame that does not fit is answered by an
error. `docs/protocol.md` explains every field, `frame_schema.py` makes a JSON Schema, `frame_decoder.py` decodes.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from trio_chat.chat.answers import HistoryQuery
from trio_chat.chat.events import MAILBOX_MARK, Entry, Kind
from trio_chat.chat.moments import TIME_MAX, Bounds
from trio_chat.chat.nicks import NICK_MAX
from trio_chat.chat.removal import target_of
from trio_chat.chat.text import TEXT_MAX
from trio_chat.chat.wording import HISTORY_MAX

PROTOCOL = 1
FRAME_LIMIT = 64 * 1024
"""Bytes of a client's frame, without its newline."""

REPLY_LIMIT = 16 * 1024 * 1024
"""Bytes of a server's frame: PAGE_LIMIT entries of TEXT_LIMIT characters of 4 bytes. Pages of ours have far fewer."""

TEXT_LIMIT = TEXT_MAX
"""Characters of one message."""

LINES_LIMIT = 50
"""Lines of one `say`."""

KEY_LIMIT = 64
PAGE_LIMIT = HISTORY_MAX
ROOMS_LIMIT = 100
MAILBOX = MAILBOX_MARK
"""A client's name for its own mailbox, which has the private messages it sends and receives."""

BLOB_LIMIT, SIGNATURE_LIMIT, PASSWORD_LIMIT, CODE_LIMIT = 68, 88, 128, 26
"""Characters of the word of a public key, of a signature, of a password, and of the code of an invite."""

IGNORED_LIMIT = 200
PICTURE_NAME_LIMIT, PICTURE_DATA_LIMIT = 72, 64 * 1024
"""Characters of the name of a picture of a sticker, and of the picture in base64."""

STICKERS_LIMIT, STICKER_LIMIT = 500, 4096
"""Stickers that a server shares, and characters of the drawing of one."""

Key = Annotated[str, Meta(max_length=KEY_LIMIT)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
SpokenText = Annotated[str, Meta(max_length=TEXT_LIMIT)]
Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Limit = Annotated[int, Meta(ge=1, le=PAGE_LIMIT)]
Time = Annotated[float, Meta(ge=0, le=TIME_MAX)]
Code = Annotated[str, Meta(max_length=CODE_LIMIT)]
SessionSecret = Annotated[str, Meta(min_length=16, max_length=128)]


class Frame(Struct, frozen=True, tag_field="type", tag=str.lower, omit_defaults=True, kw_only=True):
    """Base of all frames: the tag."""


class Request(Frame, frozen=True, kw_only=True):
    """Base of all requests. The answer to a request, or its error, has the same `key`."""

    key: Key = ""


# Client to server


class Proof(Struct, frozen=True, omit_defaults=True):
    """The proof of a name: a key with a signature, or a password."""

    key: Annotated[str, Meta(max_length=BLOB_LIMIT)] = ""
    """The base64 word of an OpenSSH public key."""
    signature: Annotated[str, Meta(max_length=SIGNATURE_LIMIT)] = ""
    """The signature, 64 bytes in base64."""
    password: Annotated[str, Meta(max_length=PASSWORD_LIMIT)] = ""

    def __repr__(self) -> str:
        """Show no secret."""
        return "Proof()"


class AskChallenge(Request, frozen=True, kw_only=True, tag="challenge"):
    """Ask for what a key is to sign, also before `hello`. `challenge` answers."""


class Hello(Request, frozen=True, kw_only=True):
    """The first frame: the client's identity, its rooms and the ids it has seen."""

    protocol: int
    client: Annotated[str, Meta(max_length=64)] = ""
    nick: str = ""
    needs_nick: bool = False
    """Refuse the client if that nick is not available."""
    rooms: Annotated[list[Name], Meta(max_length=ROOMS_LIMIT)] = msgspec.field(default_factory=lambda: ["lobby"])
    session: SessionSecret | None = None
    """A secret made by the client. With it, another connection resumes this session."""
    epoch: str = ""
    """The journal's epoch to which the ids in `since` belong."""
    since: dict[str, Id] = msgspec.field(default_factory=dict)
    """Per room, the last id seen; `@` is the mailbox."""
    password: str = ""
    proof: Proof | None = None
    """The proof that the nick is the client's own."""
    invite: Code = ""
    """The code of an invite, by which the name becomes the client's own."""
    remembered: bool = False
    """Join the rooms too that the server remembers of the name."""


class Say(Request, frozen=True, kw_only=True):
    """Say something in a room: a `text`, or several `lines`. The entry with the same key acknowledges it."""

    room: Name
    text: SpokenText | None = None
    lines: Annotated[list[SpokenText], Meta(max_length=LINES_LIMIT)] = msgspec.field(default_factory=list)
    """Lines that are kept together, one entry each, or not at all. The last of them bears the key."""

    def __post_init__(self) -> None:
        """Raise ValueError, which makes it no frame, where there is nothing to say."""
        if self.text is None and not self.lines:
            raise ValueError("a say has a text or lines")


class Act(Request, frozen=True, kw_only=True):
    """Describe an action of the client in a room, as `/me` does."""

    room: Name
    text: SpokenText


class Tell(Request, frozen=True, kw_only=True):
    """Send a private message to one person."""

    to: Name
    text: SpokenText


class Join(Request, frozen=True, kw_only=True):
    """Join a room, which is created if it does not exist. `joined` answers."""

    room: Name


class Leave(Request, frozen=True, kw_only=True):
    """Leave a room. `done` answers."""

    room: Name


class Nick(Request, frozen=True, kw_only=True):
    """Change the nick. `done` answers."""

    nick: str


class Topic(Request, frozen=True, kw_only=True):
    """Set the topic of a room."""

    room: Name
    text: SpokenText


class Who(Request, frozen=True, kw_only=True):
    """List the members of a room. `members` answers."""

    room: Name


class ListRooms(Request, frozen=True, kw_only=True, tag="rooms"):
    """List the rooms. `roomlist` answers."""


class History(Request, frozen=True, kw_only=True):
    """Request entries of a room: the newest before an id or a time, or the oldest after one. `page` answers."""

    room: Name
    before: Id | None = None
    after: Id | None = None
    before_time: Time | None = None
    after_time: Time | None = None
    limit: Limit = 50
    presence: bool = True
    """False leaves out who came, left or changed names."""

    @property
    def bounds(self) -> Bounds:
        """The stretch that is asked for."""
        return Bounds(self.before, self.after, self.before_time, self.after_time)


class Search(Request, frozen=True, kw_only=True):
    """Search for entries with all the words, in one room or in all rooms of the client. `page` answers."""

    text: Annotated[str, Meta(min_length=1, max_length=256)]
    room: Name | None = None
    before: Id | None = None
    limit: Limit = 50


class AskStickers(Request, frozen=True, kw_only=True, tag="stickers"):
    """Ask for the stickers that the server shares. `stickerlist` answers."""


class AskPicture(Request, frozen=True, kw_only=True, tag="picture"):
    """Ask for the picture of a sticker. `stickerpicture` answers."""

    name: Annotated[str, Meta(max_length=PICTURE_NAME_LIMIT)]


class RunCommand(Request, frozen=True, kw_only=True, tag="command"):
    """Run a command that has no request of its own, as a plain client types it. `output` answers."""

    room: Name
    line: SpokenText


class ClaimName(Request, frozen=True, kw_only=True, tag="register"):
    """Keep the nick that the client has, by a proof. `named` answers."""

    proof: Proof


class Read(Request, frozen=True, kw_only=True):
    """A member has read a room up to an entry. The server tells its other places."""

    room: Name
    id: Id


class Ignored(Request, frozen=True, kw_only=True):
    """Replace the list of those whom a member ignores, which the server remembers. `done` answers."""

    names: Annotated[list[Name], Meta(max_length=IGNORED_LIMIT)]


class Ping(Request, frozen=True, kw_only=True):
    """Ask for a `pong`, to find out whether the other end is alive. Both ends may."""


class Pong(Request, frozen=True, kw_only=True):
    """Answers `ping`."""


class Bye(Request, frozen=True, kw_only=True):
    """Leave and end the session."""


AnyRequest = (
    Hello
    | Say
    | Act
    | Tell
    | Join
    | Leave
    | Nick
    | Topic
    | Who
    | ListRooms
    | History
    | Search
    | AskStickers
    | AskPicture
    | RunCommand
    | AskChallenge
    | ClaimName
    | Read
    | Ignored
    | Ping
    | Pong
    | Bye
)


# Server to client


class You(Struct, frozen=True, omit_defaults=True):
    """The client as others see it."""

    id: str
    label: str
    address: str
    account: str = ""
    """The id of its account; missing for a guest."""


class RoomInfo(Struct, frozen=True):
    """A room and its number of members. A member is sent every entry newer than `last_id`, and none older."""

    name: str
    topic: str
    members: int
    last_id: int


class Limits(Struct, frozen=True):
    """The limits of the server."""

    frame_bytes: int = FRAME_LIMIT
    text_chars: int = TEXT_LIMIT
    nick_chars: int = NICK_MAX
    page: int = PAGE_LIMIT
    rooms: int = ROOMS_LIMIT
    lines: int = 1
    """Lines of one `say`. A server that leaves it out takes a `text` alone."""


class Mark(Struct, frozen=True, array_like=True):
    """The read mark of a member in a room."""

    id: int
    time: float


class RoomNews(Struct, frozen=True, array_like=True):
    """Entries of a room since a member's read mark."""

    new: int
    mentions: int


class MemberMemory(Struct, frozen=True):
    """Everything that the server remembers of a member."""

    rooms: list[str]
    ignored: list[str]
    marks: dict[str, Mark]
    """By room; `@` is the mailbox."""


class Reply(Frame, frozen=True, kw_only=True):
    """Base of all answers."""

    key: str = ""


class StickerInfo(Struct, frozen=True, omit_defaults=True):
    """A sticker that the server shares. Clients check it as they do their own, and leave out what they do not know."""

    name: str
    kind: str
    """The name of its kind; `docs/protocol.md` lists them."""
    shows: str
    """The text or drawing; of an image, the name of its picture: SHA-256 of the file in hex, and its ending."""
    aliases: tuple[str, ...] = ()
    alt: str = ""
    """The text in place of an image."""


class StickerList(Reply, frozen=True, kw_only=True):
    """Answers `stickers`."""

    hash: str
    """SHA-256 of `stickers` as JSON, in hex, as in `welcome`; empty where there are none."""
    stickers: list[StickerInfo]


class StickerNews(Frame, frozen=True, kw_only=True):
    """The server shares other stickers from now on."""

    hash: str
    """Their hash, as in `welcome`; empty where there are none."""


class StickerPicture(Reply, frozen=True, kw_only=True):
    """Answers `picture`."""

    name: str
    data: str
    """The file, in base64."""


class Welcome(Reply, frozen=True, kw_only=True):
    """Answers `hello`. Missed entries follow, then new ones."""

    protocol: int
    epoch: str
    server: str
    you: You
    resumed: bool
    rooms: list[RoomInfo]
    last_id: int | None = None
    """The newest id of the mailbox, which is not among `rooms`. Early servers leave it out."""
    limits: Limits
    member: MemberMemory | None = None
    """Missing for guests."""
    stickers: str = ""
    """The hash of the stickers that the server shares; missing where it shares none."""


class Challenge(Reply, frozen=True, kw_only=True):
    """Answers `challenge`. Each one takes the place of the one before it on that connection."""

    nonce: str
    epoch: str
    binding: str = ""
    """`tls` where the signature has to name the certificate; missing on a plain connection."""


class Named(Reply, frozen=True, kw_only=True):
    """The client has proven a name: answers `register`, and comes by itself after a command that does the same."""

    label: str
    account: str
    last_id: int | None = None
    """The newest id of the mailbox, which is that of the account from now on. Early servers leave it out."""
    member: MemberMemory | None = None
    """As in `welcome`."""


class News(Frame, frozen=True, kw_only=True):
    """A moment after the `welcome` of a member, or `named`: what is new in each room, and how many private messages
    wait."""

    rooms: dict[str, RoomNews]
    waiting: int = 0


class Waits(Reply, frozen=True, kw_only=True):
    """Tells of a `tell` that its recipient, a member, is not here, and reads it on coming back."""

    to: str


class Said(Reply, frozen=True, kw_only=True, tag="entry", gc=False):
    """An entry of a room. In each room, ids come in rising order, except where `again` is set."""

    id: int
    room: str
    """`@` for the client's own mailbox."""
    kind: Annotated[str, Meta(examples=[kind.value for kind in Kind])]
    """A Kind. Not an enumeration, since clients have to accept kinds of later servers."""
    time: float
    author: str
    text: str = ""
    to: str = ""
    """The recipient of a private message."""
    account: str = ""
    """The id of the author's account, of a `renamed` that of the new name."""
    to_account: str = ""
    """The id of the recipient's account."""
    removes: int = 0
    """The id of the entry that was removed: its text is not to be shown any more."""
    again: bool = False
    """Only acknowledges a request that was stored under the same key before. It may come before older entries that the
    client has not seen yet, so it must not count as the newest entry seen."""


class Joined(Reply, frozen=True, kw_only=True):
    """Answers `join`."""

    room: RoomInfo


class Members(Reply, frozen=True, kw_only=True):
    """Answers `who`. `labels` may be truncated; `count` is the number of all members."""

    room: str
    count: int
    labels: list[str]
    proven: list[str] = msgspec.field(default_factory=list)
    """Those of the labels that are proven names."""


class RoomList(Reply, frozen=True, kw_only=True):
    """Answers `rooms`. Of very many, only those with the most members are listed; `count` is the number of all."""

    rooms: list[RoomInfo]
    count: int = 0


class Page(Reply, frozen=True, kw_only=True):
    """Answers `history` and `search`, oldest first. `more`: there are further entries beyond the page's far end.

    If entries are long, a page may have fewer than requested.
    """

    entries: list[Said]
    more: bool
    damaged: list[int] = msgspec.field(default_factory=list)
    """Ids of entries in the range of this page that can no longer be read."""
    incomplete: bool = False
    """Older entries are still being indexed, so a search may find more of them later."""


class CommandOutput(Reply, frozen=True, kw_only=True, tag="output"):
    """Answers `command`, once what it said is durable."""

    lines: list[str]


class Done(Reply, frozen=True, kw_only=True):
    """Confirms a request that has no other answer."""


class Away(Reply, frozen=True, kw_only=True):
    """Tells of a `tell` that its recipient has lost the connection, and reads it on coming back within `left_s`.

    The entry acknowledges it all the same.
    """

    to: str
    away_s: float
    left_s: float


class Gap(Frame, frozen=True, kw_only=True):
    """Entries after the id `after` are missing, for a `reason`.

    The ids are of another `epoch`; the entries are `pruned` or `unreadable`; or the reader was too `slow`.
    """

    room: str
    after: int
    reason: str
    missed: int = 0


class Error(Reply, frozen=True, kw_only=True):
    """A request was refused or could not be decoded."""

    code: str
    text: str


class Farewell(Frame, frozen=True, kw_only=True, tag="bye"):
    """The server ends the connection. Reconnect after `retry_s` seconds, or not at all where it is missing."""

    reason: str
    text: str
    retry_s: float | None = None


AnyReply = (
    Welcome
    | Said
    | Joined
    | Members
    | RoomList
    | Page
    | StickerList
    | StickerPicture
    | StickerNews
    | CommandOutput
    | Done
    | Away
    | Challenge
    | Named
    | Read
    | News
    | Waits
    | Gap
    | Error
    | Farewell
    | Ping
    | Pong
)


_encoder = msgspec.json.Encoder()
_REMOVED = Kind.REMOVED  # looked up once: an entry is encoded in a third of a microsecond


def encode(frame: Frame) -> bytes:
    """Encode a frame, with its newline. Raises UnicodeEncodeError for a lone surrogate."""
    return _encoder.encode(frame) + b"\n"


def encode_entry(entry: Entry) -> bytes:
    """Encode an entry as a frame, with its newline."""
    return _encoder.encode(said(entry)) + b"\n"


def history_request(query: HistoryQuery, *, key: str = "") -> History:
    """Make the request that asks for what a command `/history` asks for."""
    bounds = query.bounds
    return History(
        room=query.room,
        before=bounds.before,
        after=bounds.after,
        before_time=bounds.before_time,
        after_time=bounds.after_time,
        limit=query.limit,
        presence=False,
        key=key,
    )


def _removed(entry: Entry, target: int) -> Said:
    draft = entry.draft
    room = MAILBOX if draft.room.startswith(MAILBOX_MARK) else draft.room
    # Without its key, which some client may have used for something of its own.
    return Said(
        id=entry.id,
        room=room,
        kind=draft.kind,
        time=entry.time,
        author=draft.author,
        text=draft.text,
        removes=target,
    )


def said(entry: Entry, *, again: bool = False) -> Said:
    """Make the frame of an entry. Its owner sees a mailbox as `@`, since its real name is secret."""
    draft = entry.draft
    if draft.kind is _REMOVED and (target := target_of(draft)):
        return _removed(entry, target)
    return Said(
        id=entry.id,
        room=MAILBOX if draft.room[:1] == MAILBOX_MARK else draft.room,
        kind=draft.kind,
        time=entry.time,
        author=draft.author,
        text=draft.text,
        to=draft.to,
        account=draft.account,
        to_account=draft.to_account,
        key=draft.key,
        again=again,
    )
