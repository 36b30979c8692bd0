"""The surface of the screen view: keys, and the drafts that they make."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Self

import trio

from trio_chat.chat.typed_line import read_line
from trio_chat.client.conversation.prompt_view import PromptView
from trio_chat.client.conversation.typed_drafts import RoomLine, TypedDrafts
from trio_chat.client.screen_view.draft_keys import DRAFT_KEYS, is_typed
from trio_chat.client.screen_view.input_pane import editor_of
from trio_chat.client.screen_view.navigation import Navigation
from trio_chat.client.screen_view.questions import Questions
from trio_chat.client.screen_view.tab_menu import TabMenu
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.delivery import count_lines
from trio_chat.client.transcript.draft_history import clean_draft
from trio_chat.client.transcript.input import typed_form, without_secret
from trio_chat.client.transcript.paste import DRAFT_CHARS_MAX, lines_in, pasted
from trio_chat.client.transcript.room_list import RoomState

LINES_TYPED_MAX = 3
"""Lines in one burst of keys that may have been typed ahead. More are a paste that the terminal did not mark."""

PASTE_GRACE_S = 1.0
"""Time after the sending of a paste in which Ctrl-C is meant to stop it, and does not leave."""

TOO_LATE = "too late to stop: it was sent; Ctrl-C again leaves"

_HALF, _WHOLE = 0.5, 0.9
"""Parts of a pane by which one scrolls."""


class ScreenSurface:
    """Iterates over typed drafts. Ctrl-D in an empty draft stops it."""

    has_prompt = True
    keys = (("F1", "list all keys"),)
    has_person = True
    is_typed = True
    has_colours = True
    refused = 0

    def __init__(
        self,
        state: ViewState,
        view: PromptView,
        navigation: Navigation,
        tab_menu: TabMenu,
        *,
        redraw: Callable[[], None],
        columns: Callable[[], int],
        print_text: Callable[[str], None],
    ) -> None:
        """`redraw` is called after each change; `columns` returns the width of the screen; `print_text` prints."""
        self._print = print_text
        self._state = state
        self._view = view
        self._navigation = navigation
        self._tab_menu = tab_menu
        self._redraw = redraw
        self._columns = columns
        self._typed = TypedDrafts()
        self._pasted_at = -math.inf
        self.forget_screen: Callable[[], None] = lambda: None
        """Called to draw everything anew."""
        self.stopped = trio.Event()
        self.last_key_at = time.time()
        self._questions = Questions(state, redraw, self.stopped)
        self._actions = self._make_actions()

    # Surface

    @property
    def draft(self) -> str:
        """The drafts that were not sent, of all rooms."""
        return "\n".join(room.editor.text for room in self._state.rooms.all if room.editor.text)

    @property
    def columns(self) -> int | None:
        """Width of the terminal."""
        return self._columns()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[str]:
        """Wait for typed drafts. -> all that there are"""
        return await self._typed.take()

    async def print(self, text: str) -> None:
        """Print below the screen, which is gone: the terminal shows it as it shows any output."""
        await trio.lowlevel.checkpoint()
        self._print(text)

    def refresh(self) -> None:
        """Draw again."""
        self._redraw()

    async def ask(self, text: str, keys: str) -> str:
        """Ask a question in place of the draft. -> the one of `keys` pressed; empty for Ctrl-C, or leaving"""
        return await self._questions.ask(text, keys)

    def restore(self, draft: str) -> None:
        """Put a draft back; where another is being typed, the arrow key brings it back."""
        room, text = self._state.rooms.current, clean_draft(draft)
        if room.editor.text:
            room.sent.add(text)
        else:
            room.editor.set(text)
        self._redraw()

    def stop(self) -> None:
        """Stop, after the drafts that were sent already."""
        self.stopped.set()
        self._typed.close()

    # Keys

    def press(self, keys: Sequence[str], take_paste: Callable[[], str]) -> None:
        """Handle keys, by the names that urwid gives them."""
        self.last_key_at = time.time()
        if keys.count("enter") > LINES_TYPED_MAX and "begin paste" not in keys and self._state.question is None:
            self._paste("".join("\n" if key == "enter" else key for key in keys if is_typed(key) or key == "enter"))
        else:
            letters = ""
            for key in keys:
                if is_typed(key) and self._takes_letters(key, letters):
                    letters += key
                    continue
                self._insert(letters)
                letters = ""
                self._press(key, take_paste)
            self._insert(letters)
        self._redraw()

    def _takes_letters(self, key: str, letters: str) -> bool:
        state = self._state
        if state.question or state.shows_keys or state.hits:
            return False
        return key != "?" or bool(letters or editor_of(state).text)

    def _insert(self, letters: str) -> None:
        if letters:
            self._state.message, self._state.menu = "", None
            self._insert_bounded(letters, is_typed=True)

    def _insert_bounded(self, text: str, *, is_typed: bool = False) -> None:
        editor = editor_of(self._state)
        if len(editor.text) + len(text) > DRAFT_CHARS_MAX:
            limit = DRAFT_CHARS_MAX // 1024
            self._state.message = f"too much to be pasted: at most {limit} KiB, or pipe it into another join"
        else:
            editor.insert(text, is_typed=is_typed)

    def _press(self, key: str, take_paste: Callable[[], str]) -> None:
        state = self._state
        if key not in ("ctrl c", "window resize"):
            state.message = ""
        if key == "begin paste":
            self._paste(take_paste())
        elif key == "end paste":
            return
        elif state.question:
            self._questions.press(state.question, key)
        elif key == "ctrl c":
            self._interrupt()
        elif state.shows_keys:
            self._press_in_key_list(key)
        elif state.hits and self._press_in_hits(key):
            return
        elif action := self._actions.get(key):
            if key not in ("tab", "shift tab", "ctrl r"):
                state.menu = None
            action()
        elif edit := DRAFT_KEYS.get(key):
            state.menu = None
            edit(editor_of(state))

    def _make_actions(self) -> Mapping[str, Callable[[], None]]:
        go = self._navigation
        actions: dict[str, Callable[[], None]] = {
            "enter": self._enter,
            "esc": self._escape,
            "tab": partial(self._tab_menu.complete, 1),
            "shift tab": partial(self._tab_menu.complete, -1),
            "ctrl r": self._tab_menu.recall,
            "up": self._up,
            "down": self._down,
            "ctrl p": partial(self._recall, -1),
            "ctrl n": partial(self._recall, 1),
            "page up": partial(go.scroll, -_WHOLE),
            "page down": partial(go.scroll, _WHOLE),
            "meta page up": partial(go.scroll, -_HALF),
            "meta page down": partial(go.scroll, _HALF),
            "meta <": go.go_to_top,
            "meta home": go.go_to_top,
            "meta >": go.go_to_end,
            "meta end": go.go_to_end,
            "meta a": go.go_to_news,
            "meta up": partial(go.step, -1),
            "f5": partial(go.step, -1),
            "f6": partial(go.step, 1),
            "meta down": partial(go.step, 1),
            "meta u": go.go_to_unread,
            "meta r": self._send_failed,
            "meta x": self._drop_failed,
            "ctrl f": self._find,
            "ctrl d": self._leave_if_empty,
            "ctrl l": lambda: self.forget_screen(),
            "f1": self._show_keys,
            "?": self._show_keys,
        }
        actions |= {f"meta {number}": partial(go.go_to_number, number) for number in range(1, 10)}
        return MappingProxyType(actions)

    # What keys do

    def _enter(self) -> None:
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
        if question := self._view.question_about(draft):
            self._questions.ask_about(room, draft, question, self._send)
        elif questions := self._view.secret_wanted(draft):
            self._questions.ask_secret(room, draft, questions, self._send)
        else:
            self._send(room, draft)

    def _send(self, room: RoomState, draft: str) -> None:
        room.place = None
        if without_secret(draft) == draft:
            room.sent.add(draft)
        if "\n" in draft:
            self._pasted_at = trio.current_time()
        if room.is_private:
            self._send_privately(room, draft)
        else:
            self._typed.put(RoomLine(draft, room.name))
        self._navigation.mark_read()

    def _send_privately(self, room: RoomState, draft: str) -> None:
        """Send to the other person; a command is one all the same."""
        typed = read_line(draft) if "\n" not in draft else None
        if typed and typed.command.split()[:1] == ["/leave"] and not typed.command.split()[1:]:
            self._state.rooms.close(room)
        elif typed and (typed.command or typed.is_quit):
            self._typed.put(draft)
        else:
            lines = [typed.text] if typed else lines_in(draft)
            for line in filter(str.strip, lines):
                self._typed.put(f"/msg {room.person} {line}")

    def _interrupt(self) -> None:
        """Handle Ctrl-C: stop a paste, or clear the draft, or leave."""
        state, editor, now = self._state, editor_of(self._state), trio.current_time()
        if self._has_stopped_paste():
            self._pasted_at = -math.inf
        elif state.hits or state.shows_keys or (state.finding and not editor.text):
            self._escape()
        elif editor.text:
            state.rooms.current.sent.add(editor.text)
            editor.cut_all()
        elif now - self._pasted_at < PASTE_GRACE_S:
            self._pasted_at = -math.inf
            state.message = TOO_LATE
        else:
            self.stop()

    def _has_stopped_paste(self) -> bool:
        """Take back a paste that is being sent, or that nobody has taken from here yet. -> whether there was any"""
        if count := self._typed.drop_pastes():
            self._state.message = f"{count_lines(count)} not sent: taken back"
        return self._view.stop_paste() or count > 0

    def _leave_if_empty(self) -> None:
        editor = editor_of(self._state)
        if editor.text:
            editor.delete_right()
        else:
            self.stop()

    def _escape(self) -> None:
        state = self._state
        if state.hits:
            self._navigation.close_hits()
        state.shows_keys, state.menu, state.finding = False, None, None

    def _show_keys(self) -> None:
        self._state.shows_keys, self._state.keys_row = True, 0

    def _find(self) -> None:
        self._state.finding = RoomState("")

    def _up(self) -> None:
        if not editor_of(self._state).up():
            self._recall(-1)

    def _down(self) -> None:
        if not editor_of(self._state).down():
            self._recall(1)

    def _recall(self, step: int) -> None:
        room = self._state.rooms.current
        if self._state.finding:
            return
        draft = room.sent.older(room.editor.text) if step < 0 else room.sent.newer()
        if draft is not None:
            room.editor.set(clean_draft(draft))

    def _send_failed(self) -> None:
        """Send what failed in this room again: it becomes a draft of its own for the room."""
        room = self._state.rooms.current
        failed, room.failed = room.failed, []
        for one in failed:
            self._typed.put(RoomLine(typed_form(one.message), room.name))

    def _drop_failed(self) -> None:
        room = self._state.rooms.current
        for one in room.failed:
            room.sent.add(clean_draft(typed_form(one.message)))
        room.failed = []

    def _paste(self, data: str) -> None:
        """Put a paste into the draft, or into what is searched for or answered."""
        state, text = self._state, pasted(data)
        if state.question:
            self._questions.paste(state.question, text)
        elif state.finding:
            self._insert_bounded(text.replace("\n", " ")[:256])
        else:
            state.shows_keys, state.menu = False, None
            self._insert_bounded(text)

    # Keys in other places

    def _press_in_key_list(self, key: str) -> None:
        steps = {"down": 1, "up": -1, "page down": 10, "page up": -10}
        if key in steps:
            self._state.keys_row = max(self._state.keys_row + steps[key], 0)
        else:
            self._state.shows_keys = key == "window resize"

    def _press_in_hits(self, key: str) -> bool:
        """Handle a key while there are lines that a search found. -> whether it meant those"""
        steps = {"up": -1, "down": 1, "ctrl p": -1, "ctrl n": 1, "page up": -10, "page down": 10}
        if key in steps:
            self._navigation.choose_hit(steps[key])
        elif key == "enter":
            self._navigation.go_to_hit()
        elif key in ("esc", "q"):
            self._navigation.close_hits()
        else:
            return key not in self._actions
        return True
