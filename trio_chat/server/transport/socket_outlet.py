"""The sending half of a plain connection: one non-blocking send at a time, and never a queue.

Unsent entries stay in the rooms' logs; only the client's cursor moves. Kept here are bytes that are in no log: answers
to its own requests, and the rest of a line of which the kernel took half. (A cursor with an offset into that line would
not do: the line can leave the log's window while its reader is stuck, and the next one would then begin in mid-line.)
"""

import socket

import trio

from trio_chat.chat.outlet import TAKES_NOTHING, Unsent
from trio_chat.server.transport.outlet import NoticeEncoders, PeerOutlet

IN_CRLF_BYTES = 16 * 1024
"""Bytes changed to CR LF at once, and the most that is held for a stuck reader, as in TLS."""


class SocketOutlet(PeerOutlet):
    """Sends to a non-blocking socket, which takes what is shared with others too while nothing is pending."""

    __slots__ = ()

    def __init__(self, sock: socket.socket, notices: NoticeEncoders, session: trio.CancelScope | None = None) -> None:
        super().__init__(sock, notices, session)
        self._keep(b"")

    @property
    def unsent_bytes(self) -> int:
        """Bytes for this client alone that are not sent yet."""
        return len(self._pending)

    def push(self, member: Unsent | None) -> bool:
        """Offer the kernel what is pending, then what `member` has not been sent yet."""
        if self._pending and not self._push_pending():
            return False
        if member is None:
            return True
        data, end = member.slice()
        if self.close_reason:  # nothing comes after it
            member.advance(end)
            return True
        if self.ends_in_crlf:
            return self._push_in_crlf(member, data, end)
        sent = self._offer(data) if data else 0
        if sent == len(data):
            member.advance(end)
            return True
        self._keep(member.advance_partially(sent))
        return False

    def _push_in_crlf(self, member: Unsent, data: bytes, end: int) -> bool:
        """Offer the kernel the beginning of a slice in CR LF. -> whether it took that

        The cursor moves to the end of that beginning, whatever the kernel takes: a position inside it is none of the
        log. The rest is held, up to IN_CRLF_BYTES for each stuck reader.
        """
        begun = data[:IN_CRLF_BYTES]
        self._pending = self._ended(begun)
        if len(begun) == len(data):
            member.advance(end)
        else:
            self._pending += self._ended(member.advance_partially(len(begun)))
        return not self._pending or self._push_pending()

    def _push_pending(self) -> bool:
        """Offer what is pending, as a view: the rest of megabytes must not be copied after every send."""
        pending = memoryview(self._pending)
        self._keep(pending[self._offer(pending) :] or b"")
        return not self._pending

    def _keep(self, pending: bytes | memoryview) -> None:
        """Keep bytes that go before all others; none if there are none any more."""
        self._pending = pending
        is_free = not (pending or self.ends_in_crlf or self.close_reason)
        self.sink = self.socket if is_free else TAKES_NOTHING

    def _offer(self, data: bytes | memoryview) -> int:
        """Offer bytes. -> how many the kernel took: all where the connection is broken, which reading reports"""
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.report_fault(error)
            sent = len(data)
        self.bytes_out += sent
        return sent

    async def wait_writable(self) -> None:
        """Return when the kernel has room again. Raises trio.ClosedResourceError."""
        if self.socket.fileno() < 0:  # closed since it was found to be full: Trio would raise ValueError
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_writable(self.socket)
