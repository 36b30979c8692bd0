"""What a person can type: one table of commands, each with its usage and help, and what a typed line comes to.

A command decides and returns an answer; it does not wait and prints nothing. `/help` and the README are made from the
table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import msgspec

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, Receipt
from trio_chat.chat.text import clean
from trio_chat.chat.wording import (
    HISTORY_DEFAULT,
    IN_LOBBY_ALREADY,
    ROOMS_MAX,
    SAY_WHAT_TO_LOOK_FOR,
    SAY_WHAT_YOU_DO,
    SAY_WHICH_ROOM,
    SAY_WHOM_AND_WHAT,
    help_rows,
    lines_wanted,
    notice,
    rooms_there_are,
    told_to,
    topic_of,
    topic_wanted,
    unknown_command,
    where_you_are,
    who_is_here,
    who_you_are,
)

HISTORY_MAX = 1000


class Posted(msgspec.Struct, frozen=True):
    """Something was said; the receipt tells when it is kept.

    `lines` are for the one who said it and printed at once, `once_kept` when it is durable.
    """

    receipt: Receipt
    lines: tuple[str, ...] = ()
    once_kept: tuple[str, ...] = ()


class TextReply(msgspec.Struct, frozen=True):
    """Lines for the one who asked, printed as they are."""

    lines: tuple[str, ...] = ()


class HistoryQuery(msgspec.Struct, frozen=True):
    """The last `limit` entries of a room, for the one who asked."""

    room: str
    limit: int


class SearchQuery(msgspec.Struct, frozen=True):
    """Entries of a room that hold all the words, for the one who asked."""

    room: str
    words: str


class LeaveChat(msgspec.Struct, frozen=True):
    """The one who asked wants to go."""


Answer = Posted | TextReply | HistoryQuery | SearchQuery | LeaveChat


class Effect(StrEnum):
    """What a command does. One that says something answers with what is there already where no text is given."""

    SAYS = "says"
    """Says something in the room, to everyone there."""
    TELLS = "tells"
    """Says something to one person alone."""
    CHANGES = "changes"
    """Changes who or where the client is."""
    ASKS = "asks"
    """Answers whoever typed it, and does nothing else."""


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    name: str
    usage: str
    help: str
    run: Callable[[Chat, Client, str], Answer]
    effect: Effect
    cost: int = 1
    """How many lines it counts for where clients are slowed down."""


def cost_of(line: str) -> int:
    """How many lines a typed line counts for."""
    command = _command_in(line)
    return command.cost if command else 1


def asks(line: str) -> bool:
    """Whether what is answered to a typed line depends on what was said before it."""
    command = _command_in(line)
    if command is None or command.effect is Effect.TELLS:
        return False
    return command.effect is not Effect.SAYS or " " not in line.strip()


def obey(chat: Chat, client: Client, line: str) -> Answer:
    """Do what a typed line asks for. Raises ChatError with a sentence for the one who typed it."""
    if not line.startswith(("/", "quit()")):
        return _posted(chat.say(client, chat.current_room(client), line))
    if line.rstrip() == "quit()":
        return LeaveChat()
    if not line.startswith("/") or line.startswith("//"):
        return _posted(chat.say(client, chat.current_room(client), line.removeprefix("/")))
    name, _, argument = line[1:].strip().partition(" ")
    command = _command_in(line)
    if command is None:
        raise ChatError("unknown-command", unknown_command(clean(name), COMMANDS))
    return command.run(chat, client, argument.strip())


def _command_in(line: str) -> Command | None:
    if not line.startswith("/"):
        return None
    return COMMANDS.get(line[1:].strip().partition(" ")[0].lower())


def _posted(receipt: Receipt | None) -> Answer:
    return Posted(receipt) if receipt else TextReply()


def _notice(text: str) -> TextReply:
    return TextReply((notice(text),))


def _help(_chat: Chat, _client: Client, _argument: str) -> Answer:
    rows = [(f"/{command.name} {command.usage}".rstrip(), command.help) for command in COMMANDS.values()]
    return TextReply(tuple(help_rows(rows)))


def _who(chat: Chat, client: Client, _argument: str) -> Answer:
    room = chat.current_room(client)
    labels = ((member.label, member is client) for member in room.members)
    return _notice(who_is_here(room.name, len(room.members), labels))


def _nick(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", who_you_are(client.label))
    receipt = chat.rename(client, argument)
    answer = _notice(f"you are [{client.label}] now")  # it holds from now on; the others' notice is not for oneself
    return Posted(receipt, answer.lines) if receipt else answer


def _me(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", SAY_WHAT_YOU_DO)
    return _posted(chat.act(client, chat.current_room(client), argument))


def _join(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", SAY_WHICH_ROOM)
    room = chat.switch(client, argument)
    return _notice(where_you_are(room.name, room.topic))


def _leave(chat: Chat, client: Client, _argument: str) -> Answer:
    if chat.current_room(client).name == LOBBY:
        raise ChatError("usage", IN_LOBBY_ALREADY)
    return _join(chat, client, LOBBY)


def _rooms(chat: Chat, _client: Client, _argument: str) -> Answer:
    rooms = [(room.name, len(room.members), room.topic) for room in chat.rooms.largest(ROOMS_MAX)]
    return TextReply(tuple(rooms_there_are(rooms, len(chat.rooms))))


def _topic(chat: Chat, client: Client, argument: str) -> Answer:
    room = chat.current_room(client)
    if argument:
        return Posted(chat.set_topic(client, room, topic_wanted(argument)))
    return _notice(topic_of(room.name, room.topic))


def _msg(chat: Chat, client: Client, argument: str) -> Answer:
    label, _, text = argument.partition(" ")
    if not text.strip():
        raise ChatError("usage", SAY_WHOM_AND_WHAT)
    other = chat.known_as(label.removeprefix("[").removesuffix("]"))
    receipt = chat.tell(client, other.label, text.strip())
    return Posted(receipt, once_kept=(notice(told_to(other.label, clean(text).strip())),)) if receipt else TextReply()


def _search(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", SAY_WHAT_TO_LOOK_FOR)
    return SearchQuery(chat.current_room(client).name, argument)


def _history(chat: Chat, client: Client, argument: str) -> Answer:
    return HistoryQuery(chat.current_room(client).name, lines_wanted(argument, HISTORY_MAX))


def _quit(_chat: Chat, _client: Client, _argument: str) -> Answer:
    return LeaveChat()


COMMANDS = MappingProxyType(
    {
        command.name: command
        for command in (
            Command("help", "", "list what there is", _help, Effect.ASKS),
            Command("who", "", "show who is here", _who, Effect.ASKS, cost=5),
            Command("nick", "NAME", "take a name: letters, digits, - and _, at most 24", _nick, Effect.CHANGES),
            Command("me", "TEXT", "say what you do: * [alice] waves", _me, Effect.SAYS),
            Command("msg", "NICK TEXT", "say something to one person alone", _msg, Effect.TELLS),
            Command("join", "ROOM", "go to another room; it is made if it is not there", _join, Effect.CHANGES),
            Command("leave", "", "go back to #lobby", _leave, Effect.CHANGES),
            Command("rooms", "", "list the rooms, how many are in each, and their topics", _rooms, Effect.ASKS, cost=5),
            Command("topic", "[TEXT]", "show what this room is about, or set it; - clears it", _topic, Effect.SAYS),
            Command("history", "[N]", f"show the last {HISTORY_DEFAULT} lines, or N", _history, Effect.ASKS, cost=5),
            Command("search", "WORDS", "find lines of this room that hold all the words", _search, Effect.ASKS, cost=5),
            Command("quit", "", "leave; so does quit()", _quit, Effect.CHANGES),
        )
    }
)
