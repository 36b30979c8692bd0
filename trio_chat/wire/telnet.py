"""Telnet: what such a client mixes into its lines. It all begins with 0xFF, which is in no UTF-8 (RFC 854).

Every option is refused, and no refusal answered, so that nothing is negotiated in circles (RFC 1143): a telnet that is
refused everything lets one edit lines and sends them whole, which is all that a chat asks of it. Only who offers to
send its bytes as they are (RFC 856) may: else inetutils-telnet takes 0x83, which is in some letters, for its Ctrl-C.
We do not ask for it, since it leaves open what ends a line, and offer none: lines would not begin at the left.
"""

import re

from trio_chat.wire.lines import LineDecoder, LineFault, encode_notice

IAC = b"\xff"

_FIRST = IAC[0]
"""As a number: to look for it takes 20 ns, for bytes 180, of which most is to find out that they are no number."""

SUBNEGOTIATION_LIMIT = 512
"""Bytes in one; we ask for none. What is longer is no telnet's, and read as the line that it may be part of."""

_DO, _DONT, _WILL, _WONT = b"\xfd", b"\xfe", b"\xfb", b"\xfc"
_REFUSALS = {_DO: _WONT, _WILL: _DONT}
_BINARY, _TIMING_MARK = b"\x00", b"\x06"

_LEAVING = (b"\xf4", b"\xee", b"\xec")
"""Interrupt Process, which is Ctrl-C; Abort and End of File (RFC 1184)."""

_ARE_YOU_THERE = b"\xf6"
_HERE = encode_notice("yes, the chat is here")

_SEQUENCE = re.compile(
    rb"""
      \xff (?P<option> [\xfb-\xfe] . )
    | \xff (?P<ignored> \xfa (?: [^\xff] | \xff\xff ){0,%(limit)d}+ \xff\xf0 )
    | \xff (?P<command> [\xec-\xf9] )
    | \xff (?P<literal> \xff )
    | (?P<newline> \r\x00 )
    | (?P<unfinished> (?: \xff (?: [\xfb-\xfe] | \xfa (?: [^\xff] | \xff\xff ){0,%(limit)d}+ \xff? )? | \r ) \Z )
    """
    % {b"limit": SUBNEGOTIATION_LIMIT},
    re.DOTALL | re.VERBOSE,
)


class Telnet:
    """Takes the sequences of one client out of what it sends. What only begins with 0xFF is left where it is."""

    __slots__ = ("_is_binary", "_is_in_line", "_is_sure", "_reply", "_rest", "is_over")

    def __init__(self, *, is_in_line: bool = False) -> None:
        self.is_over = False
        """Whether the client wants to leave: what comes after that is not for us."""
        self._is_binary = False
        self._is_in_line = is_in_line
        self._is_sure = False
        """Whether it has sent a command. In what others send, CR NUL is no end of a line."""
        self._reply: bytes | None = None
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return what is left of them, and of those that were not understood before."""
        data, self._rest = self._rest + data, b""
        kept: list[bytes] = []
        at = 0
        for found in _SEQUENCE.finditer(data):
            if self.is_over:
                break
            self._keep(kept, data[at : found.start()])
            self._keep(kept, self._obey(found))
            at = found.end()
        if not self.is_over:
            self._keep(kept, data[at:])
        return b"".join(kept)

    def finish(self) -> bytes:
        """Return what was begun and never went on."""
        rest, self._rest = self._rest, b""
        return rest

    def take_reply(self) -> bytes | None:
        """Return what to send back; None where no command has come since this was last asked."""
        reply, self._reply = self._reply, None
        return reply

    def _keep(self, kept: list[bytes], piece: bytes) -> None:
        if piece:
            kept.append(piece)
            self._is_in_line = not piece.endswith(b"\n")

    def _obey(self, found: re.Match[bytes]) -> bytes:
        """Do what a sequence asks for. -> what stands for it among the lines"""
        match found.lastgroup:
            case "unfinished":
                self._rest = found[0]
                return b""
            case "literal":
                return IAC
            case "newline":
                return b"\n" if self._is_sure else found[0]
            case "option":
                self._answer(self._negotiate(found["option"][:1], found["option"][1:]))
            case "command":
                self._answer(self._do(found["command"]))
            case _:
                self._answer(b"")
        return b""

    def _answer(self, reply: bytes) -> None:
        self._is_sure = True
        self._reply = (self._reply or b"") + reply

    def _negotiate(self, verb: bytes, option: bytes) -> bytes:
        """A timing mark is no option but a question, and a telnet shows nothing from Ctrl-C to the answer (RFC 860)."""
        if verb == _DO and option == _TIMING_MARK:
            return IAC + _WILL + option
        if option == _BINARY and verb in (_WILL, _WONT):
            was_binary, self._is_binary = self._is_binary, verb == _WILL
            return b"" if was_binary == self._is_binary else IAC + (_DO if self._is_binary else _DONT) + option
        return IAC + _REFUSALS[verb] + option if verb in _REFUSALS else b""

    def _do(self, command: bytes) -> bytes:
        """Leave only between lines: these bytes are in pictures and programs too, which some paste."""
        self.is_over |= command in _LEAVING and not self._is_in_line
        is_new = command == _ARE_YOU_THERE and _HERE not in (self._reply or b"")
        return _HERE if is_new else b""


class TelnetDecoder(LineDecoder):
    """Cut what a plain client sends, which may be a telnet, into lines. Who is none pays for one look at its bytes."""

    __slots__ = ("telnet",)

    def __init__(self) -> None:
        super().__init__()
        self.telnet: Telnet | None = None
        """What there is to answer, where it is one."""

    def feed(self, data: bytes) -> list[str | LineFault]:
        """Take the next bytes; return the lines (or faults) that they complete."""
        if self.telnet or _FIRST in data:
            self.telnet = self.telnet or Telnet(is_in_line=self.is_in_line)
            data = self.telnet.feed(data)
        return LineDecoder.feed(self, data)  # `super()` would cost as much again as the look

    def finish(self) -> list[str | LineFault]:
        """The input has ended: what is left is a line too."""
        rest = self.telnet.finish() if self.telnet else b""
        return [*super().feed(rest), *super().finish()]
