"""Interpretation of a line typed at our client: a message, a question to the server, or a local command. Pure."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum, auto
from itertools import groupby
from types import MappingProxyType

from msgspec import Struct

from trio_chat.chat.answers import HistoryQuery
from trio_chat.chat.command_table import Command, Effect, argument_in, command_in, parse, refuse_hidden, table_of
from trio_chat.chat.commands import COMMANDS as COMMANDS_OF_CHAT
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, MARK
from trio_chat.chat.history_argument import range_wanted
from trio_chat.chat.nicks import bare_name
from trio_chat.chat.search_query import read_search, with_instants
from trio_chat.chat.typed_line import read_line
from trio_chat.chat.wording import IN_LOBBY_ALREADY, help_rows, topic_wanted
from trio_chat.client.link.events import Message, Question, lines_of
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


class HelpWith(Struct, frozen=True):
    """Show the help of one command."""

    name: str


Meaning = Message | Question | Local | Ignore | MuteRoom | LogIn | HelpWith


class TypedCommand(Struct, frozen=True):
    """A command that was typed in a room, at the time `now`. `limit` is that of its row."""

    room: str
    argument: str
    limit: int
    line: str
    now: float


Interpret = Callable[[TypedCommand], Meaning]


def meaning_of(line: str, room: str, now: float) -> Meaning:
    """Tell what a line means to somebody whose current room is `room`. Raises ChatError with a sentence for them.

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
    return HelpWith(name) if name else Local.HELP


def _me(it: TypedCommand) -> Meaning:
    return frames.Act(room=it.room, text=it.argument)


def _msg(it: TypedCommand) -> Meaning:
    label, text = it.argument.split(maxsplit=1)
    return frames.Tell(to=(_bare(label) or label)[:64], text=text.strip())


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
        room, argument = f"{frames.MAILBOX}{_bare(first[1:])}"[:64], rest[0] if rest else ""
    else:
        room, argument = it.room, it.argument
    wanted = range_wanted(argument, it.limit, it.now)
    return frames.history_request(HistoryQuery(room, wanted.limit, wanted.bounds))


def _reply(it: TypedCommand) -> Meaning:
    raise ChatError("usage", NOBODY_WROTE)


def _ignore(it: TypedCommand) -> Meaning:
    return Ignore(_bare(it.argument))


def _unignore(it: TypedCommand) -> Meaning:
    return Ignore(_bare(it.argument) or it.argument, is_over=True)


def _mute(it: TypedCommand) -> Meaning:
    return MuteRoom(room_name(it.argument[:64]) if it.argument else it.room)


def _unmute(it: TypedCommand) -> Meaning:
    return MuteRoom(room_name(it.argument[:64]) if it.argument else it.room, is_over=True)


def _register(it: TypedCommand) -> Meaning:
    return _for_server(it) if it.argument else frames.ClaimName(proof=frames.Proof())


def _login(it: TypedCommand) -> Meaning:
    return _for_server(it) if " " in it.argument else LogIn(_bare(it.argument))


def _invite(it: TypedCommand) -> Meaning:
    return LogIn(invite=it.argument)


def _key(it: TypedCommand) -> Meaning:
    return Local.ADD_KEY if it.argument.lower() == "add" else _for_server(it)


def _bare(label: str) -> str:
    return bare_name(label).removesuffix(MARK)


def _for_server(it: TypedCommand) -> Meaning:
    if len(it.line) > frames.TEXT_LIMIT:
        raise ChatError("usage", TOO_LONG)
    return frames.RunCommand(room=it.room, line=it.line)


def written_out(line: str, writer: str) -> str:
    """Expand `/reply` to `/msg` with the name of the `writer`, if there is one."""
    if len(line) > LINE_MAX:
        return line
    typed = read_line(line)
    command, text = command_in(typed, COMMANDS), argument_in(typed)
    if command is None or command.name != "reply" or not writer or not text:
        return line
    return f"/msg {writer} {text}"


