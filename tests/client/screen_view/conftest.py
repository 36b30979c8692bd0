"""A screen view at a pseudo-terminal, which is joined to a peer."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.client.conversation.sticker_keeper import StickerKeeper
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.outbox import open_outbox
from trio_chat.client.link.signing import OwnKey
from trio_chat.client.memory.memory import Memory
from trio_chat.client.memory.server_memory import ServerMemory
from trio_chat.client.memory.typed_lines import TypedLines
from trio_chat.client.options import ViewOptions
from trio_chat.client.screen_view.app import ScreenView
from trio_chat.client.screen_view.terminal_screen import TerminalScreen
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.kinds.text import Text
from trio_chat.stickers.load import StickerLayers
from trio_chat.stickers.sticker import Sticker

ENTER, UP, DOWN, TAB, ESC, PAGE_UP, PAGE_DOWN = "\r", "\x1b[A", "\x1b[B", "\t", "\x1b", "\x1b[5~", "\x1b[6~"
HOME, END = "\x1b[H", "\x1b[F"
CTRL_C, CTRL_D, CTRL_F, CTRL_L, CTRL_U, F1 = "\x03", "\x04", "\x06", "\x0c", "\x15", "\x1bOP"


SMILES = MappingProxyType({"smile": Text("🙂"), "smirk": Text("😏")})


def alt(key: str) -> str:
    return f"\x1b{key}"


def paste(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


class Stage:
    """A peer, and a terminal at which the view is shown."""

    def __init__(self, peer: Any, screen: Any) -> None:
        self.peer = peer
        self.screen = screen
        self.status: int | None = None
        self.memory = Memory()
        self.signer: OwnKey | None = None
        self.ended = trio.Event()
        self.newest_id = 0

    def type(self, keys: str) -> None:
        self.screen.type(keys)

    async def tell(self, text: str, author: str = "ann", **fields: Any) -> int:
        self.newest_id += 1
        await self.peer.tell(self.newest_id, text, author=author, **fields)
        return self.newest_id

    async def keep(self) -> dict[str, Any]:
        """Take the next message of the client, and acknowledge it."""
        said = await self.peer.frame()
        where = {"room": "@", "kind": "told", "to": said["to"]} if said["type"] == "tell" else {"room": said["room"]}
        *others, last = said.get("lines") or [said["text"]]
        for text in others:
            await self.tell(text, "me", **where)
        await self.tell(last, "me", key=said["key"], **where)
        return said

    async def shows(self, *lines: str) -> None:
        """Wait until these are the last lines on the screen, blank ones left out."""
        await self.screen.shows(*lines)

    async def shows_somewhere(self, *texts: str) -> None:
        """Wait until each of these is somewhere on the screen."""
        await self.screen.shows_when(lambda lines: all(any(text in line for line in lines) for text in texts))

    async def hides(self, text: str) -> None:
        """Wait until this is nowhere on the screen."""
        await self.screen.shows_when(lambda lines: all(text not in line for line in lines))

    async def asked(self, kind: str) -> dict[str, Any]:
        """Take the next question of the client, which is of this type."""
        question: dict[str, Any] = await self.peer.frame()
        assert question["type"] == kind
        return question

    async def answer(self, question: dict[str, Any], ids: range, *, more: bool = False) -> None:
        """Answer with a page of entries."""
        entries = [
            {"type": "entry", "id": number, "room": "lobby", "kind": "said", "time": 0.0, "author": "ann"}
            | {"text": f"line {number}"}
            for number in ids
        ]
        await self.peer.send(type="page", entries=entries, more=more, key=question["key"])

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(columns, rows)
        os.kill(os.getpid(), signal.SIGWINCH)  # the terminal is not that of this process

    async def leave(self) -> None:
        """Leave, and have the terminal as it was."""
        self.type(CTRL_U + CTRL_D)
        await self.peer.part()
        await self.end()

    async def end(self) -> None:
        with trio.fail_after(PATIENCE_S):
            await self.ended.wait()
        assert self.screen.modes == self.screen.modes_before


OpenStage = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage_at(make_peer: Any, make_screen: Any, tmp_path: Path) -> OpenStage:
    @asynccontextmanager
    async def open_stage(
        columns: int = 60,
        rows: int = 12,
        *,
        rooms: tuple[str, ...] = ("lobby",),
        history: int | None = None,
        typed_ahead: str = "",
        last_id: int = 0,
        stickers_in_catalogue: Mapping[str, Sticker] = SMILES,
        house_hash: str = "",
        **options: Any,
    ) -> AsyncIterator[Stage]:
        screen = make_screen(columns, rows)
        screen.type(typed_ahead)

        async def visit(stage: Stage) -> None:
            catalogue = Catalogue(stickers_in_catalogue)
            transcript = Transcript(catalogue)
            terminal = TerminalScreen(screen.stdin, screen.stdout, has_links=options.get("has_links", False))
            signer = OwnKey(tmp_path / "key")
            with open_outbox("test", folder=tmp_path) as outbox:
                view = ScreenView(
                    transcript,
                    TcpAddress("127.0.0.1", stage.peer.port),
                    Identity(nick="me", rooms=rooms),
                    outbox,
                    options=ViewOptions(history_lines=history, **options),
                    memory=Memory(ServerMemory("test", folder=tmp_path), TypedLines("test", folder=tmp_path)),
                    signer=signer,
                    stickers=StickerKeeper(
                        transcript,
                        StickerLayers(catalogue, Catalogue(), Catalogue()),
                        own_file=options.get("stickers"),
                        folder=tmp_path / "stickers",
                    ),
                )
                stage.memory = view.memory
                stage.signer = signer
                stage.status = await view.run(partial(view.open_surface, terminal), is_persistent=True)
            terminal.close()
            stage.ended.set()

        async with make_peer() as peer, trio.open_nursery() as nursery:
            stage = Stage(peer, screen)
            nursery.start_soon(visit, stage)
            infos = [{"name": room, "topic": "", "members": 1, "last_id": last_id} for room in rooms]
            await peer.welcome(limits={"lines": 50}, stickers=house_hash, rooms=infos)
            yield stage
            if not stage.ended.is_set():
                await stage.leave()

    return open_stage
