"""The kinds of stickers. To add one: a class in a file of this folder, which reads and renders it, and a row of KINDS.

A test names what is missing: the row, a line about the kind at the head of `stickers.toml`, a sticker of it there, its
drawing in the test.
"""

from collections.abc import Mapping
from types import MappingProxyType

from trio_chat.stickers.kinds.art import Art
from trio_chat.stickers.kinds.image import Image
from trio_chat.stickers.kinds.text import Text
from trio_chat.stickers.sticker import Sticker

KINDS: Mapping[str, type[Sticker]] = MappingProxyType({"text": Text, "art": Art, "image": Image})
"""The class of each kind, by the name of its table in a sticker file."""
