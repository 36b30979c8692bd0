"""Questions in place of the draft: one at a time, answered by a key or by a secret that is typed unseen."""

from collections.abc import Callable, Sequence

import trio

from trio_chat.client.conversation.question import Question
from trio_chat.client.screen_view.draft_keys import is_typed
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.room_list import RoomState

SECRET_MAX = 512
"""Characters of a secret that is typed."""

Send = Callable[[RoomState, str], None]


class Questions:
    """Asks questions, and hands their answers over."""

    def __init__(self, state: ViewState, redraw: Callable[[], None], stopped: trio.Event) -> None:
        self._state = state
        self._redraw = redraw
        self._stopped = stopped

    async def ask(self, text: str, keys: str) -> str:
        """Ask a question. -> the one of `keys` pressed; empty for Ctrl-C, Esc, or leaving"""
        while self._state.question is not None:
            await self._state.question.answered.wait()
        question = self._state.question = Question(text, keys=keys)
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
                room.editor.set(draft)

        self._state.question = Question(text, then)

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

        self._state.question = Question(text, then, keys="", is_secret=True)

    def press(self, question: Question, key: str) -> None:
        """Handle a key while a question is asked."""
        if key in ("ctrl c", "esc"):
            self._answer(question, "")
        elif question.is_secret:
            self._press_in_secret(question, key)
        elif len(key) == 1 and key.lower() in question.keys:
            self._answer(question, key.lower())

    def paste(self, question: Question, text: str) -> None:
        """Take a paste for a secret."""
        if question.is_secret and len(question.secret) + len(text) <= SECRET_MAX:
            question.secret += "".join(char for char in text if char.isprintable())

    def _press_in_secret(self, question: Question, key: str) -> None:
        if key == "enter":
            self._answer(question, question.secret)
        elif key == "backspace":
            question.secret = question.secret[:-1]
        elif key == "ctrl u":
            question.secret = ""
        elif is_typed(key):
            self.paste(question, key)

    async def _answer_when_stopped(self, question: Question) -> None:
        await self._stopped.wait()
        self._answer(question, "")

    def _answer(self, question: Question, key: str) -> None:
        if self._state.question is question:
            self._state.question = None
        question.answer = key
        question.answered.set()
        question.then(key)
