"""Passwords and other secrets in typed lines: not shown, not stored, and asked for where they are missing. Pure."""

import re
from difflib import get_close_matches

from trio_chat.chat.command_table import argument_in, command_in
from trio_chat.chat.typed_line import read_line
from trio_chat.client.transcript.input import COMMANDS, LINE_MAX

_SECRET_COMMANDS = ("login", "register", "identify", "auth", "password", "passwd", "pass", "oper", "invite")
"""Commands that take a password or another secret, here or in other chats."""

_ANY_SECRET = re.compile(rf"(?i)([/\uff0f]\s*(?:{'|'.join(_SECRET_COMMANDS)})\s+)\S.*", re.DOTALL)

_LIKENESS = 0.6
"""Likeness, from 0 to 1, of a mistyped name to that of a command."""

_HIDDEN = "••••"


def without_secret(line: str) -> str:
    """Return a typed line as it may be shown, with dots in place of a password or another secret."""
    if "\n" in line or len(line) > LINE_MAX:
        return line
    typed = read_line(line)
    if not typed.command:
        return line if line.isprintable() else _ANY_SECRET.sub(rf"\1{_HIDDEN}", line)
    name, argument = typed.command[1:].split(maxsplit=1)[:1], argument_in(typed)
    if not name or not argument:
        return line
    if not takes_secret(line):
        return line
    command = command_in(typed, COMMANDS)
    word = command.name if command else name[0].lower()
    shown, *secret = argument.split(maxsplit=1) if word == "login" else ("", argument)
    return " ".join(filter(None, (f"/{word}", shown, _HIDDEN if secret else "")))


def takes_secret(line: str) -> bool:
    """Tell whether a line is a command that takes a secret, or one mistyped: what is typed next may be the secret."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    if typed is None or not (words := typed.command[1:].split(maxsplit=1)):
        return False
    if command := command_in(typed, COMMANDS):
        return command.is_secret
    return bool(get_close_matches(words[0].lower(), _SECRET_COMMANDS, 1, _LIKENESS))


def command_lacking_secret(line: str) -> str:
    """Return the name of the command in a line that lacks its password; empty for any other line."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    command = command_in(typed, COMMANDS) if typed and typed.command else None
    if typed is None or command is None:
        return ""
    words = len(argument_in(typed).split())
    return command.name if (command.name, words) in (("login", 1), ("password", 0)) else ""


def may_be_stored(line: str) -> bool:
    """Tell whether a typed line may be written to disk: none with a secret, or with a mistyped command."""
    typed = read_line(line) if "\n" not in line and len(line) <= LINE_MAX else None
    if typed is None or not typed.command:
        return True
    command = command_in(typed, COMMANDS)
    return command is not None and command.name not in _SECRET_COMMANDS
