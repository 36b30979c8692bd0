"""A line view at a pseudo-terminal, which is joined to a peer."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import trio

from trio_chat.client.line_view.app import LineView
from trio_chat.client.line_view.guest_run import run_on_asyncio
from trio_chat.client.line_view.line_pictures import line_pictures
from trio_chat.client.line_view.terminal import open_terminal
from trio_chat.client.link.address import TcpAddress
from trio_chat.client.link.events import lines_of
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.outbox import open_outbox
from trio_chat.client.link.signing import OwnKey
from trio_chat.client.options import ViewOptions
from trio_chat.client.transcript.completion import Completion
from trio_chat.client.transcript.input import COMMANDS
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.kinds.text import Text
from trio_chat.stickers.sticker import Sticker

Scene = Callable[[Any, Any], Awaitable[None]]

AT_PROMPT = "[1.2.3.4:5] #lobby>"


SMILE: Mapping[str, Sticker] = MappingProxyType({"smile": Text("🙂")})


def a_transcript(stickers: Mapping[str, Sticker] = SMILE) -> Transcript:
    """A transcript with a few stickers."""
    return Transcript(Catalogue(stickers))


def kept(folder: Path) -> list[str]:
    """Return the texts in the outbox of a client that has ended."""
    with open_outbox("test", folder=folder) as outbox:
        return [line for message in outbox.pending for line in lines_of(message)]


async def flood(stream: trio.SocketStream) -> None:
    """Send until the client hangs up."""
    entry = '{"type":"entry","id":%d,"room":"lobby","kind":"said","time":0,"author":"[\\u001b[2J","text":"%s"}\n'
    text = "@smile\\u001b]0;title\\u0007" * 100
    with suppress(trio.BrokenResourceError):
        for number in range(1, 10**9, 1000):
            await stream.send_all("".join(entry % (number + more, text) for more in range(1000)).encode())


@pytest.fixture
def play(screen: Any, make_peer: Any, tmp_path: Path) -> Callable[..., int]:
    """Run a scene with a peer and a terminal whose prompt is shown, after which the view must end by itself.

    Time stands still, or a busy machine would let the client's time-outs pass in the middle of a scene. The day begins
    with the scene.
    """

    def run(
        scene: Scene,
        *waiting: str,
        at_prompt: str = AT_PROMPT,
        clock: trio.abc.Clock | None = None,
        stickers: Mapping[str, Sticker] = SMILE,
        pictures: str = "none",
        signer: OwnKey | None = None,
        **options: Any,
    ) -> int:
        statuses = []
        clock = clock or trio.testing.MockClock()

        async def visit(port: int) -> None:
            with open_outbox("test", folder=tmp_path) as outbox:
                wishes = ViewOptions(has_bell=True, **options)
                address = TcpAddress("127.0.0.1", port)
                view = LineView(
                    a_transcript(stickers),
                    address,
                    Identity(),
                    outbox,
                    options=wishes,
                    clock=trio.current_time,
                    signer=signer,
                )
                words = Completion(COMMANDS, ["smile"], view.narrator).words
                view.pictures = line_pictures(pictures, fd=screen.stdout.fileno())
                surface = partial(
                    open_terminal, screen.stdin, screen.stdout, words, view.prompt_view(), pictures=view.pictures
                )
                statuses.append(await view.run(surface, is_persistent=True))

        async def perform() -> None:
            with screen.patience(clock):
                async with make_peer() as peer, trio.open_nursery() as nursery:
                    nursery.start_soon(visit, peer.port)
                    await act(peer)

        async def act(peer: Any) -> None:
            await peer.welcome()
            if at_prompt == AT_PROMPT:
                await screen.shows("*** you are [1.2.3.4:5] in #lobby ***", *waiting, at_prompt)
            await screen.shows(at_prompt)
            await scene(peer, screen)

        run_on_asyncio(perform, clock=clock)
        (status,) = statuses
        assert screen.modes == screen.modes_before
        return status

    return run
