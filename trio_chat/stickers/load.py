"""Loading stickers: the default catalogue, and the file of `--stickers`.

It opens and reads files: call it before the event loop, or in a thread.
"""

import os
from pathlib import Path
from typing import NamedTuple

from trio_chat.chat.text import clean
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.file import parse_catalogue
from trio_chat.stickers.regular_file import read_regular_file


class StickerLayers(NamedTuple):
    """The catalogues of a client, in rising order of precedence: the last one that has a name decides what it means."""

    built_in: Catalogue
    shared: Catalogue
    """The stickers that the server shares."""
    own: Catalogue
    """The person's own file."""

    @property
    def all(self) -> Catalogue:
        """The catalogue of all layers."""
        return self.built_in.merged(self.shared).merged(self.own)

    def with_shared(self, shared: Catalogue) -> "StickerLayers":
        """Return these layers with other stickers of a server."""
        return self._replace(shared=shared)

    def with_own(self, own: Catalogue) -> "StickerLayers":
        """Return these layers with another file of the person's."""
        return self._replace(own=own)


def load_layers(extra: Path | None = None) -> tuple[StickerLayers, list[str]]:
    """Read the default catalogue, and the file `extra`. -> both, and warnings"""
    built_in, warnings = load_file(default_path())
    own, more = load_file(extra) if extra else (Catalogue(), [])
    return StickerLayers(built_in, Catalogue(), own), warnings + more


def load_catalogue(extra: Path | None = None) -> tuple[Catalogue, list[str]]:
    """Read the default catalogue and add `extra` to it. -> the catalogue, and warnings"""
    layers, warnings = load_layers(extra)
    return layers.all, warnings


def default_path() -> Path:
    """Return the catalogue inside the installed package, or the one at the top of a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "stickers.toml"
    return inside if inside.is_file() else package.parent / "stickers.toml"


def load_file(path: Path) -> tuple[Catalogue, list[str]]:
    """Read one sticker file. -> its catalogue, and warnings"""
    name = clean(os.fsencode(path).decode(errors="replace"))  # a file name may be any bytes
    try:
        text = read_regular_file(path).decode("utf-8-sig")  # some editors put a byte order mark in front
    except UnicodeDecodeError as error:
        return Catalogue(), [f"{name}: not UTF-8 at byte {error.start}; the file is left out"]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return Catalogue(), [f"{name}: cannot be read: {reason}; the file is left out"]
    return parse_catalogue(text, source=name, folder=os.path.dirname(os.path.realpath(path)))
