"""One connection of a link: sends the requests of the protocol and passes on the replies until it is lost.

It must not know how the connection was made, or whether another follows.
"""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import trio

from trio_chat.client.link.address import LinkError, reason_of
from trio_chat.client.link.greeting import GIVE_PASSWORD, WRONG_PORT, explain_frames, read_greeting
from trio_chat.client.link.handshake import CANNOT_SIGN
from trio_chat.client.link.protocol import ClientProtocol
from trio_chat.client.link.reply_limits import within_limits
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameFault, reply_decoder

PING_INTERVAL_S = 15
SILENCE_TIMEOUT_S = 35
"""A server that is pinged every PING_INTERVAL_S and sends nothing for so long is gone: noticed within 45 s."""

WELCOME_TIMEOUT_S = 15
"""Time until the welcome, whatever else the server sends before."""

RESEND_INTERVAL_S = 5
"""Time after which a message that the server could not store is sent again."""

PART_TIMEOUT_S = 0.5
"""Time for a server to take our `bye` and hang up, where the client ends without having left in order. Without that it
would hold our place for a minute, for somebody who never comes back."""

NO_PASSWORD_IN_THE_CLEAR = "a password is asked for with --tls only, since others could read it on the way"

_RECEIVE_BYTES = 64 * 1024
_FRAMES_PER_SEND = 64  # of 24 KiB at most each


