"""The lines that somebody typed, for the arrow keys of the next sitting. One file for each server."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from trio_chat.client.memory.state_file import (
    DAMAGED,
    append_lines,
    file_stem,
    locked,
    read_file,
    replace_file,
    set_aside,
)
from trio_chat.config import state_folder

LINES_MAX = 1000
LINE_CHARS_MAX = 16 * 1024
"""Characters of a line, or of a draft of several, that is kept."""

KEPT_BYTES_MAX = 512 * 1024
"""Bytes of the newest lines that a file is cut down to."""

SIZE_MAX = 2 * 1024 * 1024
"""Bytes at which a file is cut down; with more it is no file of ours."""

_WAITING_MAX = 1000


class KeptLine(msgspec.Struct, frozen=True):
    """A line, and the room in which it was typed."""

    room: str
    text: str


_SURROGATE = re.compile("[\ud800-\udfff]")

_decoder = msgspec.json.Decoder(KeptLine)


class TypedLines:
    """A file, or nothing where it cannot be used.

    `lines` are those of earlier sittings, oldest first; `warning` is one line for the person about what was wrong with
    the file.
    """

    def __init__(self, server: str, *, folder: Path | None = None) -> None:
        """Read the lines typed at a server; a damaged file is set aside. Raises ConfigError."""
        self.file = (folder or state_folder()) / "typed" / f"{file_stem(server)}.jsonl"
        self.warning = ""
        self.lines: tuple[KeptLine, ...] = ()
        self._works = True
        self._waiting: list[KeptLine] = []
        self._last = ""
        try:
            self.lines = self._read()
        except OSError as error:
            self._give_up(error)

    def add(self, room: str, text: str) -> None:
        """Add a line, to be written by `save`. One that is typed again and again is kept once."""
        if text == self._last or len(text) > LINE_CHARS_MAX or len(self._waiting) >= _WAITING_MAX:
            return
        if _SURROGATE.search(text):  # bytes that were no UTF-8
            return
        self._last = text
        self._waiting.append(KeptLine(room, text))

    @property
    def has_changed(self) -> bool:
        """True if there is something to save."""
        return self._works and bool(self._waiting)

    def save(self) -> None:
        """Write the lines that were added. Warns where it cannot."""
        waiting, self._waiting = self._waiting, []
        if not waiting or not self._works:
            return
        try:
            with locked(self.file):
                if append_lines(self.file, _encode(waiting)) > SIZE_MAX // 2:
                    replace_file(self.file, _encode(self._read()))
        except OSError as error:
            self._give_up(error)

    def _read(self) -> tuple[KeptLine, ...]:
        """Return the newest lines of the file. Raises OSError."""
        data = read_file(self.file, SIZE_MAX)
        rows = data[: data.rfind(b"\n") + 1].splitlines()
        try:
            return _newest([_decoder.decode(row) for row in rows[-LINES_MAX:]])
        except DAMAGED:
            aside = set_aside(self.file)
        self.warning = f"{self.file}, where the lines that you typed are kept, is damaged: it is now {aside}"
        return ()

    def _give_up(self, error: OSError) -> None:
        self._works = False
        self.warning = f"typed lines cannot be kept in {self.file}: {error.strerror or error}"


def _encode(lines: Sequence[KeptLine]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def _newest(lines: Sequence[KeptLine]) -> tuple[KeptLine, ...]:
    """Return the newest lines that have KEPT_BYTES_MAX together."""
    size = 0
    for count, line in enumerate(reversed(lines)):
        size += len(line.text.encode(errors="replace"))
        if size > KEPT_BYTES_MAX:
            return tuple(lines[len(lines) - count :])
    return tuple(lines)
