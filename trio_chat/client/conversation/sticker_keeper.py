"""The stickers of a client: built-in ones, those that the server shares, and those of the person's own file.

What a server shares is kept in the state folder, by its hash, and is asked for once. Nothing of it is trusted.
"""

import binascii
import os
from base64 import b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import trio

from trio_chat.client.link.link import Link
from trio_chat.client.memory.state_file import read_file, replace_file
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.load import StickerLayers, load_file
from trio_chat.stickers.load_shared import modification_state
from trio_chat.stickers.shared_catalogue import (
    CATALOGUE_MAX_BYTES,
    STICKERS_MAX,
    SharedSticker,
    catalogue_from,
    hash_of,
    is_hash,
    is_picture,
)
from trio_chat.stickers.sticker import PictureFile
from trio_chat.wire import frames

POLL_INTERVAL_S = 1.0
"""Time between two looks at the person's file."""

ANSWER_TIMEOUT_S = 5.0
"""Time for which an answer of the server is waited for."""

FILES_MAX = 1000
"""Files of shared stickers that are kept, of all servers."""

WANTED_MAX = 32
"""Pictures that are asked for at once."""


class StickerKeeper:
    """Puts the catalogue of a transcript together, and anew whenever a part of it changes."""

    def __init__(
        self, transcript: Transcript, layers: StickerLayers, *, own_file: Path | None, folder: Path | None
    ) -> None:
        """`folder` is for what servers share; without one, nothing of it is shown."""
        self.changed: Callable[[], None] = lambda: None
        """Called when there are other stickers than before."""
        self._transcript = transcript
        self._layers = layers
        self._own_file = own_file
        self._file_state: tuple[object, ...] = ()
        self._folder = folder
        self._link: Link | None = None
        self._hash = ""
        self._has_news = trio.Event()
        self._list: Sequence[frames.StickerInfo] = ()
        self._has_list = trio.Event()
        self._pictures: dict[str, bytes] = {}
        self._wanted: dict[str, trio.Event] = {}

    async def run(self, link: Link) -> None:
        """Follow the server and the person's file, for ever."""
        self._link = link
        link.on_stickers = self._receive
        if self._own_file:
            self._file_state = await trio.to_thread.run_sync(modification_state, self._own_file, abandon_on_cancel=True)
        self._note_hash(link.stickers_hash)
        while True:
            with trio.move_on_after(POLL_INTERVAL_S if self._own_file else float("inf")):
                await self._has_news.wait()
            if self._has_news.is_set():
                self._has_news = trio.Event()
                await self._follow_server(link)
            if self._own_file:
                await self._look_at(self._own_file)

    def _receive(self, reply: str | frames.StickerList | frames.StickerPicture) -> None:
        match reply:
            case str():
                self._note_hash(reply)
            case frames.StickerList(stickers=stickers):
                self._list = stickers
                self._has_list.set()
            case frames.StickerPicture(name=name, data=data):
                if (wanted := self._wanted.get(name)) is not None:
                    with suppress(binascii.Error, ValueError):
                        self._pictures[name] = b64decode(data, validate=True)
                    wanted.set()

    def _note_hash(self, hash_: str) -> None:
        if hash_ != self._hash and (is_hash(hash_) or not hash_):
            self._hash = hash_
            self._has_news.set()

    # The person's file

    async def _look_at(self, path: Path) -> None:
        file_state = await trio.to_thread.run_sync(modification_state, path, abandon_on_cancel=True)
        if file_state != self._file_state:
            self._file_state = file_state
            own, warnings = await trio.to_thread.run_sync(load_file, path, abandon_on_cancel=True)
            self._layers = self._layers.with_own(own)
            self._show()
            if warnings and self._link:
                self._link.notify(warnings[0])

    # The server's

    async def _follow_server(self, link: Link) -> None:
        """Show the stickers of the hash that the server has named."""
        hash_, shared = self._hash, Catalogue()
        if hash_ and self._folder:
            shared = await trio.to_thread.run_sync(_kept_catalogue, self._folder, hash_, abandon_on_cancel=True)
            if not shared.stickers:
                shared = await self._ask_for(link, hash_, self._folder)
        self._layers = self._layers.with_shared(shared)
        self._show()

    async def _ask_for(self, link: Link, hash_: str, folder: Path) -> Catalogue:
        self._has_list = trio.Event()
        link.ask_stickers()
        with trio.move_on_after(ANSWER_TIMEOUT_S):
            await self._has_list.wait()
            given, self._list = self._list, ()
            return await trio.to_thread.run_sync(_checked_catalogue, given, hash_, folder, abandon_on_cancel=True)
        return Catalogue()

    def _show(self) -> None:
        self._transcript.catalogue = self._layers.all
        self.changed()

    async def fetch(self, file: PictureFile) -> bool:
        """Have the server send a picture that is not here. -> whether it is here now"""
        if self._link is None or self._folder is None or file.folder != str(self._folder):
            return False
        name = file.path
        if name not in self._wanted:
            if len(self._wanted) == WANTED_MAX:
                return False
            self._wanted[name] = trio.Event()
            self._link.ask_picture(name)
        try:
            with trio.move_on_after(ANSWER_TIMEOUT_S):
                await self._wanted[name].wait()
        finally:
            self._wanted.pop(name, None)
        data = self._pictures.pop(name, b"")
        if not is_picture(data, name):
            return False
        return await trio.to_thread.run_sync(_keep, self._folder, name, data)


def _kept_catalogue(folder: Path, hash_: str) -> Catalogue:
    """Return a catalogue that is kept; an empty one where it is not, or is damaged."""
    try:
        stickers = msgspec.json.decode(
            read_file(folder / f"{hash_}.json", CATALOGUE_MAX_BYTES) or b"[]", type=list[SharedSticker]
        )
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Catalogue()
    return catalogue_from(stickers, folder=str(folder)) if hash_of(stickers) == hash_ else Catalogue()


def _checked_catalogue(given: Sequence[frames.StickerInfo], hash_: str, folder: Path) -> Catalogue:
    """Return the stickers that a server has sent, and keep them.

    The catalogue is empty where they have another hash, or are longer than a server shares.
    """
    stickers = [
        SharedSticker(it.name, it.kind, it.shows, tuple(it.aliases), it.alt) for it in list(given)[:STICKERS_MAX]
    ]
    encoded = msgspec.json.encode(stickers)
    if len(encoded) > CATALOGUE_MAX_BYTES or hash_of(stickers) != hash_:
        return Catalogue()
    _keep(folder, f"{hash_}.json", encoded)
    return catalogue_from(stickers, folder=str(folder))


def _keep(folder: Path, name: str, data: bytes) -> bool:
    """Put a file into the folder, in the place of the oldest where that is full. -> whether that was possible"""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in files[: max(len(files) - FILES_MAX + 1, 0)]:
            os.unlink(old)
        replace_file(folder / name, data)
    except OSError:
        return False
    return True
