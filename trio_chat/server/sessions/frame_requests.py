"""Handlers of requests in frames: one function and one row of the table for each type.

A handler answers, or posts what its entry will acknowledge. It raises ChatError where the request is refused and
JournalError where the journal fails; the session answers these. Any answer comes after the entries of what the client
said before.
"""

import itertools
from base64 import standard_b64encode
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, assert_never

from msgspec.structs import replace

from trio_chat.chat.answers import HistoryQuery, LeaveChat, MentionsQuery, NameRequest, Posted, SearchQuery, TextReply
from trio_chat.chat.client import Client
from trio_chat.chat.commands import REQUEST_PRICES, run_for_program
from trio_chat.chat.commands import price_of as price_of_line
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Entry, Receipt
from trio_chat.chat.moments import Bounds
from trio_chat.chat.prices import Extent
from trio_chat.chat.search_query import read_search
from trio_chat.chat.typed_line import read_line
from trio_chat.journal import Damaged, Past
from trio_chat.journal.lookup import ids_of
from trio_chat.server.sessions.conversations import read_past, search_past
from trio_chat.server.sessions.frame_conversation import FrameConversation
from trio_chat.server.sessions.keyed import Speech
from trio_chat.server.sessions.mentions import mentions_of
from trio_chat.server.sessions.name_frames import claim_name, run_name_request
from trio_chat.server.sessions.name_requests import NEEDS_LOGIN
from trio_chat.server.sessions.nick_claims import claimed
from trio_chat.server.sessions.read_marks import read_by
from trio_chat.server.sessions.settling import departed, failures_of
from trio_chat.server.sessions.welcome import room_info
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameFault

MEMBERS_MAX = 1000
ROOMS_MAX = 500
PAGE_CHARS = 64 * 1024
"""Characters of text in one page: a reader that never takes it must not cost megabytes."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A row of the table."""

    run: Callable[[FrameConversation, Any], Coroutine[Any, Any, None]]
    """Called with a request of the type that the row is for."""
    is_typed: bool = True
    """True if a person sends it: they are not idle then."""
    catches_up: bool = True
    """Wait first until all that the client said before is settled, and the client has been sent the entries."""


async def _say(talk: FrameConversation, request: frames.Say) -> None:
    if bool(request.lines) == (request.text is not None):
        raise ChatError("bad-frame", "`say` has either a text or lines")
    texts = request.lines or (request.text or "",)
    _spoken(talk, request, talk.chat.say(talk.client, talk.room(request.room), *texts, key=request.key))


async def _act(talk: FrameConversation, request: frames.Act) -> None:
    _spoken(talk, request, talk.chat.act(talk.client, talk.room(request.room), request.text, key=request.key))


async def _tell(talk: FrameConversation, request: frames.Tell) -> None:
    recipient = talk.chat.directory.addressee(request.to)
    try:
        receipt = talk.chat.tell(talk.client, recipient.label, request.text, key=request.key)
    except ChatError as error:
        if error.code != "full":
            raise
        await talk.journal.settled()  # those on their way may turn out to be repeats, which do not count
        receipt = talk.chat.tell(talk.client, recipient.label, request.text, key=request.key)
    _spoken(talk, request, receipt)
    if recipient.is_away_member:
        talk.answer(frames.Waits(to=recipient.label, key=request.key))
    elif recipient.client and (absence := talk.chat.absence_of(recipient.client)):
        away_s, left_s = absence
        talk.answer(frames.Away(to=recipient.label, away_s=away_s, left_s=left_s, key=request.key))


async def _topic(talk: FrameConversation, request: frames.Topic) -> None:
    if talk.chat.holds_topic(talk.room(request.room)) and not await talk.may_take_place_of_others(request):
        return
    _spoken(talk, request, talk.chat.set_topic(talk.client, talk.room(request.room), request.text, key=request.key))


async def _join(talk: FrameConversation, request: frames.Join) -> None:
    member = talk.chat.join(talk.client, request.room, is_move=True)
    room = room_info(talk.chat, member.room, talk.chat.rooms.last_id_sent(member))
    talk.answer(frames.Joined(room=room, key=request.key))


async def _leave(talk: FrameConversation, request: frames.Leave) -> None:
    await talk.deliver()  # what it said in the room is acknowledged there
    talk.chat.leave(talk.client, talk.room(request.room))
    await departed(talk.context, talk.client)
    talk.answer(frames.Done(key=request.key))


