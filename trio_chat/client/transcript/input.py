"""What a person types, and what that comes to: something to say, something to ask, or something to do here. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY
from trio_chat.chat.text import clean
from trio_chat.chat.wording import (
    IN_LOBBY_ALREADY,
    SAY_WHAT_TO_LOOK_FOR,
    SAY_WHAT_YOU_DO,
    SAY_WHICH_ROOM,
    SAY_WHOM_AND_WHAT,
    help_rows,
    lines_wanted,
    topic_wanted,
    unknown_command,
)
from trio_chat.client.link.events import Message, Question
from trio_chat.wire import frames

NOBODY_WROTE = "nobody has written to you alone: /msg NICK TEXT"

_OURS = (
    ("/reply TEXT", "answer who wrote to you alone last"),
    ("/ignore [NICK]", "see nothing of what somebody says, or list whom you ignore"),
    ("/unignore NICK", "see it again"),
    ("/stickers", "show what there is to draw, such as @smile"),
)


class Local(Enum):
    """What needs no server."""

    HELP = auto()
    STICKERS = auto()
    TOPIC = auto()
    NICK = auto()
    QUIT = auto()


@dataclass(frozen=True, slots=True)
class Ignore:
    """Show nothing more of what somebody says, or show it again; without a name, tell who is ignored."""

    name: str
    is_over: bool = False


Meaning = Message | Question | Local | Ignore


def meaning_of(line: str, room: str) -> Meaning:
    """Tell what a line means to somebody whose current room is `room`. Raises ChatError with a sentence for them."""
    if line.rstrip() == "quit()":
        return Local.QUIT
    if not line.startswith("/") or line.startswith("//"):
        return frames.Say(room=room, text=line.removeprefix("/"))
    name, _, argument = line[1:].strip().partition(" ")
    if command := COMMANDS.get(name.lower()):
        return command(room, argument.strip())
    raise ChatError("unknown-command", unknown_command(clean(name), COMMANDS))


def _me(room: str, argument: str) -> Meaning:
    return frames.Act(room=room, text=_needed(argument, SAY_WHAT_YOU_DO))


def _msg(_room: str, argument: str) -> Meaning:
    label, _, text = argument.partition(" ")
    return frames.Tell(to=_needed(_bare(label), SAY_WHOM_AND_WHAT)[:64], text=_needed(text.strip(), SAY_WHOM_AND_WHAT))


def _join(_room: str, argument: str) -> Meaning:
    return frames.Join(room=_needed(argument, SAY_WHICH_ROOM)[:64])


def _leave(room: str, _argument: str) -> Meaning:
    if room == LOBBY:
        raise ChatError("usage", IN_LOBBY_ALREADY)
    return frames.Leave(room=room)


def _topic(room: str, argument: str) -> Meaning:
    return frames.Topic(room=room, text=topic_wanted(argument)) if argument else Local.TOPIC


def _nick(_room: str, argument: str) -> Meaning:
    return frames.Nick(nick=argument) if argument else Local.NICK


def _search(room: str, argument: str) -> Meaning:
    return frames.Search(room=room, text=_needed(argument, SAY_WHAT_TO_LOOK_FOR)[:256])


def _history(room: str, argument: str) -> Meaning:
    return frames.History(room=room, limit=lines_wanted(argument, frames.PAGE_LIMIT))


def _reply(_room: str, argument: str) -> Meaning:
    raise ChatError("usage", NOBODY_WROTE if argument else "say what you answer: /reply TEXT")


def _ignore(_room: str, argument: str) -> Meaning:
    return Ignore(_bare(argument))


def _unignore(_room: str, argument: str) -> Meaning:
    return Ignore(_needed(_bare(argument), "say whom: /unignore NICK"), is_over=True)


def _bare(label: str) -> str:
    return label.removeprefix("[").removesuffix("]")


def written_out(line: str, writer: str) -> str:
    """Write out to whom a reply goes: to the `writer`, if there is one."""
    name, _, text = line.partition(" ")
    if name.lower() != "/reply" or not writer or not text.strip():
        return line
    return f"/msg {writer} {text.strip()}"


def _needed(argument: str, otherwise: str) -> str:
    if not argument:
        raise ChatError("usage", otherwise)
    return argument


def help_lines() -> list[str]:
    """Say what can be typed: the server's words for what it has too, and ours."""
    from trio_chat.chat.commands import COMMANDS as COMMANDS_OF_LINES  # brings all rules along; few ask for help

    rows = [(f"/{command.name} {command.usage}".rstrip(), command.help) for command in COMMANDS_OF_LINES.values()]
    return help_rows([*rows, *_OURS])


COMMANDS: Mapping[str, Callable[[str, str], Meaning]] = MappingProxyType(
    {
        "help": lambda _room, _argument: Local.HELP,
        "history": _history,
        "ignore": _ignore,
        "join": _join,
        "leave": _leave,
        "me": _me,
        "msg": _msg,
        "nick": _nick,
        "quit": lambda _room, _argument: Local.QUIT,
        "reply": _reply,
        "rooms": lambda _room, _argument: frames.ListRooms(),
        "search": _search,
        "stickers": lambda _room, _argument: Local.STICKERS,
        "topic": _topic,
        "unignore": _unignore,
        "who": lambda room, _argument: frames.Who(room=room),
    }
)
