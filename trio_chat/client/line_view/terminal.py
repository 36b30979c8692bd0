"""The line view on a terminal: a prompt that stays at the bottom while others' lines appear above it.

prompt_toolkit edits the line, on the asyncio that it is made for; Trio is a guest of the same loop (`guest_run.py`), so
that keys and lines take turns and nothing needs a lock. It is slow to import: import this only for a terminal.
"""

import asyncio
import math
import os
import termios
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Self, TextIO, cast

import trio
from prompt_toolkit.application import Application
from prompt_toolkit.application.current import set_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.styles import Style

from trio_chat.client.conversation.prompt_view import PLAIN_PROMPT, PromptView
from trio_chat.client.conversation.question import (
    HELD_BACK,
    HELD_DROPPED,
    NO_ANSWER,
    PASTE_IS_NO_ANSWER,
    Hold,
    PromptQuestion,
)
from trio_chat.client.conversation.typed_drafts import PASTE_GRACE_S, TOO_LATE, TypedDrafts
from trio_chat.client.fatal_signals import before_fatal_signal
from trio_chat.client.line_view.clusters import Clusters
from trio_chat.client.line_view.draft_session import DraftHistory, DraftSession
from trio_chat.client.line_view.key_list import KEYS
from trio_chat.client.line_view.line_pictures import LinePictures
from trio_chat.client.line_view.prompt_renderer import reflows
from trio_chat.client.line_view.terminal_input import TerminalInput
from trio_chat.client.line_view.terminal_output import TerminalOutput
from trio_chat.client.line_view.word_completer import Complete, WordCompleter
from trio_chat.client.transcript.delivery import count_lines
from trio_chat.client.transcript.paste import DRAFT_CHARS_MAX, TOO_MUCH, clean_paste, is_too_much
from trio_chat.client.transcript.typed_secrets import takes_secret

STYLE = Style.from_dict({"waiting": "dim"})

FRAME_S = 0.016
"""Least time between two writes of lines: a screen shows no more than 60 a second."""

RESTORE_TIMEOUT_S = 2.0
"""Time to restore the terminal, which takes one turn of the loop."""

_FINAL_READS_MAX = 64  # of 1 KiB; the kernel keeps 4 KiB of keys, but somebody may go on typing


@asynccontextmanager
async def open_terminal(
    stdin: TextIO,
    stdout: TextIO,
    words: Complete,
    view: PromptView = PLAIN_PROMPT,
    *,
    pictures: LinePictures | None = None,
) -> AsyncIterator["Terminal"]:
    """Show the prompt until the end of the block, then restore the terminal. Tab completes to `words`."""
    terminal = Terminal(stdin, stdout, words, view, pictures)
    prompting = asyncio.get_running_loop().create_task(terminal.prompt())
    ended = trio.Event()
    prompting.add_done_callback(lambda _: ended.set())
    with terminal.counting_signals(), before_fatal_signal(terminal.give_back):
        try:
            yield terminal
        finally:
            if pictures:  # answers that come when the terminal is restored would be taken for typing by the shell
                with trio.CancelScope(shield=True):
                    await pictures.settle()
            terminal.stop()
            with trio.move_on_after(RESTORE_TIMEOUT_S, shield=True):
                await ended.wait()
            if prompting.done():
                prompting.result()


