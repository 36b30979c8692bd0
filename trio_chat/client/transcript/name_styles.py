"""Styles of names: the same for a name whenever it can be, and another for each who is here. Pure."""

import zlib
from collections.abc import Callable

from trio_chat.client.transcript.rows import NAMES, Style

DISTINCT = 6
"""Styles at the beginning of NAMES that nobody takes for each other; the later ones are shades of them."""

REMEMBERED_MAX = 1000
"""Names whose styles are remembered."""


class NameStyles:
    """The style of each name that is on the screen, the last one seen at the end."""

    def __init__(self) -> None:
        self.is_here: Callable[[str], bool] = lambda _name: True
        """Tells whether somebody of that name is in one of our rooms."""
        self._styles: dict[str, Style] = {}

    def style_of(self, name: str) -> Style:
        """Return the style of a name: the one that its checksum chooses, unless somebody else who is here has that."""
        style = self._styles.pop(name, None) or self._choose(name)
        self._styles[name] = style
        if len(self._styles) > REMEMBERED_MAX:
            del self._styles[next(iter(self._styles))]
        return style

    def known(self, name: str) -> Style | None:
        """Return the style that a name has on the screen; None where it has none yet."""
        return self._styles.get(name)

    def rename(self, before: str, after: str) -> None:
        """Let somebody keep their style under another name."""
        if style := self._styles.pop(before, None):
            self._styles[after] = style

    def _choose(self, name: str) -> Style:
        """Choose a style: one of nobody who is here, a distinct one first, or else the one not seen for longest."""
        first = zlib.crc32(name.encode(errors="replace")) % DISTINCT
        last_seen = dict.fromkeys((*NAMES[first:DISTINCT], *NAMES[:first], *NAMES[DISTINCT:]), -1)
        for turn, (other, style) in enumerate(self._styles.items()):
            last_seen[style] = max(last_seen[style], turn if self.is_here(other) else -1)
        return min(last_seen, key=lambda style: last_seen[style])
