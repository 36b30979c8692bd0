"""Reading the text of a sticker file into a catalogue.

One bad sticker costs that sticker and one line of warning, never its neighbours. The format is described at the
head of `stickers.toml`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from types import MappingProxyType

import msgspec

from trio_chat.chat.text import clean
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.kinds import KINDS
from trio_chat.stickers.sticker import Sticker, StickerEntry

WARNINGS_MAX = 10
WARNING_MAX = 300

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_NAME_RULE = "a name is small letters, digits, - and _, at most 32, and begins with a letter or a digit"
_TOML_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def parse_catalogue(text: str, *, source: str, folder: str = "") -> tuple[Catalogue, list[str]]:
    """Read the text of a sticker file. -> its valid stickers, and a warning for each invalid one

    `source` is the name of the file, for the warnings; `folder` is where its pictures are, none of which is opened.
    """
    builder = _Builder(source, folder)
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: thousands of brackets
        builder.warn_of_toml(text, str(error))
    else:
        for kind, name, value in builder.entries(tables):
            builder.add(kind, name, value)
    return builder.catalogue(), builder.warnings()


def catalogue_of(
    entries: Iterable[tuple[str, str, object]], *, source: str, folder: str
) -> tuple[Catalogue, list[str]]:
    """Check stickers that are no file: kind, name and value of each. -> the valid ones, and warnings"""
    builder = _Builder(source, folder)
    for kind, name, value in entries:
        builder.add(kind, name, value)
    return builder.catalogue(), builder.warnings()


class _Builder:
    """Collects a catalogue and warnings. The first sticker to take a name within one file keeps it."""

    def __init__(self, source: str, folder: str) -> None:
        self._source = source
        self._folder = folder
        self._stickers: dict[str, Sticker] = {}
        self._aliases: list[tuple[str, str]] = []
        self._warnings: list[str] = []

    def entries(self, tables: dict[str, object]) -> Iterator[tuple[str, str, object]]:
        """Iterate over all stickers: kind, name, and the value in the file."""
        for kind, entries in tables.items():
            if kind in KINDS and isinstance(entries, dict):
                yield from ((kind, name, value) for name, value in entries.items())
            else:
                expected = " or ".join(f"[{known}]" for known in KINDS)
                self._warn(f": {kind[:32]}: stickers belong under {expected}; left out")

    def add(self, kind: str, name: str, value: object) -> None:
        """Add a sticker, or a warning."""
        try:
            _check_name(name, taken=name in self._stickers)
            entry = msgspec.convert({"shows": value} if isinstance(value, str) else value, StickerEntry)
            self._stickers[name] = KINDS[kind].read(entry, folder=self._folder)
        except (ValueError, msgspec.ValidationError) as error:
            self._warn(f": {kind}.{name[:32]}: {error}; left out")
        else:
            self._aliases += [(alias, name) for alias in entry.aliases]

    def catalogue(self) -> Catalogue:
        """Return the catalogue. Aliases come last, since a name anywhere in the file wins over them."""
        aliases: dict[str, str] = {}
        for alias, name in self._aliases:
            try:
                _check_name(alias, taken=alias in self._stickers or alias in aliases)
                aliases[alias] = name
            except ValueError as error:
                self._warn(f": {name}: alias {alias[:32]}: {error}; left out")
        return Catalogue(MappingProxyType(self._stickers), MappingProxyType(aliases))

    def warnings(self) -> list[str]:
        """Return the first WARNINGS_MAX warnings, and the number of others."""
        more = len(self._warnings) - WARNINGS_MAX
        return self._warnings[:WARNINGS_MAX] + ([f"{clean(self._source)}: and {more} more"] if more > 0 else [])

    def warn_of_toml(self, text: str, error: str) -> None:
        """Warn of invalid TOML, as `file:line`; an error at the end of the file is in its last line."""
        position = _TOML_POSITION.search(error)
        line = f":{position[1] or text.rstrip().count(chr(10)) + 1}" if position else ""
        self._warn(f"{line}: not valid TOML: {_TOML_POSITION.sub('', error)}; the whole file is left out")

    def _warn(self, what: str) -> None:
        self._warnings.append(clean(f"{self._source}{what}"[:WARNING_MAX]))


def _check_name(name: str, *, taken: bool) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(_NAME_RULE)
    if taken:
        raise ValueError("something else in this file has that name")