class Terminal:
    """Iterates over typed lines and prints above the prompt. Ctrl-D in an empty line stops it.

    Ctrl-C stops a paste that is being sent, or clears the draft, or stops the terminal: the first of these that
    applies.
    """

    has_prompt = True
    keys = KEYS
    has_person = True
    is_typed = True
    has_colours = True
    refused = 0

    def __init__(
        self,
        stdin: TextIO,
        stdout: TextIO,
        words: Complete,
        view: PromptView,
        pictures: LinePictures | None = None,
    ) -> None:
        self._view = view
        self._clusters = Clusters()
        self._output = cast(TerminalOutput, TerminalOutput.from_pty(stdout, enable_bell=False))
        self._output.enable_cpr = False  # it would wait for the position of the cursor after each line
        self._output.clusters = self._clusters
        self._question: PromptQuestion | None = None
        self._aside: list[str] = []
        """Drafts that a question found, or that are no answer to it, until it is answered."""
        self._input = TerminalInput(stdin, pictures.take_out if pictures else str)
        self._modes_before = termios.tcgetattr(stdin)
        self._session = DraftSession(
            self._make_prompt,
            input=self._input,
            output=self._output,
            history=DraftHistory(self._clusters, view.typed_before),
            key_bindings=self._make_keys(),
            completer=WordCompleter(words, self._clusters),
            style=STYLE,
            complete_while_typing=False,
            enable_suspend=True,
            erase_when_done=True,
        )
        if pictures and pictures.questions:
            self._session.app.after_render += partial(self._ask_once, pictures)
        self._session.use_renderer(self._output, has_reflow=reflows(os.environ))
        buffer = self._session.default_buffer
        buffer.accept_handler = self._accept
        buffer.on_text_changed += self._fold
        buffer.read_only = Condition(lambda: self._question is not None)
        self._typed = TypedDrafts()
        self._printed_at = self._pasted_at = -math.inf
        self._has_asked = False
        self.stopped = trio.Event()

    def _ask_once(self, pictures: LinePictures, app: Application[str]) -> None:
        """Ask the terminal which pictures it can show, now that it does not print what it answers."""
        if pictures.questions and not self._has_asked:
            self._has_asked = True
            self._output.write_raw(pictures.questions.text)
            self._output.flush()
            pictures.note_asked()

    @property
    def draft(self) -> str:
        """The line that is being typed, or lines."""
        return "\n".join((*self._aside, self._clusters.unfold(self._session.default_buffer.text)))

    @property
    def last_key_at(self) -> float:
        """The time of the last key, in seconds since 1970."""
        return self._input.last_key_at

    @property
    def columns(self) -> int | None:
        """Width of the terminal now."""
        return self._output.get_size().columns

    def counting_signals(self) -> AbstractContextManager[None]:
        """Until the end of the block, let two signals end the client even while the terminal takes nothing."""
        return self._output.counting_signals()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[str]:
        """Wait for typed lines. -> all that there are; a paste of several lines is one, with its line breaks"""
        return await self._typed.take()

    async def prompt(self) -> None:
        """Read keys until stopped, or until the terminal is gone. Runs on asyncio."""
        try:
            await self._session.prompt_async(set_exception_handler=False, handle_sigint=False)
        except (EOFError, OSError):  # the terminal is gone: it can neither be read nor restored
            return
        finally:
            self.stop()
            # prompt_toolkit would give keys pressed after leaving to the next prompt on a descriptor with this number.
            clear_typeahead(self._session.app.input)

    def stop(self) -> None:
        """Stop, after the keys pressed so far."""
        self._process_pressed_keys()
        self._stop()

    def _process_pressed_keys(self) -> None:
        app = self._session.app
        if not app.is_running:
            return
        with set_app(app):  # these are its keys, whoever calls
            for _ in range(_FINAL_READS_MAX):
                if app.is_done or not (keys := app.input.read_keys()):
                    break
                app.key_processor.feed_multiple(keys)
                app.key_processor.process_keys()

    def _stop(self) -> None:
        self.stopped.set()
        self._typed.close()
        app = self._session.app
        if app.is_running and not app.is_done:
            app.exit()

    def give_back(self) -> None:
        """Restore the terminal, with the prompt left where it is: the process ends now."""
        if self._session.app.is_running:
            termios.tcsetattr(self._input.fileno(), termios.TCSANOW, self._modes_before)
            self._output.end_prompt()

    async def print(self, text: str) -> None:
        """Print above the prompt, or at the cursor when there is none any more.

        Erasing the prompt, the text and the new prompt are one write, and two writes are FRAME_S apart. This does not
        use prompt_toolkit's `run_in_terminal`, which gives the terminal back meanwhile: a Ctrl-C or a letter that comes
        just then would go elsewhere. A write that was made is not reported as cancelled.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._session.app.is_running:
            await self._wait_for_frame()
        self._draw(text)
        await trio.lowlevel.cancel_shielded_checkpoint()

    def refresh(self) -> None:
        """Draw the prompt again, after a change of it or of the rows above it."""
        if self._session.app.is_running:
            self._draw("")

    async def ask(self, text: str) -> str:
        """Ask a question in place of the prompt. -> the letter of the choice; empty for Ctrl-C, or leaving"""
        while self._question is not None:
            await self._question.answered.wait()
        question = self._question = PromptQuestion(text)
        if draft := self.draft:
            self._aside = [draft]
            self._session.default_buffer.set_document(Document(), bypass_readonly=True)
        self.refresh()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._answer_when_stopped, question)
            await question.answered.wait()
            nursery.cancel_scope.cancel()
        return question.answer

    def restore(self, draft: str, _room: str = "", /) -> None:
        """Put a draft back into the line; where another is being typed, the arrow key brings it back."""
        buffer = self._session.default_buffer
        if buffer.text:
            buffer.history.append_string(draft)
            buffer.reset(buffer.document)  # which loads the history again
        else:
            buffer.set_document(Document(draft), bypass_readonly=True)
        self.refresh()

    async def _answer_when_stopped(self, question: "PromptQuestion") -> None:
        await self.stopped.wait()
        self._answer(question, "")

    def _answer(self, question: "PromptQuestion", answer: str) -> None:
        if self._question is question:
            self._question = None
        question.answer = answer
        question.answered.set()
        question.then(answer)
        if self._question is None:
            drafts, self._aside = self._aside, []
            for draft in drafts:
                self.restore(draft)

    async def _wait_for_frame(self) -> None:
        """Wait until FRAME_S after the last write, by the clock of asyncio."""
        loop = asyncio.get_running_loop()
        if (wait_s := self._printed_at + FRAME_S - loop.time()) > 0:
            is_due = trio.Event()
            timer = loop.call_later(wait_s, is_due.set)
            try:
                await is_due.wait()
            finally:
                timer.cancel()
        self._printed_at = loop.time()

    def _draw(self, text: str) -> None:
        app = self._session.app
        with self._output.one_frame():
            if app.is_running:
                app.renderer.erase()
            self._output.write_raw(text)
            if app.is_running and not app.is_done:
                self._session.redraw()

    def _make_prompt(self) -> StyleAndTextTuples:
        columns = self._output.get_size().columns
        above: StyleAndTextTuples = [("class:waiting", f"{row}\n") for row in self._view.waiting_rows(columns)]
        line = self._question.shown() if self._question else self._view.prompt(columns)
        return [*above, ("", line)]

    def _fold(self, buffer: Buffer) -> None:
        """Make each grapheme cluster one character of the draft."""
        folded = self._clusters.fold(buffer.text)
        if folded != buffer.text:
            cursor = len(self._clusters.fold(buffer.text[: buffer.cursor_position]))
            buffer.set_document(Document(folded, min(cursor, len(folded))), bypass_readonly=True)
        asyncio.get_running_loop().call_soon(self._close_menu_of_one)  # the change may be a completion

    def _close_menu_of_one(self) -> None:
        """Close the menu of completions if it has only the one that has just been put into the draft."""
        buffer = self._session.default_buffer
        menu = buffer.complete_state
        if menu and len(menu.completions) == 1 and menu.complete_index == 0:
            buffer.complete_state = None
            self.refresh()

    def _accept(self, buffer: Buffer) -> bool:
        """Send the draft and empty the prompt; a paste of many lines is asked about first."""
        draft = self._clusters.unfold(buffer.text)
        if questions := self._view.secret_questions(draft):
            self._ask_secret(draft, questions)
        elif question := self._view.question_about(draft):
            self._question = PromptQuestion(question, partial(self._send_if_wanted, draft))
        elif draft.strip():
            self._send(draft)
        return False

    def _send(self, draft: str) -> None:
        if "\n" in draft:
            self._pasted_at = asyncio.get_running_loop().time()
        self._typed.put(draft)
        if takes_secret(draft) and self._question is None:
            self._question = hold = Hold(draft=draft, then=lambda _: self._tell_dropped(hold))

    def _tell_dropped(self, hold: Hold) -> None:
        if hold.held:
            self._view.refuse(HELD_DROPPED)

    def end_hold(self, draft: str, *, asks: bool = False) -> None:
        """Let through what was held back behind a command, since it has been answered."""
        hold = self._question
        if not isinstance(hold, Hold) or hold.draft != draft:
            return
        self._question = None
        hold.answered.set()
        if asks and (questions := self._view.secret_questions(draft)):
            self._ask_secret(draft, questions)
        if left := hold.replay(lambda: self._question, self._enter):
            self._session.default_buffer.insert_text(self._clusters.fold(left))
            if hold.lines:
                self._view.refuse(HELD_BACK)
        self.refresh()

    def _send_if_wanted(self, draft: str, key: str) -> None:
        if key == "y":
            self._send(draft)
        elif key == "e":
            self.restore(draft)

    def _ask_secret(self, draft: str, questions: Sequence[str], first: str = "") -> None:
        """Ask for the secret that a command lacks, at once: whatever is typed next belongs to the answer."""
        text, *others = questions

        def then(secret: str) -> None:
            if not secret:
                self._view.refuse("nothing was sent")
            elif first and secret != first:
                self._view.refuse("these are two passwords: nothing was sent")
            elif others:
                self._ask_secret(draft, others, secret)
            else:
                self._send(f"{draft} {secret}")

        self._question = PromptQuestion(text, then, choices="", is_secret=True)

    def _type_answer(self, event: KeyPressEvent) -> None:
        """Take a key while a question is asked; a paste answers only one for a secret."""
        question = self._question
        assert question is not None
        key = event.key_sequence[0].key
        if key in (Keys.ControlM, Keys.ControlJ):
            self._enter(question)
        elif key in (Keys.ControlH, Keys.Delete):
            question.typed = question.typed[:-1]
        elif key is Keys.ControlU:
            question.typed = ""
        elif key is Keys.BracketedPaste and not question.is_secret:
            self._view.refuse(PASTE_IS_NO_ANSWER)
        elif len(key) == 1 or key is Keys.BracketedPaste:
            question.type(event.data)

    def _enter(self, question: PromptQuestion) -> None:
        answer, other = question.take()
        if answer is not None:
            self._answer(question, answer)
        elif other:
            self._view.refuse(NO_ANSWER)
            self._aside.append(other)

    def _interrupt(self) -> None:
        """Handle Ctrl-C."""
        if self._question:
            self._answer(self._question, "")
        elif self._has_stopped_paste():
            self._pasted_at = -math.inf
        elif self.draft:
            self._session.default_buffer.reset(append_to_history=True)
        elif asyncio.get_running_loop().time() - self._pasted_at < PASTE_GRACE_S:
            self._pasted_at = -math.inf
            self._view.refuse(TOO_LATE)
        else:
            self._stop()

    def _has_stopped_paste(self) -> bool:
        """Take back a paste that is being sent, or that nobody has taken from here yet. -> whether there was any"""
        if count := self._typed.drop_pastes():
            self._view.refuse(f"{count_lines(count)} not sent: taken back")
        return self._view.stop_paste() or count > 0

    def _paste(self, event: KeyPressEvent) -> None:
        """Put a paste into the draft."""
        if is_too_much(event.data) or len(self.draft) + len(text := clean_paste(event.data)) > DRAFT_CHARS_MAX:
            self._view.refuse(TOO_MUCH)
        else:
            event.current_buffer.insert_text(self._clusters.fold(text))

    def _make_keys(self) -> KeyBindings:
        keys = KeyBindings()
        is_asking = Condition(lambda: self._question is not None)
        is_typing = has_focus(DEFAULT_BUFFER) & ~is_asking
        is_empty = Condition(lambda: not self.draft)
        keys.add("c-c", filter=has_focus(DEFAULT_BUFFER))(lambda _: self._interrupt())
        keys.add("c-d", filter=is_typing & is_empty)(lambda _: self._stop())
        keys.add("c-u", filter=is_typing)(_clear_draft)
        keys.add("escape", "enter", filter=is_typing)(lambda event: event.current_buffer.insert_text("\n"))
        keys.add(Keys.BracketedPaste, filter=is_typing)(self._paste)
        for unexpected in "0123456789-#":  # to repeat the next key so often, or to send the draft as a comment
            keys.add("escape", unexpected, filter=is_typing)(_ignore)
        for unexpected in ("c-s", "c-]", "c-o"):  # a search, or a jump, to what is typed next; send, and recall
            keys.add(unexpected, filter=is_typing)(_ignore)
        for key in ("enter", "c-j", "c-h", "delete", "c-u", Keys.BracketedPaste, Keys.Any):
            # Eager: in a line that is read-only, prompt_toolkit takes `n`, `/` and others for commands of a search.
            keys.add(key, filter=is_asking, eager=True)(self._type_answer)
        keys.add("c-c", filter=is_asking, eager=True)(lambda _: self._interrupt())
        for other in ("c-d", "c-z", "tab", "up", "down", "left", "right", "home", "end", "c-r"):
            keys.add(other, filter=is_asking, eager=True)(_ignore)
        return keys


def _clear_draft(event: KeyPressEvent) -> None:
    """Clear the whole draft, as a terminal's own line editing does. Ctrl-Y brings it back."""
    buffer = event.current_buffer
    event.app.clipboard.set_text(buffer.text)
    buffer.text = ""


def _ignore(_event: KeyPressEvent) -> None:
    """Ignore a key."""
