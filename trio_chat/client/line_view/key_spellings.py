"""Keys as rxvt and keypads send them, respelled as xterm sends them, which is what prompt_toolkit knows. Pure.

It would take the end of any other spelling for letters: Shift-Home in rxvt for `[7$`.
"""

import re
from types import MappingProxyType

_SPELLING = re.compile(r"\x1b(?:O([a-dj-yMX])|\[([a-d])|\[([0-9]{1,2})([$^@]))")

_KEYPAD = MappingProxyType(dict(zip("jklmnopqrstuvwxyMX", "*+,-./0123456789\r=", strict=True)))
"""Keys of a keypad in application mode, which a program that crashed has left switched on."""

_MODIFIERS = MappingProxyType({"$": "", "^": ";5", "@": ";6"})
"""Shift, Ctrl, and both. Shift alone would select in prompt_toolkit."""


def as_xterm_sends(typed: str) -> str:
    """Return what was typed with these keys respelled."""
    return _SPELLING.sub(_respelled, typed) if "\x1b" in typed else typed


def _respelled(found: re.Match[str]) -> str:
    keypad, arrow, number, modifier = found.groups()
    if number:
        return f"\x1b[{number}{_MODIFIERS[modifier]}~"
    if arrow:
        return f"\x1b[{arrow.upper()}"
    return _KEYPAD.get(keypad) or f"\x1b[1;5{keypad.upper()}"