async def _nick(talk: FrameConversation, request: frames.Nick) -> None:
    async with claimed(talk.context, talk.client, request.nick):
        talk.chat.rename(talk.client, request.nick)
    await talk.journal.settled()  # a session is resumed under this nick from now on
    talk.answer(frames.Done(key=request.key))


async def _who(talk: FrameConversation, request: frames.Who) -> None:
    room = talk.room(request.room)
    people = list(itertools.islice(talk.chat.directory.people_in(room), MEMBERS_MAX))
    labels, proven = [it.label for it in people], [it.label for it in people if it.account]
    count = talk.chat.directory.headcount(room)
    talk.answer(frames.Members(room=request.room, count=count, labels=labels, proven=proven, key=request.key))


async def _list_rooms(talk: FrameConversation, request: frames.ListRooms) -> None:
    rooms = [room_info(talk.chat, room) for room in talk.chat.rooms.largest(ROOMS_MAX)]
    talk.answer(frames.RoomList(rooms=rooms, count=len(talk.chat.rooms), key=request.key))


async def _history(talk: FrameConversation, request: frames.History) -> None:
    room = _room_to_read(talk, request.room)
    before, after = await ids_of(talk.journal, request.bounds)
    past = await read_past(
        talk.context,
        talk.client,
        room,
        limit=request.limit + 1,
        before=before,
        after=after,
        without_presence=not request.presence,
    )
    talk.answer(_page(past, request))


def _room_to_read(talk: FrameConversation, name: str) -> str:
    """Return the name of a room that the client is in; `@` and `@NAME` as they are. Raises ChatError."""
    return name if name.startswith(frames.MAILBOX) else talk.room(name).name


async def _search(talk: FrameConversation, request: frames.Search) -> None:
    terms = read_search(request.text, talk.chat.time)
    named = terms.rooms or ((request.room,) if request.room else ())
    rooms = [_room_to_read(talk, name) for name in named] or [room.name for room in talk.client.members]
    before, after = await ids_of(talk.journal, terms.bounds.within(Bounds(before=request.before)))
    searches = talk.context.searches
    found = await search_past(
        talk.context,
        talk.client,
        talk.outlet,
        rooms,
        terms.words,
        limit=request.limit + 1,
        before=before,
        after=after,
        author=terms.author,
    )
    talk.answer(replace(_page(found, request), incomplete=searches.is_incomplete))


async def _ask_stickers(talk: FrameConversation, request: frames.AskStickers) -> None:
    shared = talk.context.stickers
    stickers = [frames.StickerInfo(it.name, it.kind, it.shows, it.aliases, it.alt) for it in shared.stickers]
    talk.answer(frames.StickerList(hash=shared.hash, stickers=stickers, key=request.key))


async def _ask_picture(talk: FrameConversation, request: frames.AskPicture) -> None:
    data = talk.context.stickers.pictures.get(request.name)
    if data is None:
        raise ChatError("no-picture", "this server has no picture of that name")
    text = standard_b64encode(data).decode()
    talk.answer(frames.StickerPicture(name=request.name, data=text, key=request.key))


async def _run_command(talk: FrameConversation, request: frames.RunCommand) -> None:
    """Run a command for which there is no request. What it says is durable before it is answered."""
    match run_for_program(talk.chat, talk.client, request.line, talk.room(request.room)):
        case Posted(receipt, lines):
            for why in (await failures_of([receipt])).values():
                raise ChatError("not-kept", why)
            await talk.deliver()
            talk.answer(frames.CommandOutput(lines=list(lines), key=request.key))
        case TextReply(lines):
            talk.answer(frames.CommandOutput(lines=list(lines), key=request.key))
        case HistoryQuery() as query:
            await _history(talk, frames.history_request(query, key=request.key))
        case SearchQuery() as query:
            text, limit = query.terms.typed, query.limit
            await _search(talk, frames.Search(room=request.room, text=text, limit=limit, key=request.key))
        case NameRequest() as asked:
            await run_name_request(talk, asked, key=request.key)
        case MentionsQuery(limit):
            found = await mentions_of(talk.context, talk.client, talk.outlet, limit)
            talk.answer(_page(found, frames.Search(room=request.room, text="", limit=limit, key=request.key)))
        case LeaveChat():
            talk.is_leaving = True
        case answer:
            assert_never(answer)


