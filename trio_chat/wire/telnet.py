"""Telnet sequences among the lines of a client. Each begins with 0xFF, which never occurs in UTF-8 (RFC 854).

Every option is refused, and no refusal is answered, which avoids negotiation loops (RFC 1143). A telnet client with all
options refused edits lines locally and sends them whole, as a chat needs it. The one exception is the offer to send
binary (RFC 856): without it, inetutils-telnet takes 0x83, a byte of some letters, for its Ctrl-C. We do not request
binary, since it leaves the end of a line undefined, and do not offer it: lines would not begin at the left margin.
"""

import re

from trio_chat.wire.lines import LineDecoder, LineFault, encode_notice

IAC = b"\xff"

_FIRST = IAC[0]
"""As an int: `in` takes 20 ns with an int and 180 ns with bytes."""

TELNET_CURE = "with `telnet -8 -- HOST -PORT`, every letter is sent as it is"

SUBNEGOTIATION_LIMIT = 512
"""Bytes of a subnegotiation; we request none. A longer one does not come from telnet and is read as part of a line."""

_DO, _DONT, _WILL, _WONT = b"\xfd", b"\xfe", b"\xfb", b"\xfc"
_REFUSALS = {_DO: _WONT, _WILL: _DONT}
_BINARY, _ECHO, _TIMING_MARK = b"\x00", b"\x01", b"\x06"

_HIDE, _SHOW = IAC + _WILL + _ECHO, IAC + _WONT + _ECHO
"""Sent to keep a password off the screen: the server claims to echo, and does not (RFC 857)."""

_LEAVING = (b"\xf4", b"\xee", b"\xec")
"""Interrupt Process (Ctrl-C), Abort and End of File (RFC 1184)."""

_ARE_YOU_THERE = b"\xf6"
_YES = encode_notice("yes, the chat is here").replace(b"\n", b"\r\n")

_SEQUENCE = re.compile(
    rb"""
      \xff (?P<option> [\xfb-\xfe] (?! /[A-Za-z\x00] ) . )
    | \xff (?P<ignored> \xfa (?: [^\xff] | \xff\xff ){0,%(limit)d}+ \xff\xf0 )
    | \xff (?P<command> [\xec-\xf9] )
    | \xff (?P<literal> \xff )
    | (?P<newline> \r\x00 )
    | (?P<unfinished> (?: \xff (?: [\xfb-\xfe] | \xfa (?: [^\xff] | \xff\xff ){0,%(limit)d}+ \xff? )? | \r ) \Z )
    """
    % {b"limit": SUBNEGOTIATION_LIMIT},
    re.DOTALL | re.VERBOSE,
)


