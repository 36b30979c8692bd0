"""Questions in place of the draft: one at a time, answered by a letter and Enter, or by a secret."""

from collections.abc import Callable, Sequence

import trio

from trio_chat.client.conversation.question import (
    HELD_BACK,
    HELD_DROPPED,
    NO_ANSWER,
    PASTE_IS_NO_ANSWER,
    Hold,
    PromptQuestion,
)
from trio_chat.client.screen_view.draft_keys import is_typed
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.room_list import RoomState

Send = Callable[[RoomState, str], None]


class Questions:
    """Asks questions, and hands their answers over."""

    def __init__(self, state: ViewState, redraw: Callable[[], None], stopped: trio.Event) -> None:
        self._state = state
        self._redraw = redraw
        self._stopped = stopped

    async def ask(self, text: str) -> str:
        """Ask a question. -> the letter of the choice; empty for Ctrl-C, Esc, or leaving"""
        while self._state.question is not None:
            await self._state.question.answered.wait()
        question = self._state.question = PromptQuestion(text)
        self._redraw()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._answer_when_stopped, question)
            await question.answered.wait()
            nursery.cancel_scope.cancel()
        return question.answer

    def ask_about(self, room: RoomState, draft: str, text: str, send: Send) -> None:
        """Ask before a draft is sent: it is sent, or kept for the arrow keys, or edited again."""

        def then(key: str) -> None:
            if key == "y":
                send(room, draft)
            elif key == "n":
                room.sent.add(draft)
            else:
                room.restore(draft)

        self._state.question = PromptQuestion(text, then)

    def ask_secret(self, room: RoomState, draft: str, texts: Sequence[str], send: Send, *, first: str = "") -> None:
        """Ask for the secret that a command lacks, at once: whatever is typed next belongs to the answer."""
        text, *others = texts

        def then(secret: str) -> None:
            if not secret:
                self._state.message = "nothing was sent"
            elif first and secret != first:
                self._state.message = "these are two passwords: nothing was sent"
            elif others:
                self.ask_secret(room, draft, others, send, first=secret)
            else:
                send(room, f"{draft} {secret}")

        self._state.question = PromptQuestion(text, then, choices="", is_secret=True)

    def hold(self, draft: str) -> None:
        """Hold back what is typed behind a command, until `end_hold`."""
        self._state.question = hold = Hold(draft=draft, then=lambda _: self._tell_dropped(hold))

    def _tell_dropped(self, hold: Hold) -> None:
        if hold.held:
            self._state.message = HELD_DROPPED

    def end_hold(self, room: RoomState, draft: str, texts: Sequence[str], send: Send) -> None:
        """Answer the questions `texts` with what was held back; what answers none comes back as a draft."""
        hold = self._state.question
        if not isinstance(hold, Hold) or hold.draft != draft:
            return
        self._state.question = None
        hold.answered.set()
        if texts:
            self.ask_secret(room, draft, texts, send)
        if left := hold.replay(lambda: self._state.question, self._enter):
            room.editor.insert(left)
            self._state.message = HELD_BACK if hold.lines else self._state.message
        self._redraw()

    def press(self, question: PromptQuestion, key: str) -> None:
        """Handle a key while a question is asked."""
        if key in ("ctrl c", "esc"):
            self._answer(question, "")
        elif key == "enter":
            self._enter(question)
        elif key in ("backspace", "ctrl h"):
            question.typed = question.typed[:-1]
        elif key == "ctrl u":
            question.typed = ""
        elif is_typed(key):
            question.type(key)

    def paste(self, question: PromptQuestion, text: str) -> None:
        """Take a paste for a secret: it is no answer to anything else."""
        if question.is_secret:
            question.type(text)
        else:
            self._state.message = PASTE_IS_NO_ANSWER

    def _enter(self, question: PromptQuestion) -> None:
        answer, other = question.take()
        if answer is not None:
            self._answer(question, answer)
        elif other:
            self._state.message = NO_ANSWER
            self._state.rooms.current.restore(other)

    async def _answer_when_stopped(self, question: PromptQuestion) -> None:
        await self._stopped.wait()
        self._answer(question, "")

    def _answer(self, question: PromptQuestion, answer: str) -> None:
        if self._state.question is question:
            self._state.question = None
        question.answer = answer
        question.answered.set()
        question.then(answer)
