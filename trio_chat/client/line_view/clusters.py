"""Grapheme clusters as single characters, so that an editor that moves by characters moves by clusters.

A cluster of several code points, such as a family or a heart with its variation selector, gets a stand-in: one
unassigned or private character of the same width. The editor and its cursor see only that one.
"""

import re

from wcwidth import iter_graphemes, wcswidth

_STAND_INS = {1: range(0x10F000, 0x10FFFE), 2: range(0x3F000, 0x3FFFE)}
"""By width in columns: the end of the last private plane, and of the last plane whose characters are wide."""

_ANY_STAND_IN = re.compile("[\U0003f000-\U0003fffd\U0010f000-\U0010fffd]")


class Clusters:
    """The stand-ins that are in use."""

    def __init__(self) -> None:
        self._by_cluster: dict[str, str] = {}
        self._by_stand_in: dict[str, str] = {}
        self._unused = {width: iter(numbers) for width, numbers in _STAND_INS.items()}

    def fold(self, text: str) -> str:
        """Replace each cluster of several characters by a stand-in. Characters that look like one are left out."""
        if text.isascii():
            return text
        clusters = iter_graphemes(_ANY_STAND_IN.sub("", self.unfold(text)))
        return "".join([cluster if len(cluster) == 1 else self._fold(cluster) for cluster in clusters])

    def unfold(self, text: str) -> str:
        """Replace stand-ins by their clusters."""
        if text.isascii() or not self._by_stand_in:
            return text
        return _ANY_STAND_IN.sub(lambda found: self._by_stand_in.get(found[0], found[0]), text)

    def cluster_of(self, character: str) -> str:
        """Return the cluster that a character stands for; empty for any other character."""
        return self._by_stand_in.get(character, "")

    def _fold(self, cluster: str) -> str:
        if cluster not in self._by_cluster:
            stand_in = next(self._unused[width_of(cluster)], None)
            if stand_in is None:  # thousands of different ones in one sitting: the others are edited in pieces
                return cluster
            self._by_cluster[cluster] = chr(stand_in)
            self._by_stand_in[chr(stand_in)] = cluster
        return self._by_cluster[cluster]


def width_of(cluster: str) -> int:
    """Return the width of a cluster: 1 or 2 columns."""
    return 2 if wcswidth(cluster) > 1 else 1
