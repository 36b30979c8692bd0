"""Questions to a terminal about the pictures that it can show, and its answers, taken out of what is typed. Pure.

Nobody waits for an answer with the keyboard: whenever one comes, it is no typing. The last question is one that every
terminal answers (DA1), so that it is known when there is nothing more to come.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

WAIT_S = 0.2
"""Time for which a picture waits for the answers."""

_KITTY_QUERY = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_NAME_QUERY, _COLOURS_QUERY, _LAST_QUERY = "\x1b[>0q", "\x1b[?1;1;0S", "\x1b[c"
"""XTVERSION, XTSMGRAPHICS for the number of colours in a sixel picture, and DA1."""

_ANSWER = re.compile(
    r"\x1b\[\?(?P<attributes>[0-9;]{1,64})c"
    r"|\x1b\[\?1;0;(?P<colours>[0-9]{1,9})S"
    r"|\x1b\[\?[0-9;]{1,64}S"
    r"|\x1bP>\|(?P<name>[ -~]{0,100})\x1b\\"
    r"|\x1b_Gi=31[^;\x1b]{0,20};(?P<kitty>[ -~]{0,200})\x1b\\"
)
_BEGUN = re.compile(
    r"\x1b(?:\[(?:\?[0-9;]{0,64})?|P(?:>(?:\|[ -~]{0,100}\x1b?)?)?|_(?:G(?:i(?:=(?:3(?:1[ -~]{0,230}\x1b?)?)?)?)?)?)?\Z"
)
"""The beginning of an answer at the end of what was read."""

_SIXEL = "4"
_SIXEL_COLOURS = 256
_VERSION = re.compile(r"kitty\((\d+)\.(\d+)")


_STRAY = re.compile(r"\x1b(?:\][0-9]{1,4};[^\x00-\x1f]{0,4096}(?:\x07|\x1b\\)|[P_^X][^\x00-\x1f]{0,4096}\x1b\\)")
"""An OSC, DCS, APC, PM or SOS string with its end: no key sends one."""


class Answers(Struct, frozen=True):
    """The answers of a terminal, as far as they are there."""

    is_complete: bool = False
    attributes: tuple[str, ...] = ()
    """The attributes of DA1."""
    name: str = ""
    """Its name and version; empty where it has not said."""
    sixel_colours: int = _SIXEL_COLOURS
    knows_kitty: bool = False
    """True if it answers questions of kitty's graphics protocol."""

    @property
    def has_placeholders(self) -> bool:
        """True for kitty from 0.28 on, and Ghostty; others speak that protocol without its placeholders."""
        version = _VERSION.match(self.name)
        is_new_kitty = version is not None and (int(version[1]), int(version[2])) >= (0, 28)
        return self.knows_kitty and (is_new_kitty or self.name.lower().startswith("ghostty"))

    @property
    def has_iterm(self) -> bool:
        """True for terminals that show files inline as iTerm2 does, and have no sixels as good.

        Konsole 22.12 gives a sixel picture a background.
        """
        return self.name.startswith(("iTerm2", "WezTerm", "Konsole"))

    @property
    def has_sixels(self) -> bool:
        """True for terminals that show sixels."""
        return _SIXEL in self.attributes[1:]


def without_stray_answers(typed: str) -> str:
    """Return what was typed without answers to questions that others asked: an editor before, or a shell's prompt.

    Such as the colour of the background, `ESC ] 11 ; rgb:... BEL`, which is late over a slow line.
    """
    return _STRAY.sub("", typed) if "\x1b" in typed else typed


class TerminalQuestions:
    """The questions, and the answers among what is typed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Leave kitty's question out for tmux and screen, which would take it for a title."""
        term = environment.get("TERM", "")
        is_multiplexer = "TMUX" in environment or term.startswith(("tmux", "screen"))
        self.text = ("" if is_multiplexer else _KITTY_QUERY) + _NAME_QUERY + _COLOURS_QUERY + _LAST_QUERY
        self.answers = Answers()
        self._held = ""
        self._is_escape_out = False
        """True if what is held begins with an Escape that was returned already."""

    def take_out(self, typed: str) -> str:
        """Return what was typed without the answers in it; the beginning of one is kept until its end comes.

        An Escape at the end is returned at once: somebody may have pressed that key. When all answers are there,
        everything is typing.
        """
        if self._has_all():
            return typed
        text = self._held + typed
        is_escape_out = self._is_escape_out and _ANSWER.match(text) is None
        self._held, self._is_escape_out = "", False
        text = _ANSWER.sub(self._note, text)
        if not self._has_all() and (begun := _BEGUN.search(text)):
            self._held, text = begun[0], text[: begun.start()]
        if is_escape_out and text:
            text = text[1:]
        elif is_escape_out:
            self._is_escape_out = True
        if self._held == "\x1b" and not self._is_escape_out:
            self._is_escape_out = True
            return text + "\x1b"
        return text

    def _has_all(self) -> bool:
        return self.answers.is_complete

    def _note(self, found: re.Match[str]) -> str:
        had = self.answers
        self.answers = Answers(
            is_complete=had.is_complete or found["attributes"] is not None,
            attributes=tuple((found["attributes"] or "").split(";")) if found["attributes"] else had.attributes,
            name=found["name"] or had.name,
            sixel_colours=min(max(int(found["colours"]), 2), _SIXEL_COLOURS) if found["colours"] else had.sixel_colours,
            knows_kitty=had.knows_kitty or found["kitty"] == "OK",
        )
        return ""
