"""Line endings of plain clients: LF, CR LF, or the CR alone of a terminal in raw mode, as which CR NUL is read."""

_CR, _LF, _CRLF, _NUL, CR_NUL = b"\r", b"\n", b"\r\n", b"\0", b"\r\0"

CR_BYTE, _LF_BYTE = _CR[0], _LF[0]
"""As ints: `in` takes 20 ns with an int and 180 ns with bytes."""


class LineEndings:
    """The line endings of one client.

    LF and CR LF end a line at once. A CR inside a line may be the progress bar of a program; one with silence behind it
    is the Enter key of a terminal in raw mode, which sends a key at a time. Only the socket's reader knows of silence.
    """

    __slots__ = ("_ends_in_cr", "_is_cr_alone", "has_cr", "is_at_cr")

    def __init__(self) -> None:
        self._ends_in_cr = self._is_cr_alone = False
        self.is_at_cr = False
        """True if the last byte was a CR, or the NUL behind one: followed by silence, it ends a line."""
        self.has_cr = False
        """True if a line has ended in CR LF or CR alone. Such a terminal goes to its left margin for CR LF alone."""

    def read(self, data: bytes) -> bytes:
        """Return the next bytes. Where the client ends its lines in CR alone, each is an LF."""
        if self._is_cr_alone or self.is_at_cr or CR_BYTE in data:
            return self._read_cr(data)
        return data

    def end_at_cr(self) -> None:
        """Note that a CR followed by silence ended a line: so do later ones, until an LF comes."""
        self.has_cr = self._is_cr_alone = True
        self.is_at_cr = False

    def _read_cr(self, data: bytes) -> bytes:
        ended_in_cr, self._ends_in_cr = self._ends_in_cr, data.endswith(_CR)
        # CR NUL is the Enter key of a telnet that has not made itself known.
        self.is_at_cr = data.endswith((_CR, CR_NUL)) or (ended_in_cr and data == _NUL)
        self._is_cr_alone &= _LF_BYTE not in data
        if self._is_cr_alone:
            data = data.removeprefix(_NUL) if ended_in_cr else data
            return data.replace(CR_NUL, _LF).replace(_CR, _LF)
        self.has_cr |= _CRLF in data or (ended_in_cr and data.startswith(_LF))
        return data
