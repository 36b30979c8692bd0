"""The look of each style as urwid has it."""

from collections.abc import Iterator, Mapping
from colorsys import rgb_to_hsv
from types import MappingProxyType

from trio_chat.client.themes import Look, Theme

_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "default": "default",
        "black": "black",
        "red": "dark red",
        "green": "dark green",
        "yellow": "brown",
        "blue": "dark blue",
        "magenta": "dark magenta",
        "cyan": "dark cyan",
        "white": "light gray",
        "bright-black": "dark gray",
        "bright-red": "light red",
        "bright-green": "light green",
        "bright-yellow": "yellow",
        "bright-blue": "light blue",
        "bright-magenta": "light magenta",
        "bright-cyan": "light cyan",
        "bright-white": "white",
    }
)
_ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {"bold": "bold", "dim": "faint", "italic": "italics", "underline": "underline", "reverse": "standout"}
)

_GREY_MAX = 0.25
"""Saturation up to which a colour is a grey."""

PaletteEntry = tuple[str, str, str, str, str, str]
"""The style; foreground and background of sixteen colours; the look without colours; both of many colours."""


def palette_of(theme: Theme) -> Iterator[PaletteEntry]:
    """Yield an entry for each style."""
    for style, look in theme.looks.items():
        mono, _ = look_of(look, 1)
        yield (style.value, *look_of(look, 16), mono, *look_of(look, 256))


def look_of(look: Look, colours: int) -> tuple[str, str]:
    """Return the foreground and the background of a look, as urwid writes them for so many colours."""
    attributes = ",".join(_ATTRIBUTES[word] for word in look.attributes)
    if colours == 1:
        return attributes or ("standout" if look.background != "default" else "default"), "default"
    foreground, background = (_colour(name, has_many=colours > 16) for name in (look.foreground, look.background))
    return f"{foreground},{attributes}" if attributes else foreground, background


def _colour(name: str, *, has_many: bool) -> str:
    return _COLOURS.get(name) or (name if has_many else _nearest(name))


def _nearest(colour: str) -> str:
    """Return the one of the sixteen colours that is most like a colour `#rrggbb`; of a grey, the terminal's own."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, saturation, _ = rgb_to_hsv(red, green, blue)
    hues = ("dark red", "brown", "dark green", "dark cyan", "dark blue", "dark magenta")
    return hues[round(hue * len(hues)) % len(hues)] if saturation > _GREY_MAX else "default"
