"""Completion by Tab, and by Ctrl-R of whole drafts: the first choice is put into the draft; the same key goes on."""

from collections.abc import Callable, Sequence

from trio_chat.client.screen_view.view_state import Menu, ViewState
from trio_chat.client.transcript.completion import TabCompletion
from trio_chat.client.transcript.draft_history import clean_draft
from trio_chat.client.transcript.row_breaking import cut_with_mark
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import is_below
from trio_chat.stickers.sticker import Drawn

_PREVIEW_COLUMNS = 40

CHOICES_MAX = 100
"""Choices that are offered."""

Complete = Callable[[str], Sequence[TabCompletion]]


class TabMenu:
    """Completes the word before the cursor."""

    def __init__(self, state: ViewState, words: Complete, transcript: Transcript) -> None:
        self._state = state
        self._words = words
        self._transcript = transcript

    def complete(self, step: int) -> None:
        """Complete, or take the next choice; the one before if `step` is negative."""
        if self._state.finding:
            return
        menu = self._state.menu
        if menu is None or menu.is_recalling:
            self._open()
        else:
            self._put(menu, (menu.chosen + step) % len(menu.choices))

    def recall(self) -> None:
        """Put the newest draft that was sent here and contains this one in its place; then the one before that."""
        room, menu = self._state.rooms.current, self._state.menu
        if menu and menu.is_recalling:
            self._put(menu, (menu.chosen + 1) % len(menu.choices))
            return
        found = [clean_draft(draft) for draft in room.sent.containing(room.editor.text)][:CHOICES_MAX]
        if not found:
            self._state.message = "nothing like that was sent here"
            return
        room.editor.cursor = len(room.editor.text)
        choices = [TabCompletion(draft, len(room.editor.text)) for draft in found]
        menu = Menu(choices, [_first_line(draft) for draft in found], 0, is_recalling=True)
        self._state.menu = menu
        self._put(menu, 0)

    def _open(self) -> None:
        editor = self._state.rooms.current.editor
        choices = self._words(editor.text[: editor.cursor])[:CHOICES_MAX]
        if not choices:
            return
        start = editor.cursor - choices[0].replaced
        drawn = [self._drawn(choice.text.strip()) for choice in choices]
        previews = [_preview(choice.text.strip(), sticker) for choice, sticker in zip(choices, drawn, strict=True)]
        drawings = [sticker if sticker and is_below(sticker) else None for sticker in drawn]
        menu = Menu(choices, previews, start, drawings=drawings)
        self._state.menu = menu if len(choices) > 1 or menu.drawing else None
        self._put(menu, 0)

    def _put(self, menu: Menu, chosen: int) -> None:
        editor, text = self._state.rooms.current.editor, menu.choices[chosen].text
        menu.chosen = chosen
        editor.set(editor.text[: menu.start] + text + editor.text[editor.cursor :], menu.start + len(text))

    def _drawn(self, word: str) -> Drawn | None:
        """Return the drawing of a choice that is a sticker."""
        sticker = self._transcript.catalogue.find(word[1:]) if word.startswith("@") else None
        return sticker.render(word[1:]) if sticker else None


def _preview(word: str, drawn: Drawn | None) -> str:
    """Return a choice as it is shown among others: a sticker with its drawing, where that is one line."""
    return word if drawn is None or is_below(drawn) else f"{drawn.line} {word}"


def _first_line(draft: str) -> str:
    """Return the beginning of a draft, as it is shown among others."""
    return cut_with_mark(draft.partition("\n")[0], _PREVIEW_COLUMNS)
