"""The look of each style as urwid has it."""

from collections.abc import Iterator, Mapping
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

PaletteEntry = tuple[str, str, str, str, str, str]
"""Name of the style; colour and the one behind of sixteen; the look without colours; the two colours of many."""


def palette_of(theme: Theme) -> Iterator[PaletteEntry]:
    """Yield an entry for each style."""
    for style, look in theme.looks.items():
        colour, behind = _COLOURS.get(look.colour), _COLOURS.get(look.behind)
        attributes = ",".join(_ATTRIBUTES[word] for word in look.attributes)
        yield (
            style.value,
            _joined(colour or "default", attributes),
            behind or "default",
            attributes or ("standout" if _is_marked(look) else ""),
            _joined(colour or look.colour, attributes),
            behind or look.behind,
        )


def _joined(colour: str, attributes: str) -> str:
    return f"{colour},{attributes}" if attributes else colour


def _is_marked(look: Look) -> bool:
    """Tell whether a look stands out by the colour behind it alone."""
    return look.behind != "default"