def person_addressed(line: str) -> str:
    """Return the name in a `/msg` that has no text, in whatever chat it is called so; empty for any other line."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    name, _, argument = typed.command[1:].partition(" ") if typed else ("", "", "")
    msg = COMMANDS["msg"]
    if name.lower() not in (msg.name, *msg.synonyms) or len(argument.split()) != 1:
        return ""
    return _bare(argument.strip())[:64]


def is_bare(line: str, name: str) -> bool:
    """Tell whether a line is the command of that name, without an argument."""
    typed = read_line(line) if len(line) <= LINE_MAX else None
    command = command_in(typed, COMMANDS) if typed else None
    return typed is not None and command is not None and command.name == name and not argument_in(typed)


def searched(line: str) -> str:
    """Return the words of a `/search`; empty for any other line."""
    typed = read_line(line) if len(line) <= LINE_MAX else None
    command = command_in(typed, COMMANDS) if typed else None
    return argument_in(typed) if typed and command and command.name == "search" else ""


def privately(line: str, person: str) -> str:
    """Return a command typed in the private conversation with somebody, as one that is about that conversation.

    Nothing that is typed there is said in a room, which the person does not see then: raises ChatError for a command
    that can do nothing else.
    """
    typed = read_line(line) if len(line) <= LINE_MAX else None
    command = command_in(typed, COMMANDS) if typed else None
    if typed is None or command is None:
        return line
    argument = argument_in(typed)
    match command.name:
        case "me" if argument:
            return f"/msg {person} * {argument}"
        case "history" if not argument.startswith(frames.MAILBOX):
            return f"/history {frames.MAILBOX}{person} {argument}".rstrip()
        case "mute" | "unmute" if not argument:
            raise ChatError("usage", f"/{command.name} is for rooms: /{command.name} ROOM; nothing was changed")
    if command.effect is Effect.SAYS and (argument or not (command.asks_when_bare or command.missing)):
        raise ChatError(
            "usage", f"/{command.name} is for rooms, and {person} is none: go to the room; nothing was sent"
        )
    return line


def typed_form(message: Message) -> str:
    """Return the line that one types to send a message."""
    match message:
        case frames.Say(lines=[]):
            text = message.text or ""
            return f"/{text}" if read_line(text).command else text
        case frames.Say(lines=lines):
            return "\n".join(lines)
        case frames.Act(text=text):
            return f"/me {text}"
        case frames.Tell(to=to, text=text):
            return f"/msg {to} {text}"
        case frames.Topic(text=text):
            return f"/topic {text}"


def drafts_of(messages: Iterable[Message]) -> Iterator[tuple[list[Message], str]]:
    """Yield messages with the draft that sends them again: one for texts in a row in one room, else one each."""
    for text_room, group in groupby(messages, lambda it: it.room if isinstance(it, frames.Say) else None):
        some = list(group)
        lines = [line for message in some for line in lines_of(message)]
        if text_room is not None and len(lines) > 1:
            yield some, "\n".join(lines)
        else:
            yield from (([message], typed_form(message)) for message in some)


_SECRETIVE = ("login", "register", "identify", "auth", "password", "passwd", "pass", "oper", "invite")
"""Commands that are followed by a password, here or in other chats, or by another secret."""

_ANY_SECRET = re.compile(rf"(?i)([/\uff0f]\s*(?:{'|'.join(_SECRETIVE)})\s+)\S.*", re.DOTALL)

_LIKENESS = 0.6

HIDDEN = "••••"


def without_secret(line: str) -> str:
    """Return a typed line to be shown, with a mark in place of a password or of another secret in it."""
    if "\n" in line or len(line) > LINE_MAX:
        return line
    typed = read_line(line)
    if not typed.command:
        return line if line.isprintable() else _ANY_SECRET.sub(rf"\1{HIDDEN}", line)
    name, argument = typed.command[1:].split(maxsplit=1)[:1], argument_in(typed)
    if not name or not argument:
        return line
    if not is_secretive(line):
        return line
    command = command_in(typed, COMMANDS)
    word = command.name if command else name[0].lower()
    shown, *secret = argument.split(maxsplit=1) if word == "login" else ("", argument)
    return " ".join(filter(None, (f"/{word}", shown, HIDDEN if secret else "")))


def is_secretive(line: str) -> bool:
    """Tell whether a line is a command that a password belongs to, or a mistyped one: it may be typed next."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    if typed is None or not (words := typed.command[1:].split(maxsplit=1)):
        return False
    if command := command_in(typed, COMMANDS):
        return command.is_secret
    return bool(get_close_matches(words[0].lower(), _SECRETIVE, 1, _LIKENESS))


