"""Reading the stickers that a server shares, with their pictures. It blocks: call it in a thread."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import msgspec

from trio_chat.stickers.catalogue import Catalogue, listing
from trio_chat.stickers.kinds import KINDS
from trio_chat.stickers.load import load_file
from trio_chat.stickers.picture_file import read_picture
from trio_chat.stickers.shared_catalogue import (
    CATALOGUE_MAX_BYTES,
    PICTURE_MAX_BYTES,
    PICTURES_MAX_BYTES,
    STICKERS_MAX,
    SharedCatalogue,
    SharedSticker,
    hash_of,
    name_of_picture,
)

_LINE_COLUMNS, _LINES_MAX = 78, 60

HEAD = "Stickers of this server: say @NAME, and clients that know it draw it."


def load_shared(path: Path) -> tuple[SharedCatalogue, list[str]]:
    """Read a sticker file and its pictures. -> what can be shared of it, and warnings about the rest"""
    catalogue, warnings = load_file(path)
    pictures: dict[str, bytes] = {}
    shared: list[SharedSticker] = []
    used = 1  # two brackets around all; each sticker counts with a comma, which the last one does not have
    for sticker in _stickers(catalogue):
        try:
            sticker = _with_picture(catalogue, sticker, pictures)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            warnings.append(f"{path}: {sticker.name} is not shared: {reason}")
            continue
        used += len(msgspec.json.encode(sticker)) + 1
        if used > CATALOGUE_MAX_BYTES or len(shared) == STICKERS_MAX:
            at_most = f"{STICKERS_MAX} stickers and {CATALOGUE_MAX_BYTES // 1024} KiB"
            warnings.append(f"{path}: {sticker.name} and those behind it are not shared: more than {at_most}")
            break
        shared.append(sticker)
    names = {sticker.name for sticker in shared}
    stickers = {name: sticker for name, sticker in catalogue.stickers.items() if name in names}
    lines = listing(Catalogue(stickers), columns=_LINE_COLUMNS)
    more = [f"and {len(lines) - _LINES_MAX} lines more"] if len(lines) > _LINES_MAX else []
    list_for_plain_clients = (HEAD, *lines[:_LINES_MAX], *more) if shared else ()
    hash_ = hash_of(shared) if shared else ""
    return SharedCatalogue(tuple(shared), MappingProxyType(pictures), list_for_plain_clients, hash_), warnings


def modification_state(path: Path) -> tuple[object, ...]:
    """Return a value that changes with a sticker file, and with the pictures in its folder."""
    return _stat_of(path), _stat_of(path.parent), *(_stat_of(folder) for folder in _folders(path.parent))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))[:20]
    except OSError:
        return []


def _stat_of(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _stickers(catalogue: Catalogue) -> Iterator[SharedSticker]:
    kind_of = {cls: kind for kind, cls in KINDS.items()}
    aliases: dict[str, list[str]] = {}
    for alias, name in catalogue.aliases.items():
        aliases.setdefault(name, []).append(alias)
    for name, sticker in catalogue.stickers.items():
        entry = sticker.entry()
        yield SharedSticker(name, kind_of[type(sticker)], entry.shows, tuple(aliases.get(name, ())), entry.alt)


def _with_picture(catalogue: Catalogue, sticker: SharedSticker, pictures: dict[str, bytes]) -> SharedSticker:
    """Read the picture of a sticker, if it has one. Raises OSError and ValueError."""
    files = catalogue.stickers[sticker.name].render(sticker.name).pictures
    if not files:
        return sticker
    data = read_picture(files[0])
    if len(data) > PICTURE_MAX_BYTES:
        raise ValueError(f"{files[0].path} is larger than {PICTURE_MAX_BYTES // 1024} KiB")
    if sum(map(len, pictures.values())) + len(data) > PICTURES_MAX_BYTES:
        raise ValueError(f"all pictures are larger than {PICTURES_MAX_BYTES // 1024 // 1024} MiB")
    name = name_of_picture(data, files[0].path)
    pictures[name] = data
    return msgspec.structs.replace(sticker, shows=name)
