"""The chat of one person at one surface, from connecting to the farewell."""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress

import trio

from trio_chat.chat.events import MARK
from trio_chat.chat.text import clean
from trio_chat.chat.wording import notice
from trio_chat.client.conversation.conversation import LEAVE_TIMEOUT_S, Conversation
from trio_chat.client.conversation.prompt_view import PromptView
from trio_chat.client.conversation.sticker_keeper import StickerKeeper
from trio_chat.client.conversation.surface import Display, Surface, print_error
from trio_chat.client.conversation.typed_drafts import room_of_line
from trio_chat.client.link.address import Address
from trio_chat.client.link.backoff import Backoff
from trio_chat.client.link.events import lines_of
from trio_chat.client.link.greeting import WRONG_PORT
from trio_chat.client.link.handshake import NO_PASSWORD_YET
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.link import Link, open_link
from trio_chat.client.link.outbox import Outbox
from trio_chat.client.link.signing import Signer
from trio_chat.client.memory.memory import Memory
from trio_chat.client.memory.records import Remembered
from trio_chat.client.options import PLAIN, ViewOptions
from trio_chat.client.transcript.delivery import count_lines
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.paste import LINES_UNASKED, beginning_of, question_about
from trio_chat.client.transcript.read_marks import ReadMarks
from trio_chat.client.transcript.remembering import remembered
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.client.transcript.typed_secrets import command_lacking_secret, may_be_stored

GOODBYE = "Disconnected from the server"

_LEAVING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 128 + signal.SIGINT

CONNECT_NOTICE_S = 3
"""Time without a welcome after which the person is told what the client waits for."""

PENDING_UNASKED_S = 300
"""Age up to which a few lines from last time are sent without asking."""

OpenSurface = Callable[[], AbstractAsyncContextManager[Surface]]