def secret_wanted(line: str) -> str:
    """Return the name of the command in a line that lacks its password; empty for any other line."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    command = command_in(typed, COMMANDS) if typed and typed.command else None
    if typed is None or command is None:
        return ""
    words = len(argument_in(typed).split())
    return command.name if (command.name, words) in (("login", 1), ("password", 0)) else ""


def may_be_kept(line: str) -> bool:
    """Tell whether a typed line may be written to disk: nothing with a password, or with a command that is mistyped."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    if typed is None or not typed.command:
        return True
    command = command_in(typed, COMMANDS)
    return command is not None and command.name not in _SECRETIVE


KEYS = (
    ("Tab", "complete a name, a /command, a @sticker or a room"),
    ("Up, Down", "bring back what you typed before"),
    ("Ctrl-R", "search in that"),
    ("Alt-Enter", "begin another line of the same message"),
    ("Ctrl-L", "clear the screen"),
    ("Ctrl-C", "stop what is being sent; else clear the line; else leave"),
    ("Ctrl-D", "leave, in an empty line"),
    ("Ctrl-U, Ctrl-W", "clear the line, or the word before the cursor; Ctrl-Y brings it back"),
)
"""The keys of a terminal, each with its effect."""


def help_with(name: str) -> str:
    """Return the help of one command."""
    return f"{COMMANDS[name].title}  {COMMANDS[name].help}"


def help_lines(keys: Iterable[tuple[str, str]] = (), *, columns: int | None = None) -> list[str]:
    """List the commands of the chat and our own, and the `keys` of a view with their effects, for so many columns."""
    return help_rows([*((command.title, command.help) for command in COMMANDS.values()), *keys], columns or 80)


OUR_COMMANDS: Mapping[str, Command[Interpret]] = table_of(
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

_OURS_FOR_CHAT: Mapping[str, Interpret] = MappingProxyType(
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
"""The interpretation of those commands of the chat that have a request, or take a key. The server runs all others."""

_GOING = "/join ROOM goes to another room; in the full screen, so do Alt-1 to Alt-9 and Alt-a"

ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "away": "nobody has to say /away: a line shows you where you stopped reading, and private messages wait",
        "back": "nobody has to say /back: you are here as long as your client runs",
        "clear": "line by line, Ctrl-L clears the screen; in the full screen, Esc goes to the newest",
        "window": _GOING,
        "win": _GOING,
        "buffer": _GOING,
        "connect": "this client is at one server at a time: `trio-chat join HOST` in another window joins another",
        "server": "this client is at one server at a time: `trio-chat join HOST` in another window joins another",
        "set": "the settings are in client.toml and in the options of `trio-chat join --help`",
        "notify": "a mention rings the bell; /mute ROOM keeps a room quiet",
        "hilight": "--highlight WORD, or `highlight` in client.toml, has the words that count as a mention",
    }
)
"""Answers to commands of other clients that have no counterpart here."""

_HELP_HERE: Mapping[str, str] = MappingProxyType(
    {"register": "keep the name that you have: this client has a key for it, and asks no password"}
)
"""The help of those commands of the chat that do something else here than over `nc`."""

COMMANDS: Mapping[str, Command[Interpret]] = table_of(
    (
        *(
            dataclasses.replace(
                command.bound_to(_OURS_FOR_CHAT.get(name, _for_server)), help=_HELP_HERE.get(name, command.help)
            )
            for name, command in COMMANDS_OF_CHAT.items()
        ),
        *OUR_COMMANDS.values(),
    )
)
