"""Calling the person: the bell, a notification of the desktop, and the title of the window."""

import math
import os
from collections.abc import Callable, Mapping

import trio

from trio_chat.chat.text import clean, excerpt

CALL_INTERVAL_S = 3.0
"""Least time between two bells, and between two notifications."""

_TEXT_MAX = 120
_OSC_777_TERMS = ("rxvt", "foot")
WITHOUT_OSC = ("linux", "dumb", "fbterm", "vt")
"""The beginnings of TERM for terminals that show commands to the system (OSC) as text."""


class Notifier:
    """Writes what calls the person to a terminal. It is never part of a text: clean words only, and no semicolon."""

    def __init__(
        self, write: Callable[[str], None], *, has_bell: bool, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._write = write
        self._has_bell = has_bell
        term = environment.get("TERM", "")
        self._takes_osc = not term.startswith(WITHOUT_OSC)
        self._is_777 = term.startswith(_OSC_777_TERMS) or bool(environment.get("VTE_VERSION"))
        self._called_at = -math.inf

    def call(self, title: str, text: str) -> None:
        """Ring and notify, but not again within CALL_INTERVAL_S."""
        now = trio.current_time()
        if not self._has_bell or now - self._called_at < CALL_INTERVAL_S:
            return
        self._called_at = now
        self._write("\a")
        if self._takes_osc:
            title, text = _plain(title), _plain(text)
            self._write(f"\x1b]777;notify;{title};{text}\x1b\\" if self._is_777 else f"\x1b]9;{title}: {text}\x1b\\")


def _plain(text: str) -> str:
    return clean(excerpt(text, _TEXT_MAX)).replace(";", ",")
