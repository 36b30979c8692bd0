"""Themes of the full screen: the look of each style, built in or from the person's own file."""

import re
from collections.abc import Callable, Mapping
from itertools import cycle
from types import MappingProxyType

from msgspec import Struct

from trio_chat.client.transcript.rows import NAMES, Style
from trio_chat.config import ConfigError
from trio_chat.config.client_file import unknown_key

BASIC = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
COLOURS = (*BASIC, *(f"bright-{name}" for name in BASIC))
"""The sixteen colours that a terminal has by itself, as each person has set them."""

ATTRIBUTES = ("bold", "dim", "italic", "underline", "reverse")
_HEX = re.compile(r"#[0-9a-f]{6}")
_EXPECTED = (
    "expected a colour (default, red, bright-red or #ff8800), and any of bold, dim, italic, underline, reverse, and "
    "perhaps `on` with the colour behind it"
)


class Look(Struct, frozen=True):
    """The look of a style: colours by name, or as `#rrggbb`; `default` is the terminal's own."""

    foreground: str = "default"
    background: str = "default"
    attributes: tuple[str, ...] = ()


class Theme(Struct, frozen=True):
    """The look of each style; without colours where it is `mono`."""

    looks: Mapping[Style, Look]
    is_mono: bool = False


def look(written: str) -> Look:
    """Read a look, such as `bright-red bold on #202020`. Raises ValueError."""
    front, _, back = f" {written.lower()} ".partition(" on ")
    words, background = front.split(), back.split() or ["default"]
    colours = [word for word in words if word not in ATTRIBUTES]
    if (
        not written.strip()
        or len(colours) > 1
        or len(background) > 1
        or not all(_is_colour(word) for word in (*colours, *background))
    ):
        raise ValueError(_EXPECTED)
    attributes = tuple(word for word in ATTRIBUTES if word in words)
    return Look(colours[0] if colours else "default", background[0], attributes)


def _is_colour(word: str) -> bool:
    return word == "default" or word in COLOURS or _HEX.fullmatch(word) is not None


def _theme(roles: Mapping[Style, str], names: str) -> Theme:
    """Make a theme of looks as they are written, and the colours of names, which are bold."""
    looks = {style: look(written) for style, written in roles.items()}
    of_names = {style: look(f"{colour} bold") for style, colour in zip(NAMES, cycle(names.split()), strict=False)}
    return Theme(MappingProxyType({style: Look() for style in Style} | looks | of_names))


_ROLES = MappingProxyType(
    {
        Style.NOTICE: "dim",
        Style.MENTION: "reverse",
        Style.MATCH: "bold underline",
        Style.LINK: "underline",
        Style.OWN: "bold",
        Style.WAITING: "dim",
        Style.FAILED: "red",
        Style.NEW: "magenta",
        Style.STRONG: "bold",
        Style.CALLED: "magenta bold",
        Style.CHOSEN: "reverse",
        Style.BAR: "dim",
    }
)
_DARK = {
    Style.NOTICE: "#949494",
    Style.BAR: "#626262",
    Style.WAITING: "#949494",
    Style.LINK: "#8fbcff underline",
    Style.MENTION: "#16191f on #f0c981",
    Style.FAILED: "#ff8b92",
    Style.NEW: "#d9adf5",
    Style.CALLED: "#d9adf5 bold",
    Style.CHOSEN: "default on #444444",
}
_LIGHT = {
    Style.NOTICE: "#626262",
    Style.BAR: "#a8a8a8",
    Style.WAITING: "#626262",
    Style.LINK: "#1f5fbf underline",
    Style.MENTION: "#24292f on #ffd97a",
    Style.FAILED: "#c4323c",
    Style.NEW: "#8b3fb5",
    Style.CALLED: "#8b3fb5 bold",
    Style.CHOSEN: "default on #dadada",
}
_MONO = {
    Style.FAILED: "underline",
    Style.NEW: "bold",
    Style.CALLED: "reverse",
}

TERMINAL = _theme(
    _ROLES,
    "#005fff #af5f00 #008787 #d7005f #5f8700 #875fff #af5f5f #008700 #d700ff #0087af #ff0000 #af5faf",
)
"""The terminal's own colours, so that every theme of a person's fits; names in those of the line view.

Those can be read on black and on white, which the sixteen cannot, least of all in bold: xterm makes its green so bright
that nothing of it is seen on white.
"""

THEMES: Mapping[str, Theme] = MappingProxyType(
    {
        "terminal": TERMINAL,
        "dark": _theme(
            {**_ROLES, **_DARK},
            "#7ad7dd #a9dd94 #8fbcff #d9adf5 #f0c981 #ff8b92 #59c3a5 #c3cf6a #b0a4ff #f59fcb #e8a87c #9fb4c8",
        ),
        "light": _theme(
            {**_ROLES, **_LIGHT},
            "#0b7a83 #2f7d32 #1f5fbf #8b3fb5 #8a5a00 #c4323c #00705a #5e6b00 #5a4fcf #b02a77 #a0522d #4a6178",
        ),
        "mono": Theme(_theme({**_ROLES, **_MONO}, "default").looks, is_mono=True),
    }
)

_BASE = "base"


def theme_named(
    name: str,
    own: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
    where: Callable[..., str] = lambda *path: path[-1],
) -> Theme:
    """Return a theme: the person's `own` of that name, or a built-in one. `where` returns the place of a key.

    Raises ConfigError, which names the key that means nothing.
    """
    if name not in own:
        if name in THEMES:
            return THEMES[name]
        raise ConfigError(f"there is no theme {name!r}; expected one of {', '.join((*THEMES, *own))}")
    table = own[name]
    base = table.get(_BASE, "terminal")
    if not isinstance(base, str) or base not in THEMES:
        raise ConfigError(f"{where('themes', name, _BASE)}: expected one of {', '.join(THEMES)}")
    looks = {Style(key): _own_look(table[key], where("themes", name, key)) for key in table if key in set(Style)}
    for key in table:
        if key != _BASE and key not in set(Style):
            raise unknown_key(where("themes", name, key), key, [_BASE, *Style])
    return Theme(MappingProxyType({**THEMES[base].looks, **looks}), is_mono=THEMES[base].is_mono)


def _own_look(written: object, where: str) -> Look:
    try:
        return look(written if isinstance(written, str) else "")
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error
