"""Classification of a typed line as text, a command or `quit()`: for plain clients, our client and the console.

The text that others would see decides, so a stray key, a byte order mark or a blank before `/msg` makes nothing public:

1. Backspace, Ctrl-U and Ctrl-W, which a terminal in raw mode sends, are applied; then the line is cleaned.
2. Blanks and other characters without a shape of their own at the beginning are ignored.
3. One slash, or a character drawn like it before a letter, begins a command. Two begin a text that begins with one.
4. A line with letters that a key left before a command, as in `OA/msg bob hi`, is refused: its beginning is unknown.
"""

import re
from collections.abc import Iterable
from unicodedata import category

import msgspec

from trio_chat.chat.text import clean, with_tabs_as_blanks

QUIT = "quit()"

SAID_BY_TWO = "// says a line that begins with /"

_USUAL = re.compile("[!-.0-~][ -~]*")
"""Most lines are ASCII and do not begin with a slash: these take a shortcut."""

# Drawn like a slash: the confusables of UTS #39 that are no letters. The first is what an East Asian keyboard types.
_LIKE_SLASH = "\uff0f\u2044\u2215\u29f8\u2571\u27cb\u1735"
_LETTER = "A-Za-z\uff21-\uff3a\uff41-\uff5a"
_SLASHES = re.compile(rf"/{{1,2}}|[{_LIKE_SLASH}]{{1,2}}(?=[{_LETTER}])")

_BLANKS = "\u2800\ufffc\U00013441\U00013442\U0001d159"
"""Blank in most fonts, and no space by category. A dictated text begins with U+FFFC."""

_SHAPELESS = frozenset(("Mn", "Mc", "Me", "Cf"))

_EDITING = re.compile("[\b\x7f\x15\x17]")

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
KEY_LEFT = re.compile(rf"(?:(?:\^\[)?[\[O][0-9;]{{0,8}}[A-Za-z~])++(?=[/{_LIKE_SLASH}])")
"""Keys at the beginning of a line as they are shown, where something on the way has dropped each Escape."""
_ANY_COMMAND = rf"[/{_LIKE_SLASH}]\s*+(%s)\s++\S"


class TypedLine(msgspec.Struct, frozen=True, gc=False):
    """A line as others would see it. `command` begins with its slash; it is empty for a text.

    The name of a command is as others would see it, its argument as it was typed.
    """

    text: str
    command: str = ""
    is_quit: bool = False


def read_line(line: str) -> TypedLine:
    """Classify a typed line. Cleaning it before, or its text afterwards, changes nothing."""
    if _USUAL.fullmatch(line) and not line.startswith(QUIT):
        return TypedLine(line)
    seen = as_seen(line)
    if seen.startswith(QUIT) and seen.rstrip() == QUIT:
        return TypedLine(seen, is_quit=True)
    start = _first_shape(seen)
    slashes = _SLASHES.match(seen, start)
    if slashes is None:
        return TypedLine(seen)
    if len(slashes[0]) > 1:
        return TypedLine(seen[:start] + seen[start + 1 :])
    return TypedLine(seen, command=f"/{_with_argument_as_typed(seen[start + 1 :], _edited(line))}")


def _with_argument_as_typed(command: str, edited: str) -> str:
    """Restore the argument as it was typed: the command itself cleans it or, like `/nick`, refuses it."""
    name, *argument = command.split(maxsplit=1) or [""]
    if not argument or name not in edited or edited.rstrip().endswith(argument[0].rstrip()):
        return command
    return f"{name} {edited.partition(name)[2].lstrip()}"


def as_seen(line: str) -> str:
    """Return a typed line as others would see it: with its backspaces applied, its tabs as blanks, and clean."""
    return line if line.isascii() and line.isprintable() else clean(with_tabs_as_blanks(_edited(line)))


def without_keys(secret: str) -> str:
    """Return a typed secret as a terminal would have taken it: without keys or the marks of a paste, and edited."""
    secret = secret.removeprefix("\ufeff")
    return as_seen(secret) if _CONTROL.search(secret) else secret


def may_hide_command(line: str, typed: TypedLine) -> bool:
    """Tell whether a line, read as `typed`, may have a command behind a key that left letters before it."""
    return typed.text != line or line.startswith(("[", "O", "^"))


def command_behind_key(line: str, names: Iterable[str]) -> str:
    """Find one of these commands after a key that left letters before it. -> "" for none, or where it is a command"""
    line = _edited(line)
    key = _CONTROL.search(line) or KEY_LEFT.match(line)
    if key is None or read_line(line).command:
        return ""
    pattern = re.compile(_ANY_COMMAND % "|".join(map(re.escape, names)), re.IGNORECASE)
    found = pattern.search(line, key.start())
    return f"/{found[1]}" if found else ""


def from_first_shape(line: str) -> str:
    """Return a line without leading characters that have no shape of their own: blanks, marks, formats."""
    return line[_first_shape(line) :]


def _first_shape(line: str) -> int:
    """Return the index of the first character with a shape of its own."""
    for index, char in enumerate(line):
        if not (char.isspace() or char in _BLANKS) and (char.isascii() or category(char) not in _SHAPELESS):
            return index
    return len(line)


def _edited(line: str) -> str:
    """Apply Backspace and Delete, Ctrl-U (the line) and Ctrl-W (the word), as a terminal would have done."""
    if not _EDITING.search(line):
        return line
    kept: list[str] = []
    for char in line:
        if char in "\b\x7f":
            del kept[-1:]
        elif char == "\x15":
            kept.clear()
        elif char == "\x17":
            _drop_word(kept)
        else:
            kept.append(char)
    return "".join(kept)


def _drop_word(kept: list[str]) -> None:
    while kept and kept[-1].isspace():
        kept.pop()
    while kept and not kept[-1].isspace():
        kept.pop()
