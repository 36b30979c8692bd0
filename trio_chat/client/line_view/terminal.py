"""The line view on a terminal: a prompt that stays at the bottom while others' lines appear above it.

prompt_toolkit edits the line, on the asyncio it is made for; Trio runs as a guest of the same loop in the same thread,
so that keys and lines take turns and nothing needs a lock. It is slow to import: import this only for a terminal.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Self, TextIO, TypeVar, cast

import trio
from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import set_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from trio_chat.client.line_view.terminal_output import TerminalOutput
from trio_chat.client.transcript.transcript import PROMPT

T = TypeVar("T")

Complete = Callable[[str], list[str]]
"""Returns the completions of the last word before the cursor, given the text up to there."""

MakePrompt = Callable[[], str]
"""Returns the prompt; called whenever something is printed."""

RESTORE_TIMEOUT_S = 2.0
"""Time to restore the terminal, which takes one turn of the loop."""

_FINAL_READS_MAX = 64  # of 1 KiB; the kernel keeps 4 KiB of keys, but somebody may go on typing


def run_on_asyncio(main: Callable[[], Awaitable[T]], *, clock: trio.abc.Clock | None = None) -> T:
    """Run `main` on Trio, as `trio.run` does, where `open_terminal` works."""
    return asyncio.run(_host(main, clock))


async def _host(main: Callable[[], Awaitable[T]], clock: trio.abc.Clock | None) -> T:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    trio.lowlevel.start_guest_run(
        main,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=done.set_result,
        host_uses_signal_set_wakeup_fd=True,
        clock=clock,
    )
    result: T = (await done).unwrap()
    return result


@asynccontextmanager
async def open_terminal(
    stdin: TextIO, stdout: TextIO, words: Complete, prompt: MakePrompt = lambda: PROMPT
) -> AsyncIterator["Terminal"]:
    """Show the prompt until the end of the block; then the terminal is again as it was. Tab completes to `words`."""
    terminal = Terminal(stdin, stdout, words, prompt)
    prompting = asyncio.get_running_loop().create_task(terminal.prompt())
    ended = trio.Event()
    prompting.add_done_callback(lambda _: ended.set())
    with terminal.counting_signals():
        try:
            yield terminal
        finally:
            terminal.stop()
            with trio.move_on_after(RESTORE_TIMEOUT_S, shield=True):
                await ended.wait()
            if prompting.done():
                prompting.result()


class Terminal:
    """Iterates over what is typed and prints above the prompt. Ctrl-C, and Ctrl-D in an empty line, stop it."""

    has_prompt = True
    has_person = True
    is_typed = True
    has_colours = True
    refused = 0

    def __init__(self, stdin: TextIO, stdout: TextIO, words: Complete, prompt: MakePrompt) -> None:
        self._output = cast(TerminalOutput, TerminalOutput.from_pty(stdout, enable_bell=False))
        self._output.enable_cpr = False  # the answer to where the cursor is would be waited for after each line
        self._session: PromptSession[str] = PromptSession(
            prompt,
            input=Vt100Input(stdin),
            output=self._output,
            key_bindings=self._make_keys(),
            completer=WordCompleter(words),
            complete_while_typing=False,
            enable_suspend=True,
            erase_when_done=True,
        )
        self._session.default_buffer.accept_handler = self._accept
        self._send_typed, self._typed = trio.open_memory_channel[str](math.inf)
        self.stopped = trio.Event()

    @property
    def draft(self) -> str:
        """The line that is being typed."""
        return self._session.default_buffer.text

    @property
    def columns(self) -> int | None:
        """Width of the terminal now."""
        return self._output.get_size().columns

    def counting_signals(self) -> AbstractContextManager[None]:
        """Until the end of the block, let two signals end the client even while the terminal stands still."""
        return self._output.counting_signals()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[str]:
        """Wait for typed lines. -> all that there are"""
        try:
            lines = [await self._typed.receive()]
        except trio.EndOfChannel:
            raise StopAsyncIteration from None
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                lines.append(self._typed.receive_nowait())
        return lines

    async def prompt(self) -> None:
        """Read keys until stopped, or until the terminal is gone. Runs on asyncio."""
        try:
            await self._session.prompt_async(set_exception_handler=False, handle_sigint=False)
        except (EOFError, OSError):  # the terminal has gone; it can neither be read nor tidied up
            return
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop, after the keys that were pressed already."""
        self._process_pressed_keys()
        self._stop()

    def _process_pressed_keys(self) -> None:
        app = self._session.app
        if not app.is_running:
            return
        with set_app(app):  # the one whose keys these are, whoever calls
            for _ in range(_FINAL_READS_MAX):
                if app.is_done or not (keys := app.input.read_keys()):
                    break
                app.key_processor.feed_multiple(keys)
                app.key_processor.process_keys()

    def _stop(self) -> None:
        self.stopped.set()
        self._send_typed.close()
        app = self._session.app
        if app.is_running and not app.is_done:
            app.exit()

    async def print(self, text: str) -> None:
        """Print above the prompt, or at the cursor when there is none any more.

        Not by prompt_toolkit's `run_in_terminal`: that hands the terminal back for the time, and a Ctrl-C or a letter
        that comes just then would go elsewhere. What was printed counts as printed: it is not cancelled after that.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        app = self._session.app
        if app.is_running:
            app.renderer.erase()
        self._output.write_raw(text)
        self._output.flush()
        app.invalidate()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def _accept(self, buffer: Buffer) -> bool:
        """Send the line and empty the prompt."""
        if buffer.text.strip():
            self._send_typed.send_nowait(buffer.text)
        return False

    def _make_keys(self) -> KeyBindings:
        keys = KeyBindings()
        is_typing = has_focus(DEFAULT_BUFFER)
        is_empty = Condition(lambda: not self.draft)
        keys.add("c-c", filter=is_typing)(lambda _: self._stop())
        keys.add("c-d", filter=is_typing & is_empty)(lambda _: self._stop())
        keys.add(Keys.BracketedPaste, filter=is_typing)(_paste)
        return keys


class WordCompleter(Completer):
    """Completes the last word before the cursor."""

    def __init__(self, words: Complete) -> None:
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield the words that begin like the one before the cursor."""
        before = document.text_before_cursor
        typed = before.rpartition(" ")[2]
        for word in self._words(before):
            yield Completion(word, start_position=-len(typed), display=word.strip())


def _paste(event: KeyPressEvent) -> None:
    """Send each whole line of a paste as if Enter ended it; the rest stays to be edited."""
    buffer = event.current_buffer
    *lines, rest = event.data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines:
        buffer.insert_text(line)
        buffer.validate_and_handle()
    buffer.insert_text(rest)