class TelnetFilter:
    """Removes telnet sequences from the bytes of one client, and collects the replies. Other 0xFF bytes stay."""

    __slots__ = ("_is_binary", "_is_hiding", "_is_in_line", "_reply", "_rest", "is_over", "is_telnet")

    def __init__(self, *, is_in_line: bool = False) -> None:
        self.is_over = False
        """True if the client asked to leave. The bytes after that are discarded."""
        self._is_binary = False
        self._is_hiding = False
        self._is_in_line = is_in_line
        self.is_telnet = False
        """True if a telnet command has come. Only then does CR NUL end a line."""
        self._reply: bytes | None = None
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return the next bytes without sequences, after bytes of an incomplete one that turned out to be none."""
        data, self._rest = self._rest + data, b""
        kept: list[bytes] = []
        at = 0
        for found in _SEQUENCE.finditer(data):
            if self.is_over:
                break
            self._keep(kept, data[at : found.start()])
            self._keep(kept, self._handle(found))
            at = found.end()
        if not self.is_over:
            self._keep(kept, data[at:])
        return b"".join(kept)

    def finish(self) -> bytes:
        """Return the bytes of an incomplete sequence at the end of input."""
        rest, self._rest = self._rest, b""
        return rest

    @property
    def is_at_cr(self) -> bool:
        """True if the last byte was a CR, which belongs to an incomplete sequence."""
        return self._rest == b"\r"

    def take_reply(self) -> bytes | None:
        """Return the replies to send, and forget them. -> None if no command has come since the last call"""
        reply, self._reply = self._reply, None
        return reply

    def hide_input(self, *, is_hidden: bool) -> bytes:
        """Keep input off the screen of a telnet, or show it again. -> bytes to send"""
        if is_hidden == self._is_hiding:
            return b""
        self._is_hiding = is_hidden
        return _HIDE if is_hidden else _SHOW

    def _keep(self, kept: list[bytes], piece: bytes) -> None:
        if piece:
            kept.append(piece)
            self._is_in_line = not piece.endswith(b"\n")

    def _handle(self, found: re.Match[bytes]) -> bytes:
        """Handle a sequence. -> the bytes that replace it"""
        match found.lastgroup:
            case "unfinished":
                self._rest = found[0]
                return b""
            case "literal":
                return IAC
            case "newline":
                return b"\n" if self.is_telnet else found[0]
            case "option":
                self._answer(self._negotiate(found["option"][:1], found["option"][1:]))
            case "command":
                self._answer(self._execute(found["command"]))
            case _:
                self._answer(b"")
        return b""

    def _answer(self, reply: bytes) -> None:
        self.is_telnet = True
        self._reply = (self._reply or b"") + reply

    def _negotiate(self, verb: bytes, option: bytes) -> bytes:
        """Return the reply to an option. After Ctrl-C, telnet shows nothing until WILL TIMING-MARK comes (RFC 860)."""
        if verb == _DO and option == _ECHO and self._is_hiding:
            return b""
        if verb == _DO and option == _TIMING_MARK:
            return IAC + _WILL + option
        if option == _BINARY and verb in (_WILL, _WONT):
            was_binary, self._is_binary = self._is_binary, verb == _WILL
            return b"" if was_binary == self._is_binary else IAC + (_DO if self._is_binary else _DONT) + option
        return IAC + _REFUSALS[verb] + option if verb in _REFUSALS else b""

    def _execute(self, command: bytes) -> bytes:
        """Return the reply to a command. One to leave counts only between lines: pasted binary data has such bytes."""
        self.is_over |= command in _LEAVING and not self._is_in_line
        is_new = command == _ARE_YOU_THERE and _YES not in (self._reply or b"")
        return _YES if is_new else b""


class TelnetDecoder(LineDecoder):
    """Decodes the lines of a plain client that may be telnet. Other clients pay for one search of their bytes."""

    __slots__ = ("telnet",)

    def __init__(self) -> None:
        super().__init__()
        self.telnet: TelnetFilter | None = None
        """The filter, from the first telnet byte on."""

    @property
    def needs_crlf(self) -> bool:
        """True if the client has sent a telnet command, or ended a line in CR LF or CR."""
        return (self.telnet is not None and self.telnet.is_telnet) or super().needs_crlf

    def hide_input(self, *, is_hidden: bool) -> bytes:
        """Keep input off the screen, if the client may be telnet, or show it again. -> bytes to send

        One that ends its lines in CR LF may be: on another port than its own, telnet says nothing before it is asked.
        Trade-off: others, such as `nc -C`, show up to three odd characters.
        """
        if not self.needs_crlf:
            return b""
        self.telnet = self.telnet or TelnetFilter(is_in_line=self.is_in_line)
        commands = self.telnet.hide_input(is_hidden=is_hidden)
        return commands if is_hidden or self.telnet.is_telnet else b""

    def feed(self, data: bytes) -> list[str | LineFault]:
        """Return the lines, or faults, that the next bytes complete."""
        if self.telnet or _FIRST in data:
            self.telnet = self.telnet or TelnetFilter(is_in_line=self.is_in_line)
            data = self.telnet.feed(data)
        return LineDecoder.feed(self, data)  # `super()` would cost as much as the search

    @property
    def is_at_cr(self) -> bool:
        """True if the bytes so far end within a line, in a CR."""
        return (self.telnet is not None and self.telnet.is_at_cr) or super().is_at_cr

    def end_at_cr(self) -> list[str | LineFault]:
        """Return the lines that CRs have ended, where nothing has followed the last of them for a while."""
        begun = LineDecoder.feed(self, self.telnet.finish()) if self.telnet else []
        return begun + super().end_at_cr()

    def finish(self) -> list[str | LineFault]:
        """Return the last line, which ended with the input instead of a newline."""
        rest = self.telnet.finish() if self.telnet else b""
        return [*super().feed(rest), *super().finish()]