async def _ask_challenge(talk: FrameConversation, request: frames.AskChallenge) -> None:
    talk.answer(talk.challenges.renew(request.key))


async def _claim_name(talk: FrameConversation, request: frames.ClaimName) -> None:
    await claim_name(talk, request)


async def _read(talk: FrameConversation, request: frames.Read) -> None:
    read_by(talk.context, talk.client, request.room, request.id)


async def _ignored(talk: FrameConversation, request: frames.Ignored) -> None:
    if not talk.client.account:
        raise ChatError("usage", NEEDS_LOGIN)
    talk.context.memories.note_ignored(talk.client.account, request.names)
    talk.answer(frames.Done(key=request.key))


async def _ping(talk: FrameConversation, request: frames.Ping) -> None:
    talk.answer(frames.Pong(key=request.key))


async def _pong(_talk: FrameConversation, _request: frames.Pong) -> None:
    """Do nothing: whatever is received is a sign of life."""


async def _bye(talk: FrameConversation, _request: frames.Bye) -> None:
    talk.is_leaving = True


async def _hello(_talk: FrameConversation, _request: frames.Hello) -> None:
    raise ChatError("hello-again", "hello was said already")


HANDLERS: Mapping[type[frames.Request], Handler] = MappingProxyType(
    {
        frames.Hello: Handler(_hello),
        frames.Say: Handler(_say, catches_up=False),
        frames.Act: Handler(_act, catches_up=False),
        frames.Tell: Handler(_tell, catches_up=False),
        frames.Topic: Handler(_topic, catches_up=False),
        frames.Join: Handler(_join),
        frames.Leave: Handler(_leave),
        frames.Nick: Handler(_nick),
        frames.Who: Handler(_who),
        frames.ListRooms: Handler(_list_rooms),
        frames.History: Handler(_history),
        frames.Search: Handler(_search),
        frames.AskStickers: Handler(_ask_stickers, is_typed=False),
        frames.AskPicture: Handler(_ask_picture, is_typed=False),
        frames.RunCommand: Handler(_run_command),
        frames.AskChallenge: Handler(_ask_challenge),
        frames.ClaimName: Handler(_claim_name),
        frames.Read: Handler(_read, is_typed=False, catches_up=False),
        frames.Ignored: Handler(_ignored),
        frames.Ping: Handler(_ping, catches_up=False),
        frames.Pong: Handler(_pong, is_typed=False, catches_up=False),
        frames.Bye: Handler(_bye),
    }
)


def price_of(client: Client, request: frames.AnyRequest | FrameFault) -> int:
    """Return the number of lines that a frame counts for: as many as the command that does the same."""
    match request:
        case FrameFault():
            return 1
        case frames.RunCommand(line=line):
            return price_of_line(client, read_line(line))
        case frames.Say(lines=lines):
            extent = Extent(lines=len(lines))
        case frames.History(limit=entries) | frames.Search(limit=entries):
            extent = Extent(entries=entries)
        case _:
            extent = Extent(rooms=len(client.members), moves=1)
    return REQUEST_PRICES[str(request.__struct_config__.tag)].of(extent)


def _spoken(talk: FrameConversation, request: Speech, receipt: Receipt | None) -> None:
    """Keep the receipt of a request that was posted. Its entry bears the key of the request."""
    if receipt is None:
        raise ChatError("empty", "nothing readable is left of that")
    talk.posted.append((receipt, request))


def _page(past: Sequence[Past], request: frames.History | frames.Search) -> frames.Page:
    """Fill a page from its near end. One entry more than asked for was read, to see whether there is more."""
    is_forward = isinstance(request, frames.History) and request.bounds.is_forward
    nearest_first = past if is_forward else past[::-1]
    sizes = itertools.accumulate(len(it.draft.text) if isinstance(it, Entry) else 0 for it in nearest_first)
    fitting = sum(size <= PAGE_CHARS for size in sizes)
    page = nearest_first[: min(request.limit, fitting)]
    oldest_first = page if is_forward else page[::-1]
    return frames.Page(
        entries=[frames.said(it) for it in oldest_first if isinstance(it, Entry)],
        damaged=[it.id for it in oldest_first if isinstance(it, Damaged)],
        more=len(page) < len(past),
        key=request.key,
    )
