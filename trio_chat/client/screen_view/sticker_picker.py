"""Choosing a sticker: what keys do while the picker is open."""

from collections.abc import Callable

from trio_chat.client.screen_view.picker_pane import bands_of
from trio_chat.client.screen_view.view_state import Picker, ViewState
from trio_chat.client.transcript.picker import choices_of, step_in
from trio_chat.stickers.catalogue import Catalogue


class StickerPicker:
    """Opens the picker, and puts the chosen sticker into the draft."""

    def __init__(
        self, state: ViewState, catalogue: Callable[[], Catalogue], size: Callable[[], tuple[int, int]]
    ) -> None:
        """`catalogue` returns the stickers of now; `size` columns and rows of the pane."""
        self._state = state
        self._catalogue = catalogue
        self._size = size

    def open(self) -> None:
        """Open the picker in place of the transcript, or close it."""
        state = self._state
        if state.picker:
            state.picker = None
            return
        state.menu = state.finding = state.hits = None
        state.picker = Picker(choices_of(self._catalogue(), ""))

    def narrow(self) -> None:
        """Show the stickers that match what is typed now."""
        if (picker := self._state.picker) and picker.typed != picker.editor.text:
            picker.typed = picker.editor.text
            picker.choices, picker.chosen = choices_of(self._catalogue(), picker.typed), 0

    def press(self, key: str) -> bool:
        """Handle a key. -> whether the picker has a meaning for it"""
        picker = self._state.picker
        if picker is None:
            return False
        steps = {"left": (-1, 0), "right": (1, 0), "tab": (1, 0), "shift tab": (-1, 0), "up": (0, -1), "down": (0, 1)}
        steps |= {"ctrl p": (0, -1), "ctrl n": (0, 1), "page up": (0, -3), "page down": (0, 3)}
        if key in steps:
            across, down = steps[key]
            bands = bands_of(picker, *self._size())
            picker.chosen = step_in(bands, picker.chosen, across=across, down=down)
        elif key == "enter":
            self._choose(picker)
        elif key in ("esc", "ctrl d"):
            self._state.picker = None
        else:
            return key == "ctrl r"  # which would change the draft behind it
        return True

    def _choose(self, picker: Picker) -> None:
        """Put the chosen sticker into the draft, apart from the words around it."""
        self._state.picker = None
        if not picker.choices:
            return
        editor = self._state.rooms.current.editor
        before, behind = editor.text[: editor.cursor], editor.text[editor.cursor :]
        left = " " if before and not before[-1].isspace() else ""
        right = "" if behind and behind[0].isspace() else " "
        editor.insert(f"{left}@{picker.choices[picker.chosen].name}{right}")