class LinkConnection:
    """Both directions of a connection. Whoever made the stream closes it."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        protocol: ClientProtocol,
        *,
        on_replies: Callable[[Sequence[frames.AnyReply]], Awaitable[None]],
        wait_for_space: Callable[[], Awaitable[None]],
        welcome_timeout_s: float = WELCOME_TIMEOUT_S,
    ) -> None:
        """`on_replies` is called with the replies of each read; more is read when `wait_for_space` returns."""
        self._stream = stream
        self._protocol = protocol
        self._on_replies = on_replies
        self._wait_for_space = wait_for_space
        self._has_requests = trio.Event()
        self._has_replied = False
        self._welcome_timeout_s = welcome_timeout_s
        self._scope = trio.CancelScope()
        self._writing = trio.CancelScope(shield=True)
        self._has_said_hello = False
        self._has_written = trio.Event()

    async def run(self) -> LinkError:
        """Send and receive until the connection is lost. -> the reason

        Where it is cancelled it says `bye`, which takes PART_TIMEOUT_S at most.
        """
        lost: LinkError | None = None
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._tick)
                try:
                    lost = await self._read()
                finally:
                    await self._end_writing(says_bye=lost is None and not self._scope.cancel_called)
                nursery.cancel_scope.cancel()
        return lost or LinkError("we hung up")

    def hang_up(self) -> None:
        """End the connection, to make another one."""
        self._scope.cancel()

    def wake(self) -> None:
        """Send the requests that the protocol has now."""
        self._has_requests.set()

    async def _end_writing(self, *, says_bye: bool) -> None:
        """Send nothing more, but for a `bye` where the server may know us."""
        try:
            if says_bye and self._has_said_hello and not self._has_written.is_set():
                await self._part()
        finally:
            self._writing.cancel()

    async def _part(self) -> None:
        """Leave at once, whatever is cancelled: with a `bye` behind what is being sent, even before the welcome."""
        self._protocol.leave_at_once()
        self.wake()
        with trio.move_on_after(PART_TIMEOUT_S, shield=True), suppress(trio.BrokenResourceError):
            await self._has_written.wait()
            if isinstance(self._stream, trio.abc.HalfCloseableStream):
                await self._stream.send_eof()
            while await self._stream.receive_some(_RECEIVE_BYTES):  # unread bytes would reset it, and cut the bye off
                pass

    async def _write(self) -> None:
        """Send requests, up to our `bye` or until `_writing` is cancelled. The reading side reports a lost connection.

        It is shielded: a frame that is cut off could not be followed by a `bye`.
        """
        with suppress(trio.BrokenResourceError), self._writing:
            await self._send([self._protocol.start_connection()])
            while not self._protocol.has_said_bye:
                await self._send(await self._next_requests())
        self._has_written.set()

    async def _next_requests(self) -> Sequence[frames.Request]:
        """Wait for requests to send."""
        while not (requests := self._protocol.take_requests(_FRAMES_PER_SEND)):
            self._has_requests = trio.Event()
            await self._has_requests.wait()
        return requests

    async def _send(self, requests: Sequence[frames.Request]) -> None:
        """Send requests. Raises trio.BrokenResourceError."""
        self._has_said_hello |= any(isinstance(request, frames.Hello) for request in requests)
        await self._stream.send_all(b"".join(map(frames.encode, requests)))

    async def _tick(self) -> None:
        """Ping the server, and send messages again that it could not store."""
        for turn in itertools.count(1):
            await trio.sleep(RESEND_INTERVAL_S)
            if self._protocol.needs_resend:
                self._protocol.resend()
            if turn % (PING_INTERVAL_S // RESEND_INTERVAL_S) == 0:
                self._protocol.ping()
            self.wake()

    async def _read(self) -> LinkError:
        """Pass on replies until the end. -> the reason for that"""
        decoder = reply_decoder()
        welcome_by = trio.current_time() + self._welcome_timeout_s
        try:
            with trio.fail_at(welcome_by):
                data = await read_greeting(self._stream, _RECEIVE_BYTES)
            while data:
                replies = decoder.feed(data)
                self._has_replied |= bool(replies)
                valid = [within_limits(reply) for reply in replies if not isinstance(reply, FrameFault)]
                await self._on_replies(valid)
                if self._protocol.is_refused:
                    return self._explain_end("")
                if not self._protocol.is_connected and (error := explain_frames(replies)):
                    return error
                data = await self._receive(welcome_by)
        except LinkError as error:
            return error
        except trio.TooSlowError:
            return self._explain_end(self._silence(), is_mute=not self._protocol.is_connected)
        except trio.BrokenResourceError as broken:
            return self._explain_end(f"the connection broke: {reason_of(broken.__cause__)}")
        return self._explain_end("the server closed the connection")

    async def _receive(self, welcome_by: float) -> bytes:
        """Return the next bytes when there is space for more; none at the end. Raises trio.TooSlowError.

        The wait for space has a deadline too: before the welcome, nobody may be there to make any.
        """
        if not self._protocol.is_connected:
            with trio.fail_at(welcome_by):
                await self._wait_for_space()
                return bytes(await self._stream.receive_some(_RECEIVE_BYTES))
        await self._wait_for_space()
        with trio.fail_after(SILENCE_TIMEOUT_S):
            return bytes(await self._stream.receive_some(_RECEIVE_BYTES))

    def _silence(self) -> str:
        if self._protocol.is_connected:
            return f"nothing came from the server for {SILENCE_TIMEOUT_S} s"
        what = "no welcome" if self._has_replied else "nothing"
        return f"{what} came from the server within {self._welcome_timeout_s} s; {WRONG_PORT}"

    def _explain_end(self, reason: str, *, is_mute: bool = False) -> LinkError:
        if farewell := self._protocol.farewell:
            return LinkError(farewell.text, is_final=farewell.retry_s is None, retry_s=farewell.retry_s)
        handshake = self._protocol.handshake
        if (refusal := handshake.refusal) and not self._protocol.is_connected:
            if refusal.code == CANNOT_SIGN:
                return LinkError(refusal.text, is_final=True)
            wants_password = refusal.code == "password"
            hint = f"; {GIVE_PASSWORD}" if wants_password else ""
            if handshake.wants_name_password and not handshake.may_send_password:
                hint = f"; {NO_PASSWORD_IN_THE_CLEAR}"
            return LinkError(
                f"the server refuses: {refusal.text}{hint}",
                is_final=self._protocol.is_refused,
                wants_password=wants_password,
                wants_name_password=handshake.wants_name_password,
            )
        return LinkError(reason, is_mute=is_mute)
