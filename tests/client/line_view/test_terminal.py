"""The prompt on a real pseudo terminal, as a person would see it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.client.line_view.terminal import Terminal, open_terminal, run_on_asyncio

WORDS = ("@smile", "@smirk", "@ship", "/help", "/history")


def words(before: str) -> list[str]:
    typed = before.rpartition(" ")[2]
    return [word for word in WORDS if typed and word.startswith(typed)]


Scene = Callable[[Terminal, Any], Awaitable[None]]


def play(scene: Scene, screen: Any) -> None:
    """Run a scene in front of a terminal that shows its prompt."""

    async def run() -> None:
        with trio.fail_after(PATIENCE_S):
            async with open_terminal(screen.stdin, screen.stdout, words) as terminal:
                await screen.shows(">")
                await scene(terminal, screen)

    run_on_asyncio(run)


async def typed(terminal: Terminal, count: int) -> list[str]:
    lines: list[str] = []
    while len(lines) < count:
        lines += await anext(terminal)
    return lines


def test_a_line_is_typed_and_the_prompt_is_empty_again(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("grüße 漢字 🙂")
        await screen.shows("> grüße 漢字 🙂")
        screen.type("\r")

        assert await typed(terminal, 1) == ["grüße 漢字 🙂"]
        await screen.shows(">")

    play(scene, screen)


def test_what_is_printed_stands_above_what_is_being_typed(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("half a sen")
        await screen.shows("> half a sen")
        await terminal.print("[a]> one\n")
        await terminal.print("[a]> two\n")
        screen.type("tence")

        await screen.shows("[a]> one", "[a]> two", "> half a sentence")

    play(scene, screen)


def test_a_hundred_lines_at_once_scroll_and_leave_the_prompt_whole(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("draft " * 20)
        for number in range(100):
            await terminal.print(f"line {number}\n")

        await screen.shows("line 98", "line 99", "> " + "draft " * 9 + "draf", "t " + "draft " * 9 + "draf", "t")

    screen.resize(60, 12)
    play(scene, screen)


def test_a_paste_becomes_its_lines_in_order_and_its_last_piece_can_be_edited(screen: Any) -> None:
    pasted = [f"line {number} 漢字" for number in range(200)]

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("first \x1b[200~" + "\r".join([*pasted, "rest"]) + "\x1b[201~")

        assert await typed(terminal, 200) == ["first line 0 漢字", *pasted[1:]]
        await screen.shows("> rest")

    play(scene, screen)


def test_blank_lines_are_not_said(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("\r  \rx\r")

        assert await typed(terminal, 1) == ["x"]

    play(scene, screen)


def test_what_was_said_can_be_called_back_and_edited(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("one\rtwo\r")
        await typed(terminal, 2)
        await terminal.print("done\n")
        await screen.shows("done", ">")
        screen.type("\x1b[A\x1b[A\x01the \r")

        assert await typed(terminal, 1) == ["the one"]

    play(scene, screen)


def test_tab_completes_what_only_one_word_can_mean(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("a @shi\t")
        await screen.shows("> a @ship")
        screen.type("\r")

        assert await typed(terminal, 1) == ["a @ship"]

    play(scene, screen)


@pytest.mark.parametrize("key", ["\x03", "\x04", "half a line\x03"])
def test_ctrl_c_and_ctrl_d_leave(screen: Any, key: str) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type(key)

        await terminal.stopped.wait()
        assert [line async for line in terminal] == []

    play(scene, screen)

    assert screen.modes == screen.modes_before


def test_ctrl_d_in_a_line_deletes_and_does_not_leave(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("axb\x1b[D\x1b[D\x04\r")

        assert await typed(terminal, 1) == ["ab"]

    play(scene, screen)


def test_what_was_typed_before_leaving_is_still_said(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("one\rtwo\r\x04")

        await terminal.stopped.wait()
        assert [line async for line in terminal] == [["one", "two"]]

    play(scene, screen)


def test_after_the_prompt_has_gone_printing_goes_on(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        await terminal.print("before\n")
        terminal.stop()
        await terminal.print("meanwhile\n")

    play(scene, screen)

    trio.run(partial(screen.shows, "before", "meanwhile"))


def test_the_prompt_follows_the_width_of_the_terminal(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        assert terminal.columns == 60
        screen.resize(30, 12)

        await terminal.print("narrow\n")
        screen.type("x" * 40)

        await screen.shows("narrow", "> " + "x" * 28, "x" * 12)
        assert terminal.columns == 30

    play(scene, screen)


def test_the_terminal_is_restored_when_the_program_fails(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        assert screen.modes != screen.modes_before
        raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        play(scene, screen)

    assert screen.modes == screen.modes_before
    trio.run(partial(screen.shows))
    assert screen.received.count(b"\x1b[?2004h") == screen.received.count(b"\x1b[?2004l")


def test_a_terminal_that_goes_away_leaves(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.hang_up()

        await terminal.stopped.wait()

    play(scene, screen)
