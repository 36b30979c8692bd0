"""`trio-chat join`: the chat on stdin and stdout. On a terminal it is a prompt, else a filter."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from pathlib import Path

import trio

from trio_chat.chat.stickers import Catalogue
from trio_chat.chat.text import clean
from trio_chat.client.catalogue import load_catalogue
from trio_chat.client.conversation import LEAVE_TIMEOUT_S, Conversation, Surface
from trio_chat.client.link import Link, LinkError, open_link
from trio_chat.client.pipe import Pipe
from trio_chat.client.transcript import Transcript

GOODBYE = "Disconnected from the server"
COMMANDS = "/help /history /join /leave /me /msg /nick /quit /rooms /search /stickers /topic /who"
"""What Tab completes: the server's commands and our own."""

_LEAVING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 128 + signal.SIGINT


OpenSurface = Callable[[], AbstractAsyncContextManager[Surface]]


def join(host: str, port: int, *, nick: str | None, stickers: Path | None) -> int:
    """Chat until the person leaves or the connection is lost.

    -> exit status; one other than 0 has its reason on stderr, unless that is a signal or a closed stdout.
    """
    _reserve_standard_fds()
    catalogue, warnings = load_catalogue(stickers)
    for warning in warnings:
        _complain(warning)
    visit = Visit(Transcript(catalogue), nick=nick)
    try:
        return _run(lambda open_surface: visit.run(host, port, open_surface), catalogue)
    except* LinkError as errors:
        _complain(str(_first(errors)))
    except* BrokenPipeError:  # whoever read our output has gone, as `head` does
        pass
    except* OSError as errors:
        _complain(f"cannot read or print any more: {_first(errors)}")
    return 1


def _run(visit: Callable[[OpenSurface], Awaitable[int]], catalogue: Catalogue) -> int:
    if not _is_terminal():
        return trio.run(visit, lambda: nullcontext(Pipe(0, 1)))
    from trio_chat.client.terminal import open_terminal, run_on_asyncio  # slow to import, and a pipe needs none

    words = [*COMMANDS.split(), *(f"@{name}" for name in (*catalogue.stickers, *catalogue.aliases))]
    return run_on_asyncio(lambda: visit(lambda: open_terminal(sys.stdin, sys.stdout, words)))


class Visit:
    """One stay in the chat, from connecting to the goodbye."""

    def __init__(self, transcript: Transcript, *, nick: str | None) -> None:
        self._transcript = transcript
        self._nick = nick
        self._surface: Surface | None = None
        self._scope = trio.CancelScope()

    async def run(self, host: str, port: int, open_surface: OpenSurface) -> int:
        """Connect and converse. -> exit status. Raises LinkError, and OSError where nothing can be printed."""
        status = _INTERRUPTED
        with trio.open_signal_receiver(*_LEAVING_SIGNALS) as signals, self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey, signals)
                async with open_link(host, port) as link, open_surface() as self._surface:
                    status = await self._converse(link, self._surface)
                nursery.cancel_scope.cancel()
        if self._surface is not None:
            await _say_goodbye(self._surface)
        return status

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        """Leave at the first signal; at a second, or before there is anything to leave, end at once."""
        async for _ in signals:
            if self._surface is None or self._surface.stopped.is_set():
                self._scope.cancel()
            else:
                self._surface.stop()

    async def _converse(self, link: Link, surface: Surface) -> int:
        if self._nick:
            await link.send(f"/nick {self._nick}")
        conversation = Conversation(link, surface, self._transcript)
        ended = await conversation.run()
        if surface.stopped.is_set():
            return 0
        if ended and not (conversation.is_over and ended.is_orderly):
            _complain(ended.reason)
            return 1
        return 1 if surface.refused else 0


async def _say_goodbye(surface: Surface) -> None:
    with trio.move_on_after(LEAVE_TIMEOUT_S), suppress(OSError):  # there may be nobody left to say it to
        draft = f"*** not sent: {clean(surface.draft)} ***\n" if surface.draft else ""
        await surface.print(f"{draft}{GOODBYE}\n")


def _is_terminal() -> bool:
    return os.isatty(0) and os.isatty(1) and os.environ.get("TERM") not in ("dumb", "unknown")


def _complain(text: str) -> None:
    print(f"trio-chat: {text}", file=sys.stderr)


def _first(error: BaseException) -> BaseException:
    """Unwrap what nurseries wrapped."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _reserve_standard_fds() -> None:
    """Fill a closed stdin, stdout or stderr with /dev/null, or the connection would take its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)
