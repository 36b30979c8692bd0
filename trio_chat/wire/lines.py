"""The line protocol, for `nc`, `telnet` and every program that reads and writes text.

UTF-8; LF, CR LF, or CR alone; at the end of input, a last line needs no newline.
"""

from datetime import datetime
from enum import Enum

from trio_chat.chat.events import LOBBY, MARK, Draft, Entry, Kind
from trio_chat.chat.wording import notice
from trio_chat.wire.line_endings import CR_BYTE, CR_NUL, LineEndings
from trio_chat.wire.line_splitter import LineSplitter, OverlongLine

CR_SILENCE_S = 0.1
"""A CR ends a line where nothing follows it for so long."""

_SAID = Kind.SAID  # a global is found faster than a member of a class

LINE_LIMIT = 4096
"""Bytes of a line, without its ending."""


class LineFault(Enum):
    """The reasons to reject a line; the value is the message for its sender."""

    TOO_LONG = f"line too long: at most {LINE_LIMIT} bytes; it was not sent"
    NOT_UTF8 = "line is not valid UTF-8; it was not sent"


class LineDecoder:
    """Decodes a stream of bytes into lines of text, with at most one line in memory."""

    __slots__ = ("_endings", "_splitter")

    def __init__(self) -> None:
        self._endings: LineEndings | None = None
        """The line endings, from the first CR on."""
        self._splitter = LineSplitter(LINE_LIMIT)

    @property
    def needs_crlf(self) -> bool:
        """True if the client has ended a line in CR LF or CR: its terminal takes LF as no more than LF."""
        return self._endings is not None and self._endings.has_cr

    @property
    def unfinished(self) -> bytes:
        """The buffered part of an incomplete line."""
        return self._splitter.unfinished

    @property
    def is_in_line(self) -> bool:
        """True if the bytes so far end within a line."""
        return self._splitter.is_in_line

    def feed(self, data: bytes) -> list[str | LineFault]:
        """Return the lines, or faults, that the next bytes complete."""
        if self._endings or CR_BYTE in data:
            self._endings = self._endings or LineEndings()
            data = self._endings.read(data)
        return [_decode(line) for line in self._splitter.feed(data)]

    @property
    def is_at_cr(self) -> bool:
        """True if the bytes so far end within a line, in a CR."""
        return self._endings is not None and self._endings.is_at_cr and self.is_in_line

    def end_at_cr(self) -> list[str | LineFault]:
        """Return the lines that CRs have ended, where nothing has followed the last of them for a while."""
        self._endings = self._endings or LineEndings()
        self._endings.end_at_cr()
        lines = self._splitter.feed(b"\n")
        return [_decode(part) for line in lines for part in (_split_at_cr(line) if isinstance(line, bytes) else [line])]

    def finish(self) -> list[str | LineFault]:
        """Return the last line, which ended with the input instead of a newline."""
        return [_decode(line) for line in self._splitter.finish()]


def _split_at_cr(line: bytes) -> list[bytes]:
    return line.removesuffix(CR_NUL).replace(CR_NUL, b"\r").split(b"\r")


def _decode(line: bytes | OverlongLine) -> str | LineFault:
    if isinstance(line, OverlongLine):
        return LineFault.TOO_LONG
    try:
        return line.decode()
    except UnicodeDecodeError:
        return LineFault.NOT_UTF8


def encode_entry(entry: Entry) -> bytes:
    """Encode an entry for a plain client, with its newline."""
    draft = entry.draft
    if draft.kind is _SAID and not draft.account:  # most entries are that
        return f"[{draft.author}]> {draft.text}\n".encode()
    return f"{line_of(entry)}\n".encode()


def encode_notice(text: str) -> bytes:
    """Encode a message of the server to one client."""
    return f"{notice(text)}\n".encode()


def encode_gap(_room: str, missed: int) -> bytes:
    """Encode the notice that a client was too slow and missed messages."""
    return encode_notice(f"you missed {missed} messages")


def line_of_past(entry: Entry) -> str:
    """Format a past entry as a line with its date and minute, in the server's time zone."""
    return f"{datetime.fromtimestamp(entry.time):%Y-%m-%d %H:%M} {line_of(entry)}"


def line_of(entry: Entry) -> str:
    """Format an entry as a line, without its newline. Proven names bear their mark."""
    draft = entry.draft
    author = draft.author + MARK if draft.account else draft.author
    match draft.kind:
        case Kind.SAID | Kind.ANNOUNCED:
            return f"[{author}]> {draft.text}"
        case Kind.ACTED:
            return f"* [{author}] {draft.text}"
        case Kind.TOLD:
            return f"[{author} -> {draft.to}{MARK if draft.to_account else ''}]> {draft.text}"
        case Kind.JOINED:
            return f"*** [{author}] joined {_destination(draft)} ***"
        case Kind.LEFT:
            return f"*** [{author}] left {_destination(draft)} ***"
        case Kind.CROWD | Kind.REMOVED:
            return f"*** {draft.text} ***"
        case Kind.TOPIC if draft.text:
            return f"*** [{author}] set the topic: {draft.text} ***"
        case Kind.TOPIC:
            return f"*** [{author}] cleared the topic ***"
        case Kind.KICKED:
            return f"*** [{author}] was kicked ***"
        case Kind.RENAMED:  # from the name of a guest: nobody gives a proven one up
            return f"*** [{draft.author}] is now [{draft.text}{MARK if draft.account else ''}] ***"


def _destination(draft: Draft) -> str:
    """Return "#room" or "the chat", whichever was joined or left. Old journals do not tell these apart."""
    return "the chat" if draft.room == LOBBY and not draft.text else f"#{draft.room}"
