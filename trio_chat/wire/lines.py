"""Lines: how `nc`, `telnet` and every program that reads and writes text speak to the server.

UTF-8; LF or CRLF; a last line without a newline counts at the end of input.
"""

from datetime import datetime
from enum import Enum

from trio_chat.chat.events import LOBBY, Draft, Entry, Kind
from trio_chat.chat.wording import notice
from trio_chat.wire.cutter import Cutter, Overlong

LINE_LIMIT = 4096
"""Bytes in a line, its ending not counted."""


class LineFault(Enum):
    """Why a line could not be taken; the value is the sentence for its sender."""

    TOO_LONG = f"line too long: at most {LINE_LIMIT} bytes; it was not sent"
    NOT_UTF8 = "line is not valid UTF-8; it was not sent"


class LineDecoder:
    """Cut a stream of bytes into lines of text, holding at most one line's worth of it."""

    __slots__ = ("_cutter",)

    def __init__(self) -> None:
        self._cutter = Cutter(LINE_LIMIT)

    @property
    def unfinished(self) -> bytes:
        """What is here of a line that is not complete yet."""
        return self._cutter.unfinished

    @property
    def is_in_line(self) -> bool:
        """Whether what came last is a line that is not whole."""
        return self._cutter.is_in_line

    def feed(self, data: bytes) -> list[str | LineFault]:
        """Take the next bytes; return the lines (or faults) that they complete."""
        return [_decode(line) for line in self._cutter.feed(data)]

    def finish(self) -> list[str | LineFault]:
        """The input has ended: what is left is a line too."""
        return [_decode(line) for line in self._cutter.finish()]


def _decode(line: bytes | Overlong) -> str | LineFault:
    if isinstance(line, Overlong):
        return LineFault.TOO_LONG
    try:
        return line.decode()
    except UnicodeDecodeError:
        return LineFault.NOT_UTF8


def encode_entry(entry: Entry) -> bytes:
    """Print an entry the way a plain client sees it, its newline included."""
    return f"{line_of(entry)}\n".encode()


def encode_notice(text: str) -> bytes:
    """Print something that the server says to one client alone."""
    return f"{notice(text)}\n".encode()


def encode_gap(_room: str, missed: int) -> bytes:
    """Print that a client was too slow and will not see some messages."""
    return encode_notice(f"you missed {missed} messages")


def line_of_past(entry: Entry) -> str:
    """What an entry looks like in the history: with the minute it was said, by the server's clock."""
    return f"{datetime.fromtimestamp(entry.time):%Y-%m-%d %H:%M} {line_of(entry)}"


def line_of(entry: Entry) -> str:
    """What an entry looks like as a line."""
    draft = entry.draft
    match draft.kind:
        case Kind.SAID | Kind.ANNOUNCED:
            return f"[{draft.author}]> {draft.text}"
        case Kind.ACTED:
            return f"* [{draft.author}] {draft.text}"
        case Kind.TOLD:
            return f"[{draft.author} -> {draft.to}]> {draft.text}"
        case Kind.JOINED:
            return f"*** [{draft.author}] joined {_place(draft)} ***"
        case Kind.LEFT:
            return f"*** [{draft.author}] left {_place(draft)} ***"
        case Kind.CROWD:
            return f"*** {draft.text} ***"
        case Kind.TOPIC if draft.text:
            return f"*** [{draft.author}] set the topic: {draft.text} ***"
        case Kind.TOPIC:
            return f"*** [{draft.author}] cleared the topic ***"
        case Kind.KICKED:
            return f"*** [{draft.author}] was kicked ***"
        case Kind.RENAMED:
            return f"*** [{draft.author}] is now [{draft.text}] ***"


def _place(draft: Draft) -> str:
    return "the chat" if draft.room == LOBBY else f"#{draft.room}"
