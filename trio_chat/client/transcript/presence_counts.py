"""Notices of who came, left or changed names, counted by what they tell. Pure."""

from collections.abc import Mapping, MutableMapping
from types import MappingProxyType

from trio_chat.chat.events import Kind
from trio_chat.wire import frames

_VERBS = MappingProxyType({Kind.JOINED: "came", Kind.LEFT: "left", Kind.KICKED: "left", Kind.RENAMED: "changed names"})

PRESENCE_KINDS = tuple(_VERBS)
"""Kinds of entries about one person who came, left or changed names."""


def count_notice(counts: MutableMapping[str, int], entry: frames.Said) -> None:
    """Add a notice, of one of PRESENCE_KINDS, to counts by verb."""
    verb = _VERBS[Kind(entry.kind)]
    counts[verb] = counts.get(verb, 0) + 1


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return counts as `12 came, 9 left`."""
    return ", ".join(f"{counts[verb]} {verb}" for verb in dict.fromkeys(_VERBS.values()) if verb in counts)
