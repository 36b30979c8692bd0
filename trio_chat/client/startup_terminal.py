"""The terminal before the client has a prompt. It must not be slow to import."""

import os
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum, auto

from trio_chat.client.fatal_signals import before_fatal_signal, is_in_background

_MODERN_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour")
"""Terminals that have all colours, and do not say so in their name."""

_ASKED_TERMS = (*_MODERN_TERMS, "xterm", "konsole", "mlterm", "vt340", "tmux", "screen")
"""Terminals that understand, or leave out, questions that are newer than they are."""


def is_terminal() -> bool:
    """Tell whether stdin and stdout are a terminal whose cursor can move."""
    return os.isatty(0) and os.isatty(1) and not is_dumb()


def is_dumb(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the terminal, if there is one, can only print lines: no colours, and no prompt that moves."""
    return environment.get("TERM") in ("dumb", "unknown")


def why_no_screen(environment: Mapping[str, str], *, is_wanted: bool = True) -> str:
    """Return the reason why a terminal cannot show the screen view; empty where it can.

    One without an alternate screen would be left with a picture of ours: it shows the view only if that `is_wanted`.
    """
    if is_dumb(environment):
        return f"TERM={environment['TERM']} can only print lines"
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    if locale and "utf8" not in locale.lower().replace("-", ""):
        return f"the locale {locale} is not UTF-8"
    if not is_wanted and not has_alternate_screen(environment.get("TERM", "")):
        return f"TERM={environment.get('TERM', '')} has no alternate screen"
    return ""


def has_alternate_screen(term: str) -> bool:
    """Tell whether a terminal has an alternate screen. An unknown one is taken for one that has."""
    import curses  # only here: the line view does not need it

    try:
        curses.setupterm(term, 1)
    except curses.error:  # its description is not on this machine, as often over ssh
        return bool(term)
    return bool(curses.tigetstr("smcup"))


class PictureColours(Enum):
    """The colours in which a terminal can show a picture as text."""

    NONE = auto()
    PALETTE = auto()
    """xterm's 256."""
    TRUE = auto()


def may_be_asked(environment: Mapping[str, str]) -> bool:
    """Tell whether a terminal may be asked which pictures it can show: one that might print the question may not."""
    return not environment.get("NO_COLOR") and environment.get("TERM", "").startswith(_ASKED_TERMS)


def picture_colours(environment: Mapping[str, str]) -> PictureColours:
    """Return the colours in which a terminal can show a picture as text, by its environment."""
    term = environment.get("TERM", "")
    if environment.get("NO_COLOR") or is_dumb(environment):
        return PictureColours.NONE
    if environment.get("COLORTERM") in ("truecolor", "24bit") or term.endswith("-direct") or _is_modern(term):
        return PictureColours.TRUE
    return PictureColours.PALETTE if has_256_colours(environment) else PictureColours.NONE


def has_256_colours(environment: Mapping[str, str]) -> bool:
    """Tell whether a terminal has more than sixteen colours.

    xterm and PuTTY have 256, and call themselves just xterm. Of their sixteen, yellow, green and cyan cannot be read on
    white, least of all in bold, which makes them brighter.
    """
    term = environment.get("TERM", "")
    return "256" in term or term == "xterm" or bool(environment.get("COLORTERM")) or _is_modern(term)


def _is_modern(term: str) -> bool:
    return term.startswith(_MODERN_TERMS)


@contextmanager
def typing_hidden() -> Iterator[None]:
    """Let the terminal show nothing that is typed: the prompt will, once. At the end the terminal is as before.

    The terminal keeps what is typed ahead for the first who reads it.
    """
    if not is_terminal() or is_in_background():  # which would be stopped
        yield
        return
    before = termios.tcgetattr(0)

    def restore() -> None:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(0, termios.TCSANOW, before)

    modes = list(before)
    modes[3] &= ~termios.ECHO
    with before_fatal_signal(restore):
        termios.tcsetattr(0, termios.TCSANOW, modes)
        try:
            yield
        finally:
            restore()
