"""Lines: how `nc`, `telnet` and every program that reads and writes text speak to the server.

UTF-8; LF or CRLF; a last line without a newline counts at the end of input.
"""

from datetime import datetime
from enum import Enum

from trio_chat.chat.events import LOBBY, Draft, Entry, Kind

LINE_LIMIT = 4096
"""Bytes in a line, its ending not counted."""


class LineFault(Enum):
    """Why a line could not be taken; the value is the sentence for its sender."""

    TOO_LONG = f"line too long: at most {LINE_LIMIT} bytes; it was not sent"
    NOT_UTF8 = "line is not valid UTF-8; it was not sent"


class LineDecoder:
    """Cut a stream of bytes into lines, holding at most one line's worth of them."""

    __slots__ = ("_is_skipping", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._is_skipping = False

    def feed(self, data: bytes) -> list[str | LineFault]:
        """Take the next bytes; return the lines (or faults) that they complete."""
        *whole, rest = data.split(b"\n")
        if not whole:
            return self._keep(rest)
        found: list[str | LineFault] = []
        if self._is_skipping:
            self._is_skipping = False
            del whole[0]
        else:
            whole[0] = self._rest + whole[0]
        self._rest = b""
        found = [decode_line(line) for line in whole]
        return found + self._keep(rest)

    def finish(self) -> list[str | LineFault]:
        """The input has ended: what is left is a line too."""
        rest, self._rest = self._rest, b""
        return [decode_line(rest)] if rest else []

    def _keep(self, rest: bytes) -> list[str | LineFault]:
        """Hold the beginning of a line; one that is too long already is a fault, reported once, and skipped."""
        if self._is_skipping:
            return []
        self._rest += rest
        if len(self._rest) <= LINE_LIMIT + 1:  # one more than the limit: it may be the CR of a CRLF
            return []
        self._rest = b""
        self._is_skipping = True
        return [LineFault.TOO_LONG]


def decode_line(line: bytes) -> str | LineFault:
    """Decode one line, its LF gone already."""
    line = line.removesuffix(b"\r")
    if len(line) > LINE_LIMIT:
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
    return f"*** {text} ***\n".encode()


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
        case Kind.TOPIC:
            return f"*** [{draft.author}] set the topic: {draft.text} ***"
        case Kind.KICKED:
            return f"*** [{draft.author}] was kicked ***"
        case Kind.RENAMED:
            return f"*** [{draft.author}] is now [{draft.text}] ***"


def _place(draft: Draft) -> str:
    return "the chat" if draft.room == LOBBY else f"#{draft.room}"
