"""Interpretation of a line typed at our client: a message, a question to the server, or a local command. Pure."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from types import MappingProxyType

from msgspec import Struct

from trio_chat.chat.answers import HistoryQuery
from trio_chat.chat.command_table import Command, Effect, parse, refuse_hidden, table_of
from trio_chat.chat.commands import COMMANDS as COMMANDS_OF_CHAT
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, MARK
from trio_chat.chat.history_argument import range_wanted
from trio_chat.chat.nicks import bare_name
from trio_chat.chat.search_query import read_search, with_instants
from trio_chat.chat.typed_line import read_line
from trio_chat.chat.wording import IN_LOBBY_ALREADY, help_rows, topic_wanted
from trio_chat.client.link.events import Message, Question
from trio_chat.client.link.names import room_name
from trio_chat.wire import frames

LINE_MAX = 2 * frames.TEXT_LIMIT
"""Characters of a typed line: a message, a command before it, and characters that cleaning removes."""

TOO_LONG = f"line too long: at most {frames.TEXT_LIMIT} characters; it was not sent"

NOBODY_WROTE = "nobody has sent you a private message yet"


class Local(Enum):
    """Local commands, which need no server."""

    HELP = auto()
    STICKERS = auto()
    TOPIC = auto()
    NICK = auto()
    QUIT = auto()
    CANCEL = auto()
    ADD_KEY = auto()


class Ignore(Struct, frozen=True):
    """Ignore what somebody says, or no longer; without a name, list who is ignored."""

    name: str
    is_over: bool = False


class MuteRoom(Struct, frozen=True):
    """Mute a room, or no longer: only what calls the person counts there."""

    room: str
    is_over: bool = False


class LogIn(Struct, frozen=True):
    """Take a name by a key; with the code of an `invite`, make the present one our own."""

    name: str = ""
    invite: str = ""

    def __repr__(self) -> str:
        """Show no secret."""
        return f"LogIn({self.name!r})"


class CommandHelp(Struct, frozen=True):
    """Show the help of one command."""

    name: str


CommandMeaning = Question | Local | Ignore | MuteRoom | LogIn | CommandHelp
Meaning = Message | CommandMeaning


class TypedCommand(Struct, frozen=True):
    """A command that was typed in a room, at the time `now`. `limit` is that of its row."""

    room: str
    argument: str
    limit: int
    line: str
    now: float


Interpret = Callable[[TypedCommand], Meaning]


def meaning_of(line: str, room: str, now: float) -> Meaning:
    """Return the meaning of a line typed in `room`. Raises ChatError with a sentence for the person.

    `now` is in seconds since 1970: the day and the zone of the times that they type are those of their machine.
    """
    if len(line) > LINE_MAX:
        raise ChatError("usage", TOO_LONG)
    refuse_hidden(line, COMMANDS.values())
    typed = read_line(line)
    if typed.is_quit:
        return Local.QUIT
    if not typed.command:
        return frames.Say(room=room, text=typed.text)
    command, argument = parse(typed.command, COMMANDS, ELSEWHERE)
    return command.run(TypedCommand(room, argument, command.limit, typed.command, now))


def _help(it: TypedCommand) -> Meaning:
    name = it.argument.removeprefix("/").lower()
    if name and name not in COMMANDS:
        parse(f"/{name}", COMMANDS, ELSEWHERE)  # which says what there is in its place
    return CommandHelp(name) if name else Local.HELP


def _me(it: TypedCommand) -> Meaning:
    return frames.Act(room=it.room, text=it.argument)


def _msg(it: TypedCommand) -> Meaning:
    label, text = it.argument.split(maxsplit=1)
    return frames.Tell(to=(bare_label(label) or label)[:64], text=text.strip())


def _join(it: TypedCommand) -> Meaning:
    return frames.Join(room=it.argument[:64])


def _leave(it: TypedCommand) -> Meaning:
    room = room_name(it.argument[:64]) if it.argument else it.room
    if room == it.room == LOBBY:
        raise ChatError("usage", IN_LOBBY_ALREADY)
    return frames.Leave(room=room)


def _topic(it: TypedCommand) -> Meaning:
    return frames.Topic(room=it.room, text=topic_wanted(it.argument)) if it.argument else Local.TOPIC


def _nick(it: TypedCommand) -> Meaning:
    return frames.Nick(nick=it.argument) if it.argument else Local.NICK


def _who(it: TypedCommand) -> Meaning:
    return frames.Who(room=it.room)


def _rooms(_it: TypedCommand) -> Meaning:
    return frames.ListRooms()


def _search(it: TypedCommand) -> Meaning:
    read_search(it.argument, it.now)  # a mistake is told at once
    return frames.Search(room=it.room, text=with_instants(it.argument, it.now), limit=it.limit)


def _history(it: TypedCommand) -> Meaning:
    first, *rest = it.argument.split(maxsplit=1) or [""]
    if first.startswith(frames.MAILBOX) and len(first) > 1:  # one's own conversation with somebody
        room, argument = f"{frames.MAILBOX}{bare_label(first[1:])}"[:64], rest[0] if rest else ""
    else:
        room, argument = it.room, it.argument
    wanted = range_wanted(argument, it.limit, it.now)
    return frames.history_request(HistoryQuery(room, wanted.limit, wanted.bounds))


def _reply(it: TypedCommand) -> Meaning:
    raise ChatError("usage", NOBODY_WROTE)


def _ignore(it: TypedCommand) -> Meaning:
    return Ignore(bare_label(it.argument))


def _unignore(it: TypedCommand) -> Meaning:
    return Ignore(bare_label(it.argument) or it.argument, is_over=True)


def _mute(it: TypedCommand) -> Meaning:
    return MuteRoom(room_name(it.argument[:64]) if it.argument else it.room)


def _unmute(it: TypedCommand) -> Meaning:
    return MuteRoom(room_name(it.argument[:64]) if it.argument else it.room, is_over=True)


def _register(it: TypedCommand) -> Meaning:
    return _for_server(it) if it.argument else frames.ClaimName(proof=frames.Proof())


def _login(it: TypedCommand) -> Meaning:
    return _for_server(it) if " " in it.argument else LogIn(bare_label(it.argument))


def _invite(it: TypedCommand) -> Meaning:
    return LogIn(invite=it.argument)


def _key(it: TypedCommand) -> Meaning:
    return Local.ADD_KEY if it.argument.lower() == "add" else _for_server(it)


def bare_label(label: str) -> str:
    """Return a name without its brackets and its mark."""
    return bare_name(label).removesuffix(MARK)


def _for_server(it: TypedCommand) -> Meaning:
    if len(it.line) > frames.TEXT_LIMIT:
        raise ChatError("usage", TOO_LONG)
    return frames.RunCommand(room=it.room, line=it.line)


def help_of(name: str) -> str:
    """Return the help of one command."""
    return f"{COMMANDS[name].title}  {COMMANDS[name].help}"


def help_lines(keys: Iterable[tuple[str, str]] = (), *, columns: int | None = None) -> list[str]:
    """List the commands of the chat and our own, and the `keys` of a view with their effects, for so many columns."""
    return help_rows([*((command.title, command.help) for command in COMMANDS.values()), *keys], columns or 80)


CLIENT_COMMANDS: Mapping[str, Command[Interpret]] = table_of(
    (
        Command(
            "reply",
            "TEXT",
            "answer the last person who wrote to you in private",
            _reply,
            Effect.TELLS,
            missing="a text",
        ),
        Command(
            "ignore",
            "[NICK]",
            "hide everything that somebody says, or list whom you ignore",
            _ignore,
            Effect.ASKS,
        ),
        Command(
            "unignore",
            "NICK",
            "show it again",
            _unignore,
            Effect.ASKS,
            missing="a nick",
        ),
        Command(
            "mute",
            "[ROOM]",
            "count and show only mentions in a room that you are not looking at",
            _mute,
            Effect.ASKS,
        ),
        Command(
            "unmute",
            "[ROOM]",
            "count and show everything there again",
            _unmute,
            Effect.ASKS,
        ),
        Command(
            "cancel",
            "",
            "take back lines that wait to be sent",
            lambda _it: Local.CANCEL,
            Effect.CHANGES,
        ),
    )
)
"""The commands that only our client has."""

_INTERPRETATIONS: Mapping[str, Interpret] = MappingProxyType(
    {
        "help": _help,
        "history": _history,
        "invite": _invite,
        "join": _join,
        "key": _key,
        "leave": _leave,
        "login": _login,
        "me": _me,
        "msg": _msg,
        "nick": _nick,
        "quit": lambda _it: Local.QUIT,
        "register": _register,
        "rooms": _rooms,
        "stickers": lambda _it: Local.STICKERS,
        "search": _search,
        "topic": _topic,
        "who": _who,
    }
)
"""The interpretations of those commands of the chat that have a request, or use a key. The server runs all others."""

_SWITCH_ROOMS = "/join ROOM goes to another room; in the full screen, so do Alt-1 to Alt-9 and Alt-a"

ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "away": "nobody has to say /away: a line shows you where you stopped reading, and private messages wait",
        "back": "nobody has to say /back: you are here as long as your client runs",
        "clear": "line by line, Ctrl-L clears the screen; in the full screen, Esc goes to the newest",
        "window": _SWITCH_ROOMS,
        "win": _SWITCH_ROOMS,
        "buffer": _SWITCH_ROOMS,
        "connect": "this client is at one server at a time: `trio-chat join HOST` in another window joins another",
        "server": "this client is at one server at a time: `trio-chat join HOST` in another window joins another",
        "set": "the settings are in client.toml and in the options of `trio-chat join --help`",
        "notify": "a mention rings the bell; /mute ROOM keeps a room quiet",
        "hilight": "--highlight WORD, or `highlight` in client.toml, has the words that count as a mention",
    }
)
"""Answers to commands of other clients that have no counterpart here."""

_CLIENT_HELP: Mapping[str, str] = MappingProxyType(
    {"register": "keep the name that you have: this client has a key for it, and asks no password"}
)
"""The help of those commands of the chat that do something else here than over `nc`."""

COMMANDS: Mapping[str, Command[Interpret]] = table_of(
    (
        *(
            dataclasses.replace(
                command.bound_to(_INTERPRETATIONS.get(name, _for_server)), help=_CLIENT_HELP.get(name, command.help)
            )
            for name, command in COMMANDS_OF_CHAT.items()
        ),
        *CLIENT_COMMANDS.values(),
    )
)
