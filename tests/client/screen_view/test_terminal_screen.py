"""Sending to the terminal."""

from pathlib import Path
from typing import Any

import trio

from trio_chat.client.screen_view.terminal_screen import WRITE_BYTES, TerminalScreen


async def test_the_loop_goes_on_while_a_terminal_takes_megabytes_without_a_wait(
    make_screen: Any, tmp_path: Path
) -> None:
    turns, writes = 0, 20
    text = "x" * (writes * WRITE_BYTES)

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    with (tmp_path / "terminal").open("w") as quick:  # a file takes whatever it is given
        terminal = TerminalScreen(make_screen(50, 9).stdin, quick)
        terminal.write(text)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count_turns)
            await terminal.send()
            nursery.cancel_scope.cancel()

    assert (tmp_path / "terminal").read_text() == text
    assert turns >= writes // 2
