"""Stickers that a server shares with its clients: a catalogue, and pictures named by their hash.

A client takes nothing of it as it is: each sticker goes through the same checks as one of a file, and each picture is
compared with its hash and decoded with all bounds.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

import msgspec
from msgspec import Struct

from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.file import catalogue_of
from trio_chat.stickers.kinds import KINDS

STICKERS_MAX = 500
CATALOGUE_MAX_BYTES = 64 * 1024
"""Bytes of a catalogue that is shared, as JSON."""

PICTURE_MAX_BYTES = 48 * 1024
"""Bytes of a picture that is shared: as base64, with all else, it fits into one frame of 64 KiB and a little."""

PICTURES_MAX_BYTES = 8 * 1024 * 1024
"""Bytes of all pictures of a server."""

_PICTURE_NAME = re.compile(r"[0-9a-f]{64}\.(?:png|gif|jpg|jpeg|webp)")
_HASH = re.compile(r"[0-9a-f]{64}")


class SharedSticker(Struct, frozen=True, omit_defaults=True):
    """A sticker as it is sent. Of a picture, `shows` is its hash with the ending of its file."""

    name: str
    kind: str
    shows: str
    aliases: tuple[str, ...] = ()
    alt: str = ""


@dataclass(frozen=True, slots=True)
class SharedCatalogue:
    """Stickers that are shared; with their pictures, by name, where they are at hand."""

    stickers: tuple[SharedSticker, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    lines: tuple[str, ...] = ()
    """The list of them for plain clients."""
    hash: str = ""
    """The hash of the stickers; empty where there are none."""


def hash_of(stickers: Iterable[SharedSticker]) -> str:
    """Return the hash by which a catalogue is known: SHA-256 of it as JSON, 64 hex digits."""
    return sha256(msgspec.json.encode(tuple(stickers))).hexdigest()


def name_of_picture(data: bytes, path: str) -> str:
    """Return the name under which a picture is shared: its hash, with the ending of its path."""
    return f"{sha256(data).hexdigest()}.{path.rpartition('.')[2].lower()}"


def is_hash(text: str) -> bool:
    """Tell whether a text has the form of a hash."""
    return bool(_HASH.fullmatch(text))


def is_picture_name(text: str) -> bool:
    """Tell whether a text has the form of the name of a shared picture: no path, and nothing else."""
    return bool(_PICTURE_NAME.fullmatch(text))


def is_picture(data: bytes, name: str) -> bool:
    """Tell whether a picture is the one of a name, and within the bounds."""
    return len(data) <= PICTURE_MAX_BYTES and is_picture_name(name) and sha256(data).hexdigest() == name[:64]


def catalogue_from(stickers: Iterable[SharedSticker], *, folder: str) -> Catalogue:
    """Return the valid ones of a server's stickers, hostile or not; their pictures are in `folder`, or will be."""
    entries = [
        (sticker.kind, sticker.name, {"shows": sticker.shows, "aliases": sticker.aliases, "alt": sticker.alt})
        for sticker in list(stickers)[:STICKERS_MAX]
        if sticker.kind in KINDS and (sticker.kind != "image" or is_picture_name(sticker.shows))
    ]
    catalogue, _warnings = catalogue_of(entries, source="the server", folder=folder)
    return catalogue
