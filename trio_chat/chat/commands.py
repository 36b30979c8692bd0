"""What a person can type: one table of commands, each with its usage and help, and what a typed line comes to.

A command decides and returns an answer; it does not wait and prints nothing. `/help` and the README are made from the
table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, Receipt
from trio_chat.chat.text import clean

HISTORY_DEFAULT = 20
HISTORY_MAX = 1000
ROOMS_MAX = 200
WHO_MAX = 200
"""Names that `/who` prints: ten thousand of them would help nobody."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Something was said; the receipt tells when it is kept."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Reply:
    """Lines for the one who asked, printed as they are."""

    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recall:
    """The last `limit` entries of a room, for the one who asked."""

    room: str
    limit: int


@dataclass(frozen=True, slots=True)
class Search:
    """Entries of a room that hold all the words, for the one who asked."""

    room: str
    words: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The one who asked wants to go."""


Answer = Posted | Reply | Recall | Search | Leave


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    name: str
    usage: str
    help: str
    run: Callable[[Chat, Client, str], Answer]
    cost: int = 1
    """How many lines it counts for where clients are slowed down."""


def cost_of(line: str) -> int:
    """How many lines a typed line counts for."""
    command = _command_in(line)
    return command.cost if command else 1


def obey(chat: Chat, client: Client, line: str) -> Answer:
    """Do what a typed line asks for. Raises ChatError with a sentence for the one who typed it."""
    if line.rstrip() == "quit()":
        return Leave()
    if not line.startswith("/"):
        return _posted(chat.say(client, chat.current_room(client), line))
    if line.startswith("//"):
        return _posted(chat.say(client, chat.current_room(client), line[1:]))
    name, _, argument = line[1:].strip().partition(" ")
    command = _command_in(line)
    if command is None:
        raise ChatError("unknown-command", f"unknown command /{clean(name)[:32]}: /help lists what there is")
    return command.run(chat, client, argument.strip())


def _command_in(line: str) -> Command | None:
    if not line.startswith("/"):
        return None
    return COMMANDS.get(line[1:].strip().partition(" ")[0].lower())


def _posted(receipt: Receipt | None) -> Answer:
    return Posted(receipt) if receipt else Reply()


def _notice(text: str) -> Reply:
    return Reply((f"*** {text} ***",))


def _help(_chat: Chat, _client: Client, _argument: str) -> Answer:
    rows = [(f"/{command.name} {command.usage}".rstrip(), command.help) for command in COMMANDS.values()]
    rows.append(("//TEXT", "say a line that begins with /"))
    width = max(len(usage) for usage, _ in rows)
    return Reply(tuple(f"  {usage:<{width}}  {text}" for usage, text in rows))


def _who(chat: Chat, client: Client, _argument: str) -> Answer:
    room = chat.current_room(client)
    members = list(room.members)
    shown = [f"[{member.label}]" + (" (you)" if member is client else "") for member in members[:WHO_MAX]]
    more = f" and {len(members) - WHO_MAX} more" if len(members) > WHO_MAX else ""
    return _notice(f"{len(members)} in #{room.name}: {', '.join(shown)}{more}")


def _nick(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", f"you are [{client.label}]; /nick NAME changes that")
    return _posted(chat.rename(client, argument))


def _me(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", "say what you do: /me TEXT")
    return _posted(chat.act(client, chat.current_room(client), argument))


def _join(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", "say which room: /join ROOM")
    room = chat.switch(client, argument)
    topic = f": {room.topic}" if room.topic else ""
    return _notice(f"you are in #{room.name}{topic}")


def _leave(chat: Chat, client: Client, _argument: str) -> Answer:
    if chat.current_room(client).name == LOBBY:
        raise ChatError("usage", "you are in #lobby already; /quit leaves the chat")
    return _join(chat, client, LOBBY)


def _rooms(chat: Chat, _client: Client, _argument: str) -> Answer:
    rooms = sorted(chat.rooms, key=lambda room: (-len(room.members), room.name))
    rows = [(f"#{room.name}", str(len(room.members)), room.topic) for room in rooms[:ROOMS_MAX]]
    width = max(len(name) for name, _, _ in rows)
    lines = [f"  {name:<{width}}  {members:>5}  {topic}".rstrip() for name, members, topic in rows]
    if len(rooms) > ROOMS_MAX:
        lines.append(f"  and {len(rooms) - ROOMS_MAX} more")
    return Reply(tuple(lines))


def _topic(chat: Chat, client: Client, argument: str) -> Answer:
    room = chat.current_room(client)
    if argument:
        return Posted(chat.set_topic(client, room, argument))
    return _notice(f"the topic of #{room.name}: {room.topic}" if room.topic else f"#{room.name} has no topic")


def _msg(chat: Chat, client: Client, argument: str) -> Answer:
    label, _, text = argument.partition(" ")
    if not text.strip():
        raise ChatError("usage", "say whom you mean, and what: /msg NICK TEXT")
    return _posted(chat.tell(client, label.removeprefix("[").removesuffix("]"), text.strip()))


def _search(chat: Chat, client: Client, argument: str) -> Answer:
    if not argument:
        raise ChatError("usage", "say what to look for: /search WORDS")
    return Search(chat.current_room(client).name, argument)


def _history(chat: Chat, client: Client, argument: str) -> Answer:
    room = chat.current_room(client)
    if not argument:
        return Recall(room.name, HISTORY_DEFAULT)
    if not (argument.isascii() and argument.isdigit() and len(argument) < 10 and int(argument) > 0):
        raise ChatError("usage", f"expected a number of lines: /history N, at most {HISTORY_MAX}")
    return Recall(room.name, min(int(argument), HISTORY_MAX))


def _quit(_chat: Chat, _client: Client, _argument: str) -> Answer:
    return Leave()


COMMANDS = MappingProxyType(
    {
        command.name: command
        for command in (
            Command("help", "", "list what there is", _help),
            Command("who", "", "show who is here", _who, cost=5),
            Command("nick", "NAME", "take a name: letters, digits, - and _, at most 24", _nick),
            Command("me", "TEXT", "say what you do: * [alice] waves", _me),
            Command("msg", "NICK TEXT", "say something to one person alone", _msg),
            Command("join", "ROOM", "go to another room; it is made if it is not there", _join),
            Command("leave", "", "go back to #lobby", _leave),
            Command("rooms", "", "list the rooms, how many are in each, and their topics", _rooms),
            Command("topic", "[TEXT]", "show what this room is about, or set it", _topic),
            Command("history", "[N]", f"show the last {HISTORY_DEFAULT} lines, or N", _history, cost=5),
            Command("search", "WORDS", "find lines of this room that hold all the words", _search, cost=5),
            Command("quit", "", "leave; so does quit()", _quit),
        )
    }
)
