"""The file with names that an operator hands out: ssh's `authorized_keys`, with each key's name as its comment."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trio_chat.chat.accounts.account import KEY_TYPE, checked_key
from trio_chat.chat.errors import ChatError
from trio_chat.chat.nicks import check_nick
from trio_chat.server.errors import SetupError

SIZE_MAX = 1024 * 1024
LINES_MAX = 10_000

OTHER_TYPES = ("ssh-rsa", "ssh-dss", "ecdsa-", "sk-ssh-", "sk-ecdsa-")
"""The beginnings of key types that no name can be proven with: such lines have no effect."""


@dataclass(frozen=True, slots=True)
class ListedName:
    """A key of the file: the name that it proves, its blob, and the number of its line, from 1."""

    name: str
    blob: str
    line: int


@dataclass(frozen=True, slots=True)
class NamesFile:
    """The keys of the file, and a sentence for each line without effect."""

    listed: tuple[ListedName, ...] = ()
    warnings: tuple[str, ...] = ()


def read_names_file(file: Path | None) -> NamesFile:
    """Read the file, if there is one. Raises SetupError that names the line."""
    if file is None:
        return NamesFile()
    try:
        with file.open("rb") as opened:
            data = opened.read(SIZE_MAX + 1)
    except OSError as error:
        raise SetupError(f"cannot read the names file {file}: {error.strerror}") from error
    if len(data) > SIZE_MAX:
        raise SetupError(f"the names file {file} has more than {SIZE_MAX} bytes")
    try:
        return parse_names(data.decode("utf-8-sig"))  # Windows writes a byte order mark
    except UnicodeDecodeError:
        raise SetupError(f"the names file {file} is not in UTF-8") from None
    except SetupError as error:
        raise SetupError(f"the names file {file}, {error}") from error


def parse_names(text: str) -> NamesFile:
    """Read keys and names. Raises SetupError that begins with the number of the line."""
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        raise SetupError(f"line {LINES_MAX + 1}: that is more than it may have")
    listed: list[ListedName] = []
    warnings: list[str] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if KEY_TYPE not in words and (other := _other_type(words)):
            warnings.append(f"names-file line {number}: keys of the type {other} prove no name, only {KEY_TYPE} does")
            continue
        try:
            listed.append(_listed(line, number))
        except ChatError as error:
            raise SetupError(f"line {number}: {error.text}") from error
    return NamesFile(tuple(listed), tuple(warnings))


def _listed(line: str, number: int) -> ListedName:
    """Read a line with a key. Raises ChatError."""
    blob = checked_key(line)
    name = line.partition(blob)[2].strip()
    if not name:
        raise ChatError("bad-key", "the key has no name: write it behind the key, as its comment")
    return ListedName(check_nick(name), blob, number)


def _other_type(words: Sequence[str]) -> str:
    return next((word for word in words if word.startswith(OTHER_TYPES)), "")
