"""The welcome in frames: an admitted client gets its nick, its rooms, and the entries that it missed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from trio_chat import __version__
from trio_chat.chat.accounts.account import AccountMemory
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.room import Room
from trio_chat.server.sessions.arrivals import Arrival
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.handshake import Admitted, wants_rename
from trio_chat.server.sessions.news import news_of
from trio_chat.server.sessions.nick_claims import claimed
from trio_chat.server.sessions.replay import Replay
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire import frames


async def welcome(
    context: SessionContext, outlet: PeerOutlet, admitted: Admitted, *, wait: Callable[[float], Awaitable[None]]
) -> None:
    """Join the rooms that `hello` names, write the `welcome`, and replay missed entries.

    `wait` waits for some seconds, and raises trio.BrokenResourceError where the connection breaks. Raises ChatError
    where the client needs a nick that it cannot have; then it has joined no room.
    """
    client, hello = admitted.client, admitted.hello
    if wants_rename(client, hello):
        await _try_nick(context, outlet, admitted)
    replay = Replay(context, client, outlet, since=hello.since, epoch=hello.epoch, wait=wait)
    replay.add(context.chat.rooms.open_mailbox(client))
    memory = _memory_of(context, admitted)
    remembered = memory.rooms if memory and hello.remembered else ()
    for name in dict.fromkeys((*remembered, *hello.rooms)):
        try:
            context.chat.join(client, name, is_move=admitted.is_resumed)
        except ChatError as error:
            _answer(outlet, frames.Error(code=error.code, text=error.text))
    for member in client.members.values():  # also the rooms that it was in before, whether named again or not
        replay.add(member)
    # A client that was welcomed can resume after any crash; and nothing may be sent to it before its welcome.
    with context.pump.paused(client):
        if not context.journal.fault:  # else nobody could connect while nothing can be kept
            await context.journal.settled()
    end = replay.last_id_sent(context.chat.rooms.open_mailbox(client))  # newer private messages come by themselves
    _answer(outlet, _welcome(context, admitted, replay, memory))
    await replay.run()
    if admitted.arrival:
        await tell_news(context, client, outlet, replace(admitted.arrival, last_id=end))


async def tell_news(context: SessionContext, client: Client, outlet: PeerOutlet, arrival: Arrival) -> None:
    """Write what is new to a member who has come back. Raises trio.BrokenResourceError."""
    if arrival.memory is None:
        return
    news = await news_of(context, client, outlet, arrival.memory, arrival.last_id)
    rooms = {room: frames.RoomNews(*counts) for room, counts in news.rooms.items()}
    _answer(outlet, frames.News(rooms=rooms, waiting=news.waiting))


def room_info(chat: Chat, room: Room, last_id: int | None = None) -> frames.RoomInfo:
    """Describe a room as it is now. `last_id` is, for a member, the id of the newest entry already sent to it."""
    newest = chat.rooms.last_id if last_id is None else last_id
    return frames.RoomInfo(name=room.name, topic=room.topic, members=chat.directory.headcount(room), last_id=newest)


async def _try_nick(context: SessionContext, outlet: PeerOutlet, admitted: Admitted) -> None:
    """Take the nick of `hello`, or answer why not. Raises ChatError where it is not available and needed."""
    try:
        async with claimed(context, admitted.client, admitted.hello.nick or ""):
            context.chat.rename(admitted.client, admitted.hello.nick or "")
    except ChatError as error:
        # A muted client keeps the nick that it has: refused, it could not even listen.
        if admitted.hello.needs_nick and error.code != "muted":
            raise
        _answer(outlet, frames.Error(code=error.code, text=error.text))


def _welcome(
    context: SessionContext, admitted: Admitted, replay: Replay, memory: AccountMemory | None
) -> frames.Welcome:
    chat, client = context.chat, admitted.client
    return frames.Welcome(
        protocol=frames.PROTOCOL,
        epoch=context.journal.epoch,
        server=f"trio-chat {__version__}",
        you=frames.You(id=client.id, label=client.label, address=client.peer, account=client.account),
        resumed=admitted.is_resumed,
        rooms=[room_info(chat, member.room, replay.last_id_sent(member)) for member in client.members.values()],
        last_id=replay.last_id_sent(chat.rooms.open_mailbox(client)),
        limits=frames.Limits(rooms=min(chat.rules.rooms_per_client, frames.ROOMS_LIMIT), lines=frames.LINES_LIMIT),
        member=member_of(memory) if memory else None,
        stickers=context.stickers.hash,
        key=admitted.hello.key,
    )


def _memory_of(context: SessionContext, admitted: Admitted) -> AccountMemory | None:
    if admitted.arrival:
        return admitted.arrival.memory
    live = context.memories.of(admitted.client.account)
    return live.now if live else None


def member_of(memory: AccountMemory) -> frames.MemberMemory:
    """Describe what the server remembers of a member."""
    marks = {room: frames.Mark(mark.id, mark.time) for room, mark in memory.marks.items()}
    return frames.MemberMemory(rooms=list(memory.rooms), ignored=list(memory.ignored), marks=marks)


def _answer(outlet: PeerOutlet, reply: frames.Frame) -> None:
    outlet.write(frames.encode(reply))
