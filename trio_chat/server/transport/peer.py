"""The interface of a connection, whatever carries its bytes: a session reads from it and opens its outlet."""

from collections.abc import Awaitable
from typing import Protocol

import trio

from trio_chat.server.transport.admission import Ticket
from trio_chat.server.transport.outlet import NoticeEncoders, PeerOutlet

READ_BYTES = 4 * 1024
"""Bytes of one read: the longest line. This bounds the input that one client can have waiting for the journal, and so
the time for which others wait behind a paste. Reading four times as much keeps no more lines a second."""

FIRST_BYTES_TIMEOUT_S = 0.25
"""Time for the first bytes of a connection: a client that sends nothing joins after this."""


class Peer(Protocol):
    """The other end of a connection. A session never closes it; its opener does, after the session has ended.

    Where the connection breaks or is closed, waiting methods raise OSError, trio.BrokenResourceError or
    trio.ClosedResourceError.
    """

    @property
    def address(self) -> str:
        """The IP address of the client, as given by the proxy where there is one."""

    @property
    def port(self) -> int:
        """Port of the client."""

    @property
    def ticket(self) -> Ticket:
        """The key under which the connection is counted."""

    @property
    def is_encrypted(self) -> bool:
        """True if the bytes are encrypted on their way."""

    @property
    def binding(self) -> str:
        """The SHA-256 of the certificate that the client was shown, 64 hex digits; "-" on a plain connection."""

    @property
    def is_behind_proxy(self) -> bool:
        """True if a proxy named the client, in a PROXY header."""

    @property
    def is_dead(self) -> bool:
        """True if the connection was reset or given up. Reading reports that only after everything received before."""

    async def peek(self, timeout_s: float = FIRST_BYTES_TIMEOUT_S) -> bytes | None:
        """Return the first bytes, which can still be received; b"" at the end, None if none come in `timeout_s`."""

    def receivable(self) -> Awaitable[None]:
        """Return an awaitable that ends when bytes, or the end of input, can be received."""

    def receive_nowait(self) -> bytes | None:
        """Return the bytes received so far, up to READ_BYTES; b"" at the end, None where there are none after all."""

    async def receive(self) -> bytes:
        """Wait for the next bytes and return them, up to READ_BYTES; b"" at the end."""

    def open_outlet(self, notices: NoticeEncoders) -> PeerOutlet:
        """Open the sending half, once."""

    async def reject_politely(self, answer: bytes) -> None:
        """Send the reason to a client that must not join, and give it time to read."""


async def is_silent(peer: Peer, timeout_s: float) -> bool:
    """Wait for input, for `timeout_s` at most. -> whether none came. Raises what the peer raises."""
    with trio.move_on_after(timeout_s) as waiting:
        await peer.receivable()
    return waiting.cancelled_caught
