"""`trio-chat join`: the chat on stdin and stdout. On a terminal it is a prompt, else a filter."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import trio

from trio_chat.chat.text import clean
from trio_chat.chat.wording import notice
from trio_chat.client.line_view.conversation import LEAVE_TIMEOUT_S, Conversation
from trio_chat.client.line_view.pipe import Pipe, is_dumb
from trio_chat.client.line_view.surface import Surface, complain
from trio_chat.client.link.address import Address, LinkError
from trio_chat.client.link.backoff import Backoff
from trio_chat.client.link.greeting import WRONG_PORT
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import Link, open_link
from trio_chat.client.link.outbox import Outbox, open_outbox
from trio_chat.client.options import PLAIN, ViewOptions
from trio_chat.client.stickers.catalogue import Catalogue
from trio_chat.client.stickers.load import load_catalogue
from trio_chat.client.transcript.completion import Completion
from trio_chat.client.transcript.input import COMMANDS
from trio_chat.client.transcript.narrator import Narrator, count_lines
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.exception_groups import leaf_exceptions

GOODBYE = "Disconnected from the server"

_LEAVING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 128 + signal.SIGINT

WONDER_S = 3
"""After this time without being let in, a person is told what is waited for."""

OpenSurface = Callable[[], AbstractAsyncContextManager[Surface]]


def join(
    place: Address,
    visitor: Identity,
    wishes: ViewOptions = PLAIN,
    *,
    stickers: Path | None,
    is_once: bool = False,
    outboxes: Path | None = None,
) -> int:
    """Chat until the person leaves or the server does not want them any more; or, `is_once`, is lost.

    `outboxes` is the folder of what could not be sent yet.

    -> exit status; one other than 0 has its reason on stderr, unless that is a signal or a closed stdout.
    """
    # A person is told, and stays.
    visitor = replace(visitor, needs_nick=not os.isatty(0))
    catalogue, warnings = load_catalogue(stickers)
    for warning in warnings:
        complain(warning)
    try:
        with open_outbox(str(place), visitor.nick or "", folder=outboxes) as outbox:
            if outbox.warning:
                complain(outbox.warning)
            visit = LineView(
                Transcript(catalogue), place, visitor, outbox, wishes=wishes, backoff=Backoff(is_once=is_once)
            )
            return _run(visit, catalogue)
    except* LinkError as errors:
        error = leaf_exceptions(errors)[0]
        for text in (*getattr(error, "__notes__", ()), str(error)):
            complain(text)
    except* BrokenPipeError:  # whoever read our output has gone, as `head` does
        pass
    except* OSError as errors:
        complain(f"cannot read or print any more: {leaf_exceptions(errors)[0]}")
    return 1


def _run(visit: "LineView", catalogue: Catalogue) -> int:
    if not _is_terminal():
        return trio.run(visit.run, lambda: nullcontext(Pipe(0, 1)))
    from trio_chat.client.line_view.terminal import (  # slow to import, and a pipe needs none
        open_terminal,
        run_on_asyncio,
    )

    stickers = (*catalogue.stickers, *catalogue.aliases)
    completion = Completion(COMMANDS, stickers, visit.narrator)
    open_surface = partial(open_terminal, sys.stdin, sys.stdout, completion.words, visit.narrator.prompt)
    return run_on_asyncio(partial(visit.run, open_surface, is_patient=True))


class LineView:
    """One stay in the chat, from connecting to the goodbye."""

    def __init__(
        self,
        transcript: Transcript,
        place: Address,
        visitor: Identity,
        outbox: Outbox,
        *,
        wishes: ViewOptions = PLAIN,
        backoff: Backoff | None = None,
    ) -> None:
        self.narrator = Narrator(transcript, visitor.rooms[0], clock=time.time if wishes.has_times else None)
        self._place = place
        self._visitor = visitor
        self._outbox = outbox
        self._wishes = wishes
        self._backoff = backoff or Backoff()
        self._surface: Surface | None = None
        self._unsent = 0
        self._unsaid = 0
        self._scope = trio.CancelScope()

    async def run(self, open_surface: OpenSurface, *, is_patient: bool = False) -> int:
        """Connect and converse. -> exit status. Raises LinkError, and OSError where nothing can be printed.

        One that `is_patient` does not give up where the first connection fails and something waits to be sent.
        """
        status = _INTERRUPTED
        is_patient &= bool(self._outbox.pending) and not self._backoff.is_once
        with trio.open_signal_receiver(*_LEAVING_SIGNALS) as signals, self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey, signals)
                nursery.start_soon(self._wonder)
                link_context = open_link(
                    self._place, self._visitor, self._outbox, is_patient=is_patient, backoff=self._backoff
                )
                async with link_context as link, open_surface() as self._surface:
                    status = await self._converse(link, self._surface)
                nursery.cancel_scope.cancel()
        if self._surface is not None:
            await self._say_goodbye(self._surface)
        return status

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        """Leave at the first signal; at a second, or before there is anything to leave, end at once."""
        async for _ in signals:
            if self._surface is None or self._surface.stopped.is_set():
                self._scope.cancel()
            else:
                self._surface.stop()

    async def _wonder(self) -> None:
        """Say what is waited for, where that takes long: it might be a server of another kind that waits for more."""
        await trio.sleep(WONDER_S)
        if self._surface is None:
            complain(f"no answer from {self._place} yet; {WRONG_PORT}")

    async def _converse(self, link: Link, surface: Surface) -> int:
        conversation = Conversation(link, surface, self.narrator, self._wishes)
        try:
            ended = await conversation.run()
        finally:
            self._unsent, self._unsaid = len(link.pending), conversation.unsaid
        if ended and ended.is_orderly:
            self._outbox.end_session()
        if conversation.is_left:
            return 0
        if ended and not ended.is_orderly:
            complain(ended.reason)
            return 1
        if self._unsent:
            complain(f"no connection: {self.narrator.trouble}")
        return 1 if surface.refused or conversation.has_failed or self._unsent else 0

    async def _say_goodbye(self, surface: Surface) -> None:
        """Say what was not sent, and that it is over; there may be nobody left to say it to."""
        last_words = []
        if surface.draft:
            last_words.append(f"not sent: {clean(surface.draft)}")
        if unsent := self._explain_unsent():
            if surface.has_prompt:
                last_words.append(unsent)
            else:
                complain(unsent)
        if self._unsaid and surface.has_prompt:
            last_words.append(f"{count_lines(self._unsaid)} not sent, and lost")
        with trio.move_on_after(LEAVE_TIMEOUT_S), suppress(OSError):
            await surface.print("\n".join((*map(notice, last_words), GOODBYE, "")))

    def _explain_unsent(self) -> str:
        if not self._unsent:
            return ""
        if not self._outbox.is_on_disk:
            return f"{count_lines(self._unsent)} not sent, and lost"
        return f"{count_lines(self._unsent)} not sent: kept for when you join again"


def _is_terminal() -> bool:
    return os.isatty(0) and os.isatty(1) and not is_dumb()
