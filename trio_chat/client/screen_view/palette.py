"""The look of each style: the terminal's own colours, so that every theme of a person's fits."""

import itertools

from trio_chat.client.transcript.rows import NAMES, Style

_ROLES = (
    (Style.PLAIN, "default", ""),
    (Style.NOTICE, "default,faint", "faint"),
    (Style.MENTION, "default,standout", "standout"),
    (Style.MATCH, "default,bold,underline", "bold,underline"),
    (Style.LINK, "default,underline", "underline"),
    (Style.OWN, "default,bold", "bold"),
    (Style.WAITING, "default,faint", "faint"),
    (Style.FAILED, "dark red", "underline"),
    (Style.NEW, "dark magenta", "bold"),
    (Style.STRONG, "default,bold", "bold"),
    (Style.CALLED, "dark magenta,bold", "standout"),
    (Style.CHOSEN, "default,standout", "standout"),
    (Style.BAR, "default,faint", "faint"),
)
_NAME_COLOURS = ("dark cyan", "dark green", "dark blue", "dark magenta", "brown", "dark red")

PaletteEntry = tuple[str, str, str, str]
"""Name of the style, foreground, background, and the look without colours."""

PALETTE: tuple[PaletteEntry, ...] = (
    *((style.value, colour, "default", mono) for style, colour, mono in _ROLES),
    *(
        (style.value, f"{colour},bold", "default", "bold")
        for style, colour in zip(NAMES, itertools.cycle(_NAME_COLOURS), strict=False)
    ),
)
