"""One connection of a link: what the dialogue wants to say is sent, and what comes is handed on, until it is lost.

It must not know what happens before and after it: who connects, and whether anybody comes back.
"""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import trio

from trio_chat.client.link.address import LinkError, reason_of
from trio_chat.client.link.greeting import WRONG_PORT, explain_frames, read_greeting
from trio_chat.client.link.protocol import ClientProtocol
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import FrameFault, reply_decoder

PING_S = 15
SILENCE_S = 35
"""A server that is pinged every 15 s and says nothing for this long is gone: it is noticed within 45 s."""

WELCOME_S = 15
"""A server that has not let us in after this long does not want to, whatever it says meanwhile."""

REPEAT_S = 5
"""How long to wait before what a server could not keep is said again."""

_RECEIVE_BYTES = 64 * 1024
_FRAMES_PER_SEND = 64  # of 24 KiB at most each


class LinkConnection:
    """Both halves of a connection. Whoever made the stream closes it."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        dialogue: ClientProtocol,
        *,
        hear: Callable[[Sequence[frames.AnyReply]], Awaitable[None]],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        """`hear` is given what came; more is read when `room` returns."""
        self._stream = stream
        self._dialogue = dialogue
        self._hear = hear
        self._room = room
        self._has_news = trio.Event()
        self._has_heard = False

    async def run(self) -> LinkError:
        """Converse until the connection is lost. -> how that was"""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            nursery.start_soon(self._tick)
            lost = await self._read()
            nursery.cancel_scope.cancel()
        return lost

    def wake(self) -> None:
        """The dialogue may have something to say."""
        self._has_news.set()

    async def _write(self) -> None:
        """Send what there is to send. That the connection broke is told by reading."""
        with suppress(trio.BrokenResourceError):
            await self._stream.send_all(frames.encode(self._dialogue.begin()))
            while True:
                while requests := self._dialogue.take(_FRAMES_PER_SEND):
                    await self._stream.send_all(b"".join(map(frames.encode, requests)))
                self._has_news = trio.Event()
                await self._has_news.wait()

    async def _tick(self) -> None:
        """Ask now and then whether the server is there, and say again what it could not keep."""
        for turn in itertools.count(1):
            await trio.sleep(REPEAT_S)
            if self._dialogue.has_to_repeat:
                self._dialogue.repeat()
            if turn % (PING_S // REPEAT_S) == 0:
                self._dialogue.ping()
            self.wake()

    async def _read(self) -> LinkError:
        """Hand on what the server says until there is no more. -> why not"""
        decoder = reply_decoder()
        welcome_by = trio.current_time() + WELCOME_S
        try:
            with trio.fail_at(welcome_by):
                data = await read_greeting(self._stream, _RECEIVE_BYTES)
            while data:
                replies = decoder.feed(data)
                self._has_heard |= bool(replies)
                await self._hear([reply for reply in replies if not isinstance(reply, FrameFault)])
                if self._dialogue.is_refused:
                    return self._explain_end("")
                if not self._dialogue.is_connected and (error := explain_frames(replies)):
                    return error
                data = await self._receive(welcome_by)
        except LinkError as error:
            return error
        except trio.TooSlowError:
            return self._explain_end(self._silence())
        except trio.BrokenResourceError as broken:
            return self._explain_end(f"the connection broke: {reason_of(broken.__cause__)}")
        return self._explain_end("the server closed the connection")

    async def _receive(self, welcome_by: float) -> bytes:
        """Return the next bytes when there is room for more; none at the end. Raises trio.TooSlowError.

        Nobody may be there to make room before we are let in: so that wait has an end, too.
        """
        if not self._dialogue.is_connected:
            with trio.fail_at(welcome_by):
                await self._room()
                return bytes(await self._stream.receive_some(_RECEIVE_BYTES))
        await self._room()
        with trio.fail_after(SILENCE_S):
            return bytes(await self._stream.receive_some(_RECEIVE_BYTES))

    def _silence(self) -> str:
        if self._dialogue.is_connected:
            return f"nothing came from the server for {SILENCE_S} s"
        what = "no welcome" if self._has_heard else "nothing"
        return f"{what} came from the server within {WELCOME_S} s; {WRONG_PORT}"

    def _explain_end(self, reason: str) -> LinkError:
        if farewell := self._dialogue.farewell:
            return LinkError(farewell.text, is_final=farewell.retry_s is None, retry_s=farewell.retry_s)
        if (refusal := self._dialogue.refusal) and not self._dialogue.is_connected:
            return LinkError(f"the server refuses: {refusal.text}", is_final=self._dialogue.is_refused)
        return LinkError(reason)
