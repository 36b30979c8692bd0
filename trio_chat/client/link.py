"""The link to a server: connect, say lines, and an async iterator of what happened.

It knows no view. Whatever is at the other end, a link holds at most one line of it.
"""

import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import trio

CONNECT_TIMEOUT_S = 10

LINE_MAX_BYTES = 64 * 1024
"""What is longer is cut: a server's longest lines, lists of names, are a tenth of that."""

CUT_MARK = "… [cut: the line was too long]"

_RECEIVE_BYTES = 64 * 1024

# A server that vanished without a word is noticed within 45 s, as the server notices us.
_KEEPALIVE = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 15),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 10),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 40_000),
)


class LinkError(Exception):
    """The server cannot be reached; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class LineReceived:
    """The server sent a line. It may hold anything: whoever shows it cleans it."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is over. It is orderly when the server closed it and everything given to it had been sent."""

    reason: str
    is_orderly: bool


Happening = LineReceived | Ended


class Link:
    """A connection to a server, seen as what happens on it: an async iterator of what arrived together.

    One task iterates and one sends. The last happening is Ended.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._cutter = LineCutter()
        self._has_ended = False
        self._is_broken = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Happening]:
        if self._has_ended:
            raise StopAsyncIteration
        try:
            data = await self._stream.receive_some(_RECEIVE_BYTES)
        except trio.BrokenResourceError as broken:
            return self._end(Ended(f"the connection broke: {_reason(broken.__cause__)}", is_orderly=False))
        if not data:
            return self._end(Ended("the server closed the connection", is_orderly=not self._is_broken))
        return [LineReceived(line) for line in self._cutter.feed(data)]

    def _end(self, ended: Ended) -> list[Happening]:
        self._has_ended = True
        return [*map(LineReceived, self._cutter.finish()), ended]

    async def send(self, *texts: str) -> None:
        """Say lines, in order. Waits while the server takes no more; what broke meanwhile is told by Ended."""
        try:
            await self._stream.send_all(b"".join(map(_encode, texts)))
        except trio.BrokenResourceError:
            self._is_broken = True

    async def finish(self) -> None:
        """Say that nothing more will be said. The server answers by closing, once it has kept what it was told."""
        try:
            await self._stream.send_eof()
        except trio.BrokenResourceError:
            self._is_broken = True


@asynccontextmanager
async def open_link(host: str, port: int) -> AsyncIterator[Link]:
    """Connect, and close the connection at the end of the block. Raises LinkError."""
    stream = await _connect(host, port)
    async with stream:
        for level, name, value in _KEEPALIVE:
            if hasattr(socket, name):
                stream.setsockopt(level, getattr(socket, name), value)
        yield Link(stream)


class LineCutter:
    """Cut bytes into lines, and cut short what is longer than LINE_MAX_BYTES as soon as it is."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._is_skipping = False

    def feed(self, data: bytes) -> list[str]:
        """Take the next bytes; return the lines that they complete."""
        lines: list[str] = []
        *parts, rest = data.split(b"\n")
        for part in parts:
            self._add(part, lines)
            lines += [] if self._is_skipping else [self._take()]
            self._is_skipping = False
        self._add(rest, lines)
        return lines

    def finish(self) -> list[str]:
        """The input has ended: what is left is a line too."""
        return [self._take()] if self._rest else []

    def _add(self, part: bytes, lines: list[str]) -> None:
        if self._is_skipping:
            return
        self._rest += part
        if len(self._rest) > LINE_MAX_BYTES:
            del self._rest[LINE_MAX_BYTES:]
            lines.append(self._take() + CUT_MARK)
            self._is_skipping = True

    def _take(self) -> str:
        line = bytes(self._rest).removesuffix(b"\r").decode(errors="replace")
        self._rest.clear()
        return line


def _encode(text: str) -> bytes:
    """One text is one line; bytes of the terminal that are not UTF-8 go out as they came, for the server to judge."""
    return text.replace("\n", " ").encode(errors="surrogateescape") + b"\n"


async def _connect(host: str, port: int) -> trio.SocketStream:
    place = f"cannot reach {host} port {port}"
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            return await trio.open_tcp_stream(host.removeprefix("[").removesuffix("]"), port)
    except trio.TooSlowError as error:
        raise LinkError(f"{place}: no answer within {CONNECT_TIMEOUT_S} s") from error
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: no name can be like that
        raise LinkError(f"{place}: {_reason_of_no_address(error)}") from error
    except OSError as error:
        raise LinkError(f"{place}: {_reason_of_failures(error)}") from error


def _reason_of_no_address(error: socket.gaierror | UnicodeError) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "the name could not be looked up; is there a network?"
    return "there is no such name or address"


def _reason_of_failures(error: OSError) -> str:
    """A name may have several addresses: one that refused says more than one that there is no way to."""
    cause = error.__cause__
    failures = cause.exceptions if isinstance(cause, BaseExceptionGroup) else (cause or error,)
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return "the connection was refused; is the server running, and is this its port?"
    return _reason(failures[0])


def _reason(error: BaseException | None) -> str:
    if isinstance(error, TimeoutError) and error.errno in (None, errno.ETIMEDOUT):
        return "no answer"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error)