class ChatApp(ABC):
    """The chat on a surface, from connecting to the farewell."""

    def __init__(
        self,
        transcript: Transcript,
        address: Address,
        identity: Identity,
        outbox: Outbox,
        *,
        options: ViewOptions = PLAIN,
        backoff: Backoff | None = None,
        memory: Memory | None = None,
        clock: Callable[[], float] = time.time,
        signer: Signer | None = None,
        stickers: StickerKeeper | None = None,
    ) -> None:
        """`clock` returns the time in seconds since 1970, by which presence is summed up and days begin."""
        self.narrator = Narrator(transcript, identity.rooms[-1], clock=clock, has_times=options.has_times)
        self.memory = memory or Memory()
        self._marks = ReadMarks(self.memory.remembered.marks, self.memory.remembered.epoch)
        if self.memory.server:
            self.memory.server.start_in(identity.rooms)
        known = self.memory.remembered
        self.narrator.people.ignored.add_all(known.ignored, known.ignored_accounts)
        self.narrator.muted.add_all(known.muted)
        self.address = address
        self._identity = identity
        self._outbox = outbox
        self.options = options
        self._backoff = backoff or Backoff()
        self._signer = signer
        self.stickers = stickers
        self._surface: Surface | None = None
        self._pending_count = 0
        self._lost_count = 0
        self._last_error = ""
        self._has_been_asked = self._was_asked = self._was_asked_for_name = False
        self._scope = trio.CancelScope()
        self.conversation: Conversation | None = None

    @abstractmethod
    def make_display(self, surface: Surface) -> Display:
        """Return the display that belongs to a surface."""

    @property
    def nick(self) -> str:
        """The last name that the server accepted; empty if we were called by our address."""
        return "" if ":" in self.narrator.label else self.narrator.label.removesuffix(MARK)

    def prompt_view(self) -> PromptView:
        """Return the callbacks of a terminal's prompt."""
        narrator = self.narrator
        return PromptView(
            prompt=narrator.prompt,
            waiting_rows=narrator.waiting_rows,
            question_about=lambda draft: question_about(draft, narrator.room),
            stop_paste=lambda: self.conversation is not None and self.conversation.stop_paste(),
            refuse=lambda reason: self.conversation.refuse(reason) if self.conversation else None,
            typed_before=self.memory.lines,
            secret_questions=self._secret_questions,
        )

    def _secret_questions(self, draft: str) -> Sequence[str]:
        """Return the questions for the secret that a command lacks."""
        link = self.conversation.link if self.conversation else None
        if link is None or not link.may_send_password:
            return ()
        match command_lacking_secret(draft):
            case "login" if not link.can_prove(draft.split()[-1]):
                return ("password:",)
            case "password" if link.account:
                return ("new password:", "the same again:")
        return ()

    async def run(
        self,
        open_surface: OpenSurface,
        *,
        is_persistent: bool = False,
        is_worth_waiting: Callable[[], Awaitable[bool]] | None = None,
    ) -> int:
        """Connect and converse. -> exit status. Raises LinkError, and OSError where nothing can be printed.

        If `is_persistent`, the first connection is retried while something waits to be sent. If that failed and may be
        retried, `is_worth_waiting` tells whether to go on.
        """
        status = _INTERRUPTED
        if self._backoff.is_once:
            is_worth_waiting = None
        holds_pending = is_persistent and self._must_ask_about_pending()
        is_persistent &= bool(self._outbox.pending) and not self._backoff.is_once
        with trio.open_signal_receiver(*_LEAVING_SIGNALS) as signals, self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._handle_signals, signals)
                nursery.start_soon(self._report_slow_connect)
                link_context = open_link(
                    self.address,
                    self._identity,
                    self._outbox,
                    is_persistent=is_persistent,
                    is_worth_waiting=is_worth_waiting,
                    backoff=self._backoff,
                    holds_pending=holds_pending,
                    ask_password=self._ask_password if os.isatty(0) else None,
                    signer=self._signer,
                )
                async with link_context as link, open_surface() as self._surface:
                    status = await self._converse(link, self._surface)
                nursery.cancel_scope.cancel()
        if self._surface is not None:
            await self._say_goodbye(self._surface)
        return status

    def _must_ask_about_pending(self) -> bool:
        """Tell whether the messages from last time are so many, or so old, that the person may not want them sent."""
        lines = sum(len(lines_of(message)) for message in self._outbox.pending)
        return lines > LINES_UNASKED or (lines > 0 and time.time() - self._outbox.oldest_time > PENDING_UNASKED_S)

    async def _handle_signals(self, signals: AsyncIterator[int]) -> None:
        """Leave at the first signal; at a second, or before there is anything to leave, end at once.

        SIGHUP is no second signal: a terminal that is closed brings it with the end of its input, and shells repeat it.
        Neither is the SIGTERM that comes with it at the end of a login: nobody waits then. A client that ends without
        leaving has less time to say `bye`.
        """
        is_closed = False
        async for number in signals:
            if self._surface is None:
                self._scope.cancel()
            elif not self._surface.stopped.is_set():
                self._surface.stop()
            elif number != signal.SIGHUP and not is_closed:
                self._scope.cancel()
            is_closed = number == signal.SIGHUP

    async def _report_slow_connect(self) -> None:
        """Report a connection that takes long: a server of another protocol may be waiting for more from us."""
        await trio.sleep(CONNECT_NOTICE_S)
        if self._surface is None and not self._has_been_asked:
            print_error(f"no answer from {self.address} yet; {WRONG_PORT}")

    async def _ask_password(self, notices: Sequence[str], name: str) -> str | None:
        """Ask the person for the password of a name, or else of the server. -> None where they give none"""
        for text in notices:  # such as whose certificate it is, before anything secret is typed
            print_error(text)
        from trio_chat.client.conversation.password import read_password  # only here: most servers have none

        if name:
            no_key = f"no key of yours proves the name [{name}]; {NO_PASSWORD_YET}"
            print_error("wrong password" if self._was_asked_for_name else no_key)
            self._has_been_asked = self._was_asked_for_name = True
            return await read_password(f"password for [{clean(name)}] (Enter: go on without it): ")
        is_wrong = self._was_asked or self._identity.password
        print_error("wrong password" if is_wrong else f"{self.address} asks for a password")
        self._has_been_asked = self._was_asked = True
        while (password := await read_password()) == "":
            pass
        return password

    async def _converse(self, link: Link, surface: Surface) -> int:
        self.conversation = conversation = Conversation(
            link,
            surface,
            self.make_display(surface),
            self.narrator,
            options=self.options,
            marks=self._marks,
            remember=self._remember_line,
        )
        try:
            async with trio.open_nursery() as nursery:
                if self.stickers and surface.has_person:
                    nursery.start_soon(self.stickers.run, link)
                nursery.start_soon(self.memory.keep, lambda: self._remembered(link))
                ended = await conversation.run()
                nursery.cancel_scope.cancel()
        finally:
            self.memory.save(self._remembered(link))
            self._pending_count = sum(len(lines_of(message)) for message in link.pending)
            self._lost_count = conversation.lost_count
        if ended and ended.is_orderly:
            self._outbox.end_session()
        is_unsaid = bool(surface.refused or conversation.has_failed or self._pending_count or self._lost_count)
        if conversation.has_left and (surface.has_prompt or not is_unsaid):
            return 0
        if ended and not ended.is_orderly:
            self._last_error = ended.reason
            return 1
        if self._pending_count and self.narrator.delivery.offline_reason:
            self._last_error = f"no connection: {self.narrator.delivery.offline_reason}"
        return int(is_unsaid or (ended is None and not conversation.has_left))

    def _remembered(self, link: Link) -> Remembered:
        """Return what is to be remembered now."""
        if link.is_connected and self.conversation:
            self._marks.touch(self.conversation.seen_rooms, time.time())
        return remembered(link, self.narrator, self._marks, self.people_listed())

    def people_listed(self) -> Sequence[str]:
        """Return the people whose private conversations are to be listed the next time: here, those of last time."""
        return self.memory.remembered.people

    def _remember_line(self, line: str) -> None:
        if may_be_stored(line):
            self.memory.add_line(room_of_line(line, self.narrator.room), str(line))

    async def _say_goodbye(self, surface: Surface) -> None:
        """Print why it ended, what was not sent, and the farewell; there may be nobody left to read it.

        The surface is closed: what is printed before is gone with the full screen.
        """
        if self._last_error:
            print_error(self._last_error)
        last_words = []
        if surface.draft:
            last_words.append(f"not sent: {beginning_of(surface.draft.splitlines())}")
        if pending := self._explain_pending():
            if surface.has_prompt:
                last_words.append(pending)
            else:
                print_error(pending)
        if self._lost_count:
            lost = f"{count_lines(self._lost_count)} not sent, and lost"
            if surface.has_prompt:
                last_words.append(lost)
            else:
                print_error(lost)
        with trio.move_on_after(LEAVE_TIMEOUT_S), suppress(OSError):
            await surface.print("\n".join((*map(notice, last_words), GOODBYE, "")))

    def _explain_pending(self) -> str:
        if not self._pending_count:
            return ""
        if not self._outbox.is_on_disk:
            return f"{count_lines(self._pending_count)} not sent, and lost"
        return f"{count_lines(self._pending_count)} not sent: kept for when you join again"
