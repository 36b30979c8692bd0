"""Cutting a stream of bytes at its newlines, without holding more than one line of bounded length."""

from typing import Final


class Overlong:
    """Stands for a line that was longer than the limit; its bytes are gone."""


OVERLONG: Final = Overlong()


class Cutter:
    """Holds at most `limit` bytes, and one more that may be the CR of a CRLF."""

    __slots__ = ("_is_skipping", "_limit", "_rest")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""
        self._is_skipping = False

    @property
    def unfinished(self) -> bytes:
        """What is here of a line that is not complete yet; nothing of one that is being skipped."""
        return self._rest

    @property
    def is_in_line(self) -> bool:
        """Whether what came last is a line that is not whole."""
        return bool(self._rest) or self._is_skipping

    def feed(self, data: bytes) -> list[bytes | Overlong]:
        """Take the next bytes; return the lines that they complete, without their endings.

        A line beyond the limit is reported once, as soon as that is known, and skipped to its newline.
        """
        found: list[bytes | Overlong] = []
        *whole, rest = data.split(b"\n")
        if whole:
            if not self._is_skipping:
                found.append(self._judge(self._rest + whole[0]))
            found += [self._judge(line) for line in whole[1:]]
            self._rest = b""
            self._is_skipping = False
        if not self._is_skipping:
            self._rest += rest
            if len(self._rest) > self._limit + 1:
                self._rest = b""
                self._is_skipping = True
                found.append(OVERLONG)
        return found

    def finish(self) -> list[bytes | Overlong]:
        """The input has ended: what is left is a line too."""
        rest, self._rest = self._rest, b""
        return [self._judge(rest)] if rest else []

    def _judge(self, line: bytes) -> bytes | Overlong:
        line = line.removesuffix(b"\r")
        return line if len(line) <= self._limit else OVERLONG
