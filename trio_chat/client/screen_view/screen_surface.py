"""The surface of the screen view: keys, and the drafts that they make."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Self

import trio

from trio_chat.client.conversation.prompt_view import PromptView
from trio_chat.client.conversation.typed_drafts import TypedDrafts
from trio_chat.client.screen_view.draft_keys import DRAFT_KEYS, is_typed
from trio_chat.client.screen_view.drafting import Drafting
from trio_chat.client.screen_view.input_pane import editor_of
from trio_chat.client.screen_view.navigation import Navigation
from trio_chat.client.screen_view.questions import Questions
from trio_chat.client.screen_view.sticker_picker import StickerPicker
from trio_chat.client.screen_view.tab_menu import TabMenu
from trio_chat.client.screen_view.view_state import ViewState
from trio_chat.client.transcript.draft_history import clean_draft
from trio_chat.client.transcript.room_list import RoomState

LINES_TYPED_MAX = 3
"""Lines in one burst of keys that may have been typed ahead. More are a paste that the terminal did not mark."""

_CLICK = "click "
"""The beginning of the name of a click, before column and row."""

_WHEEL_ROWS = 3
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
        picker: StickerPicker,
        *,
        redraw: Callable[[], None],
        columns: Callable[[], int],
        print_text: Callable[[str], None],
    ) -> None:
        """`redraw` is called after each change; `columns` returns the width of the screen; `print_text` prints."""
        self._print = print_text
        self._state = state
        self._navigation = navigation
        self._tab_menu = tab_menu
        self._picker = picker
        self._redraw = redraw
        self._columns = columns
        self._typed = TypedDrafts()
        self.forget_screen: Callable[[], None] = lambda: None
        """Called to draw everything anew."""
        self.room_at: Callable[[int, int], RoomState | None] = lambda _column, _row: None
        """Returns the room whose name is at a column and row of the screen."""
        self.stopped = trio.Event()
        self.last_key_at = time.time()
        self._questions = Questions(state, redraw, self.stopped)
        self._drafting = Drafting(state, view, navigation, typed=self._typed, questions=self._questions, stop=self.stop)
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

    async def ask(self, text: str) -> str:
        """Ask a question in place of the draft. -> the letter of the choice; empty for Ctrl-C, or leaving"""
        return await self._questions.ask(text)

    def restore(self, draft: str, room: str, /) -> None:
        """Put a draft back into its room, and show that; where another is typed there, the arrow key brings it back."""
        state = self._state.rooms.find(room) or self._state.rooms.current
        self._navigation.go_to(state)
        state.restore(clean_draft(draft))
        self._redraw()

    def end_hold(self, draft: str, *, asks: bool = False) -> None:
        """Let through what was held back behind a command, since it has been answered."""
        self._drafting.end_hold(draft, asks=asks)

    def stop(self) -> None:
        """Stop, after the drafts that were sent already."""
        self.stopped.set()
        self._typed.close()

    # Keys

    def press(self, keys: Sequence[str], take_paste: Callable[[], str]) -> None:
        """Handle keys, by the names that urwid gives them."""
        self.last_key_at = time.time()
        is_secret = self._state.question is not None and self._state.question.is_secret
        if keys.count("enter") > LINES_TYPED_MAX and "begin paste" not in keys and not is_secret:
            self._drafting.paste(
                "".join("\n" if key == "enter" else key for key in keys if is_typed(key) or key == "enter")
            )
        else:
            letters = ""
            for key in keys:
                if is_typed(key) and self._takes_letters(key, letters):
                    letters += key
                    continue
                self._drafting.insert(letters)
                self._picker.narrow()
                letters = ""
                self._press(key, take_paste)
            self._drafting.insert(letters)
        self._picker.narrow()
        self._redraw()

    def _takes_letters(self, key: str, letters: str) -> bool:
        state = self._state
        if state.question or state.shows_keys or state.hits:
            return False
        return key != "?" or bool(state.picker or letters or editor_of(state).text)

    def _press(self, key: str, take_paste: Callable[[], str]) -> None:
        state = self._state
        if key not in ("ctrl c", "window resize", "end paste"):
            state.message = ""
        if key == "begin paste":
            self._drafting.paste(take_paste())
        elif key == "end paste":
            return
        elif state.question:
            self._questions.press(state.question, key)
        elif key == "ctrl c":
            self._drafting.interrupt()
        elif state.shows_keys:
            self._press_in_key_list(key)
        elif (state.hits and self._press_in_hits(key)) or self._picker.press(key):
            return
        elif key.startswith(_CLICK):
            self._navigation.go_to(self.room_at(*map(int, key.removeprefix(_CLICK).split())))
        elif action := self._actions.get(key):
            if key not in ("tab", "shift tab", "ctrl r", "esc"):
                state.menu = None
            action()
        elif edit := DRAFT_KEYS.get(key):
            state.menu = None
            edit(editor_of(state))

    def _make_actions(self) -> Mapping[str, Callable[[], None]]:
        go = self._navigation
        actions: dict[str, Callable[[], None]] = {
            "enter": self._drafting.enter,
            "esc": self._drafting.escape,
            "tab": partial(self._tab_menu.complete, 1),
            "shift tab": partial(self._tab_menu.complete, -1),
            "ctrl r": self._tab_menu.recall,
            "up": self._drafting.up,
            "down": self._drafting.down,
            "home": self._drafting.home,
            "end": self._drafting.end,
            "ctrl p": partial(self._drafting.recall, -1),
            "ctrl n": partial(self._drafting.recall, 1),
            "wheel up": partial(go.scroll_by, -_WHEEL_ROWS),
            "wheel down": partial(go.scroll_by, _WHEEL_ROWS),
            "page up": partial(go.scroll, -_WHOLE),
            "page down": partial(go.scroll, _WHOLE),
            "meta page up": partial(go.scroll, -_HALF),
            "meta page down": partial(go.scroll, _HALF),
            "meta <": go.go_to_top,
            "meta home": go.go_to_top,
            "meta >": go.go_to_end,
            "meta end": go.go_to_end,
            "meta a": go.go_to_news,
            "meta /": go.go_back,
            "meta up": partial(go.step, -1),
            "f5": partial(go.step, -1),
            "f6": partial(go.step, 1),
            "meta down": partial(go.step, 1),
            "meta u": go.go_to_unread,
            "meta r": self._drafting.send_failed,
            "meta x": self._drafting.drop_failed,
            "ctrl f": self._drafting.find,
            "ctrl d": self._drafting.leave_if_empty,
            "ctrl l": lambda: self.forget_screen(),
            "f2": self._picker.open,
            "meta s": self._picker.open,
            "f1": self._show_keys,
            "?": self._show_keys,
        }
        actions |= {f"meta {number}": partial(go.go_to_number, number) for number in range(1, 10)}
        return MappingProxyType(actions)

    def _show_keys(self) -> None:
        self._state.shows_keys, self._state.keys_row = True, 0

    # Keys in other places

    def _press_in_key_list(self, key: str) -> None:
        steps = {"down": 1, "up": -1, "wheel down": 3, "wheel up": -3, "page down": 10, "page up": -10}
        if key in steps:
            self._state.keys_row = max(self._state.keys_row + steps[key], 0)
        else:
            self._state.shows_keys = key == "window resize"

    def _press_in_hits(self, key: str) -> bool:
        """Handle a key while there are lines that a search found. -> whether it meant those"""
        steps = {
            "up": -1,
            "down": 1,
            "wheel up": -1,
            "wheel down": 1,
            "ctrl p": -1,
            "ctrl n": 1,
            "page up": -10,
            "page down": 10,
        }
        if key in steps:
            self._navigation.choose_hit(steps[key])
        elif key == "enter":
            self._navigation.go_to_hit()
        elif key in ("esc", "q"):
            self._navigation.close_hits()
        else:
            return key not in self._actions
        return True
