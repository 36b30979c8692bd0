"""The keys that edit a draft. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from trio_chat.client.transcript.editor import Editor

DRAFT_KEYS: Mapping[str, Callable[[Editor], object]] = MappingProxyType(
    {
        "left": Editor.left,
        "ctrl b": Editor.left,
        "right": Editor.right,
        "ctrl a": Editor.line_start,
        "ctrl e": Editor.line_end,
        "meta b": Editor.word_left,
        "meta left": Editor.word_left,
        "ctrl left": Editor.word_left,
        "meta f": Editor.word_right,
        "meta right": Editor.word_right,
        "ctrl right": Editor.word_right,
        "backspace": Editor.delete_left,
        "ctrl h": Editor.delete_left,
        "delete": Editor.delete_right,
        "ctrl w": Editor.cut_word_left,
        "meta backspace": Editor.cut_name_left,
        "meta d": Editor.cut_word_right,
        "ctrl k": Editor.cut_to_end,
        "ctrl u": Editor.cut_all,
        "ctrl y": Editor.yank,
        "ctrl t": Editor.swap,
        "ctrl _": Editor.undo,
        "meta z": Editor.undo,
        "meta enter": lambda editor: editor.insert("\n"),
        "ctrl j": lambda editor: editor.insert("\n"),
        "shift enter": lambda editor: editor.insert("\n"),
    }
)
"""The effect of each key of a terminal, by the name that urwid gives it."""


def is_typed(key: str) -> bool:
    """Tell whether a key is a letter, or a part of one such as a joiner: no control character, and no other key."""
    return len(key) == 1 and not (ord(key) < 0x20 or 0x7F <= ord(key) < 0xA0)
