"""Commands typed in a private conversation, or that begin one. Pure."""

from trio_chat.chat.command_table import Effect, argument_in, command_in
from trio_chat.chat.errors import ChatError
from trio_chat.chat.typed_line import read_line
from trio_chat.client.transcript.input import COMMANDS, LINE_MAX, bare_label
from trio_chat.wire import frames


def person_addressed(line: str) -> str:
    """Return the name in a `/msg` without a text, or in a synonym of it; empty for any other line."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    name, _, argument = typed.command[1:].partition(" ") if typed else ("", "", "")
    msg = COMMANDS["msg"]
    if name.lower() not in (msg.name, *msg.synonyms) or len(argument.split()) != 1:
        return ""
    return bare_label(argument.strip())[:64]


def is_bare(line: str, name: str) -> bool:
    """Tell whether a line is the command of that name, without an argument."""
    typed = read_line(line) if len(line) <= LINE_MAX else None
    command = command_in(typed, COMMANDS) if typed else None
    return typed is not None and command is not None and command.name == name and not argument_in(typed)


def words_of_search(line: str) -> str:
    """Return the words of a `/search`; empty for any other line."""
    typed = read_line(line) if len(line) <= LINE_MAX else None
    command = command_in(typed, COMMANDS) if typed else None
    return argument_in(typed) if typed and command and command.name == "search" else ""


def private_command(line: str, person: str) -> str:
    """Return a command typed in the private conversation with a person, as one about that conversation.

    Raises ChatError for a command that can only say something in a room, which is not shown then.
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
