"""The line view: the chat on stdin and stdout. On a terminal it is a prompt, else a filter."""

import sys
from contextlib import nullcontext
from functools import partial

import trio

from trio_chat.awake_clock import AwakeClock
from trio_chat.client.conversation.app import ChatApp
from trio_chat.client.conversation.surface import Surface
from trio_chat.client.line_view.line_display import LineDisplay
from trio_chat.client.line_view.line_pictures import LinePictures, line_pictures
from trio_chat.client.line_view.pipe import Pipe
from trio_chat.client.startup_terminal import is_terminal
from trio_chat.client.transcript.completion import Completion, StickerNames
from trio_chat.client.transcript.input import COMMANDS


class LineView(ChatApp):
    """The chat line by line, on a terminal or through a pipe."""

    pictures: LinePictures | None = None
    """Draws pictures, where the terminal can show some."""

    def make_display(self, surface: Surface) -> LineDisplay:
        """Return a display that prints on a surface."""
        options = self.options
        return LineDisplay(
            surface,
            self.narrator.transcript,
            has_bell=options.has_bell,
            wraps=options.wraps,
            pictures=self.pictures if surface.has_prompt else None,
        )


def run_line_view(view: LineView) -> int:
    """Chat on stdin and stdout. -> exit status. Raises LinkError, OSError"""
    if not is_terminal():
        pipe = Pipe(0, 1)
        is_worth_waiting = None if pipe.is_typed else pipe.has_input
        run = partial(view.run, lambda: nullcontext(pipe), is_worth_waiting=is_worth_waiting)
        return trio.run(run, clock=AwakeClock())
    # Slow to import, and a pipe needs neither.
    from trio_chat.client.line_view.guest_run import run_on_asyncio
    from trio_chat.client.line_view.terminal import open_terminal

    completion = Completion(COMMANDS, StickerNames(view.narrator.transcript), view.narrator)
    view.pictures = line_pictures(view.options.pictures, fd=1)
    if view.pictures and view.stickers:
        view.pictures.gallery.fetch = view.stickers.fetch
    open_surface = partial(
        open_terminal, sys.stdin, sys.stdout, completion.words, view.prompt_view(), pictures=view.pictures
    )
    return run_on_asyncio(partial(view.run, open_surface, is_persistent=True), clock=AwakeClock())
