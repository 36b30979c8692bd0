"""Drafts: what keys do to them, from typing to sending."""

import math
from collections.abc import Callable

import trio

from trio_chat.chat.errors import ChatError
from trio_chat.chat.typed_line import read_line
from trio_chat.client.conversation.prompt_view import PromptView
from trio_chat.client.conversation.typed_drafts import PASTE_GRACE_S, TOO_LATE, RoomLine, TypedDrafts
from trio_chat.client.screen_view.input_pane import editor_of
from trio_chat.client.screen_view.navigation import Navigation
from trio_chat.client.screen_view.questions import Questions
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.delivery import count_lines
from trio_chat.client.transcript.draft_history import clean_draft
from trio_chat.client.transcript.paste import (
    DRAFT_CHARS_MAX,
    TOO_MUCH,
    clean_paste,
    is_too_much,
    lines_in,
    question_about,
)
from trio_chat.client.transcript.private_commands import is_bare, person_addressed, private_command, words_of_search
from trio_chat.client.transcript.room_list import RoomState, room_with
from trio_chat.client.transcript.typed_forms import typed_form
from trio_chat.client.transcript.typed_secrets import takes_secret


class Drafting:
    """Edits and sends the drafts of all rooms."""

    def __init__(
        self,
        state: ViewState,
        view: PromptView,
        navigation: Navigation,
        *,
        typed: TypedDrafts,
        questions: Questions,
        stop: Callable[[], None],
    ) -> None:
        """`typed` gets the drafts that are sent, and `stop` is called when the person leaves."""
        self._state = state
        self._view = view
        self._navigation = navigation
        self._typed = typed
        self._questions = questions
        self._stop = stop
        self._pasted_at = -math.inf

    def insert(self, letters: str) -> None:
        """Insert letters that were typed."""
        if letters:
            self._state.message, self._state.menu = "", None
            self._insert_bounded(letters, is_typed=True)

    def _insert_bounded(self, text: str, *, is_typed: bool = False) -> None:
        editor = editor_of(self._state)
        if len(editor.text) + len(text) > DRAFT_CHARS_MAX:
            self._state.message = TOO_MUCH
        else:
            editor.insert(text, is_typed=is_typed)

    def enter(self) -> None:
        """Send the draft, or search for it."""
        state = self._state
        editor = editor_of(state)
        draft = editor.text
        if state.finding:
            state.finding = None
            self._navigation.search(draft)
            return
        state.rooms.current.editor = type(editor)()
        if draft.strip():
            self._accept(state.rooms.current, draft)

    def _accept(self, room: RoomState, draft: str) -> None:
        """Send a draft, or ask about it first."""
        if question := question_about(draft, room.name):
            self._questions.ask_about(room, draft, question, self._send)
        elif questions := self._view.secret_questions(draft):
            self._questions.ask_secret(room, draft, questions, self._send)
        else:
            self._send(room, draft)

    def _send(self, room: RoomState, draft: str) -> None:
        self._navigation.go_to_end()
        room.sent.add(draft)
        if person := person_addressed(draft):
            self._navigation.go_to(self._state.rooms.get(room_with(person)))
            return
        if "\n" in draft:
            self._pasted_at = trio.current_time()
        if room.is_private:
            self._send_privately(room, draft)
        else:
            self._put(RoomLine(draft, room.name))

    def _put(self, line: str) -> None:
        """Hand over a line. Behind a command that a password belongs to, hold back what is typed next."""
        self._typed.put(line)
        if takes_secret(line) and self._state.question is None:
            self._questions.hold(line)

    def end_hold(self, draft: str, *, asks: bool) -> None:
        """Let through what was held back behind a command; if it `asks`, as the secret that it lacks."""
        room = self._state.rooms.current
        self._questions.end_hold(room, draft, self._view.secret_questions(draft) if asks else (), self._send)

    def _send_privately(self, room: RoomState, draft: str) -> None:
        """Send to the other person; a command is one all the same, but says nothing in a room."""
        typed = read_line(draft) if "\n" not in draft else None
        if typed and is_bare(draft, "leave"):
            self._state.rooms.close(room)
            self._navigation.go_to(self._state.rooms.current)
        elif typed and (typed.command or typed.is_quit):
            self._run_private_command(room, draft)
        else:
            lines = [typed.text] if typed else lines_in(draft)
            for line in filter(str.strip, lines):
                self._typed.put(RoomLine(f"/msg {room.person} {line}", room.name))

    def _run_private_command(self, room: RoomState, draft: str) -> None:
        """Run a command about this conversation. One that is about a room only is refused, and stays in the line."""
        if words := words_of_search(draft):
            self._navigation.search(words)
            return
        try:
            self._put(private_command(draft, room.person))
        except ChatError as error:
            room.editor.set(draft)
            self._state.message = error.text

    def interrupt(self) -> None:
        """Handle Ctrl-C: stop a paste, or clear the draft, or leave."""
        state, editor, now = self._state, editor_of(self._state), trio.current_time()
        if self._has_stopped_paste():
            self._pasted_at = -math.inf
        elif state.hits or state.shows_keys or state.picker or (state.finding and not editor.text):
            self.escape()
        elif editor.text:
            state.rooms.current.sent.add(editor.text)
            editor.cut_all()
        elif now - self._pasted_at < PASTE_GRACE_S:
            self._pasted_at = -math.inf
            state.message = TOO_LATE
        else:
            self._stop()

    def _has_stopped_paste(self) -> bool:
        """Take back a paste that is being sent, or that nobody has taken from here yet. -> whether there was any"""
        if count := self._typed.drop_pastes():
            self._state.message = f"{count_lines(count)} not sent: taken back"
        return self._view.stop_paste() or count > 0

    def leave_if_empty(self) -> None:
        """Leave, in an empty draft; else delete what is behind the cursor."""
        editor = editor_of(self._state)
        if editor.text:
            editor.delete_right()
        else:
            self._stop()

    def escape(self) -> None:
        """Close what stands in the place of the transcript or of the draft; else go to the newest line."""
        state = self._state
        if state.hits:
            self._navigation.close_hits()
        elif not (state.shows_keys or state.menu or state.finding or state.picker):
            self._navigation.go_to_end()
        state.shows_keys, state.menu, state.finding, state.picker = False, None, None, None

    def home(self) -> None:
        """Go to the beginning of the line; in an empty draft, to the oldest line that is loaded."""
        editor = editor_of(self._state)
        if editor.text:
            editor.line_start()
        else:
            self._navigation.go_to_top()

    def end(self) -> None:
        """Go to the end of the line; in an empty draft, to the newest line."""
        editor = editor_of(self._state)
        if editor.text:
            editor.line_end()
        else:
            self._navigation.go_to_end()

    def find(self) -> None:
        """Let something to search for be typed in place of the draft."""
        self._state.finding, self._state.picker = RoomState(""), None

    def up(self) -> None:
        """Move up; in the first line, bring back what was sent before."""
        if not editor_of(self._state).up():
            self.recall(-1)

    def down(self) -> None:
        """Move down; in the last line, bring back what was sent later."""
        if not editor_of(self._state).down():
            self.recall(1)

    def recall(self, step: int) -> None:
        """Bring back what was sent before, or later."""
        room = self._state.rooms.current
        if self._state.finding:
            return
        draft = room.sent.older(room.editor.text) if step < 0 else room.sent.newer()
        if draft is not None:
            room.editor.set(clean_draft(draft))

    def send_failed(self) -> None:
        """Send what failed in this room again: it becomes a draft of its own for the room."""
        room = self._state.rooms.current
        failed, room.failed = room.failed, []
        for one in failed:
            self._typed.put(RoomLine(typed_form(one.message), room.name))

    def drop_failed(self) -> None:
        """Drop what failed in this room: the arrow keys bring it back."""
        room = self._state.rooms.current
        for one in room.failed:
            room.sent.add(clean_draft(typed_form(one.message)))
        room.failed = []

    def paste(self, data: str) -> None:
        """Put a paste into the draft, or into what is words_of_search for or answered."""
        state = self._state
        if is_too_much(data):
            state.message = TOO_MUCH
            return
        text = clean_paste(data)
        if state.question:
            self._questions.paste(state.question, text)
        elif state.finding or state.picker:
            self._insert_bounded(text.replace("\n", " ")[:256])
        else:
            state.shows_keys, state.menu = False, None
            self._insert_bounded(text)
