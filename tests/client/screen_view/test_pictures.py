"""Pictures on the screen, at a real pseudo-terminal."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.client.screen_view.conftest import CTRL_U, DOWN, ENTER, ESC, TAB, alt
from tests.stickers.pictures import BLUE, RED, flags_in, picture_of
from trio_chat.stickers.kinds.image import Image
from trio_chat.stickers.kinds.text import Text
from trio_chat.stickers.sticker import PictureFile

F2 = "\x1bOQ"


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Image]:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return flags_in(tmp_path)


@pytest.fixture
def _in_kitty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)


def colours(stage: Any, row: int) -> str:
    """The colours behind the cells of a row: r for red, b for blue, . for none."""
    cells = stage.screen.cells_of(row)
    return "".join({"ff0000": "r", "0000ff": "b"}.get(cell.bg, ".") for cell in cells).strip(".")


async def test_a_picture_stands_beside_its_author(stage_at: Any, flags: Mapping[str, Image]) -> None:
    async with stage_at(50, 9, stickers_in_catalogue=flags) as stage:
        await stage.tell("look")
        await stage.tell("@red @blue", "mei")

        await stage.screen.shows_when(lambda _: colours(stage, 6) == "rrrrrr..bbbbbb")

        assert [line.split() for line in stage.screen.lines[:2]] == [["ann", "look"], ["mei"]]
        assert colours(stage, 5) == "rrrrrr..bbbbbb"


async def test_a_picture_moves_once_and_not_at_all_where_nothing_is_to_move(
    stage_at: Any, tmp_path: Path, flags: Mapping[str, Image]
) -> None:
    (tmp_path / "both.gif").write_bytes(picture_of(RED, BLUE, size=(6, 4), form="GIF", duration_ms=300))
    both = {"both": Image(PictureFile(str(tmp_path), "both.gif", "both flags"))}
    for moves, shown in ((True, ["rrrrrr", "bbbbbb", "rrrrrr"]), (False, ["rrrrrr"])):
        async with stage_at(50, 9, stickers_in_catalogue=both, has_animation=moves) as stage:
            await stage.tell("@both", "mei")
            for colour in shown:
                await stage.screen.shows_when(lambda _, colour=colour: colours(stage, 6).strip(".") == colour)


async def test_the_picker_narrows_shows_and_puts_a_sticker_into_the_draft(
    stage_at: Any, flags: Mapping[str, Image]
) -> None:
    async with stage_at(50, 14, stickers_in_catalogue={**flags, "redo": Text("↻"), "smile": Text("🙂")}) as stage:
        stage.type("I am")
        for key in (F2, alt("s")):
            stage.type(key)
            await stage.shows_somewhere("5 stickers · type to search", "sticker:")
            stage.type("red")
            await stage.shows_somewhere("2 stickers", "↻ redo", "sticker: red")
            await stage.hides("smile")
            await stage.screen.shows_when(lambda _: "rrrrrr" in [colours(stage, row) for row in range(12)])
            stage.type(ESC)
            await stage.shows_somewhere("> I am")
        stage.type(f"{F2}red{DOWN}{ENTER}now")

        await stage.shows_somewhere("> I am @redo now")


async def test_a_picture_at_the_end_of_the_picker_has_its_name_though_not_all_of_it_fits(
    stage_at: Any, flags: Mapping[str, Image]
) -> None:
    names = ("one", "two", "three")
    catalogue = dict(zip(names, [flags["red"]] * 3, strict=True))
    async with stage_at(30, 30, stickers_in_catalogue=catalogue) as stage:
        stage.type(F2)

        await stage.shows_somewhere(*names)
        stage.resize(30, 25)
        await stage.hides("three")
        stage.type(ESC)
        await stage.shows(">")


async def test_the_picker_says_where_there_is_no_such_sticker_and_enter_closes_it(
    stage_at: Any, flags: Mapping[str, Image]
) -> None:
    async with stage_at(50, 14, stickers_in_catalogue=flags) as stage:
        stage.type(f"{F2}nothing")
        await stage.shows_somewhere("no sticker has that name", "sticker: nothing")
        stage.type(f"{ENTER}said")
        await stage.shows_somewhere("> said")


async def test_tab_shows_the_picture_that_it_puts_into_the_draft(stage_at: Any, flags: Mapping[str, Image]) -> None:
    async with stage_at(50, 20, stickers_in_catalogue=flags) as stage:
        stage.type(f"@{TAB}")
        await stage.screen.shows_when(lambda lines: any(colours(stage, row) == "bbbbbb" for row in range(20)))
        stage.type(TAB)
        await stage.shows_somewhere("> @cut", "@blue  @cut  @red", "[a cut flag]")


async def test_a_damaged_picture_is_a_text_and_told_once(stage_at: Any, flags: Mapping[str, Image]) -> None:
    async with stage_at(70, 9, stickers_in_catalogue=flags) as stage:
        await stage.tell("@cut", "mei")

        await stage.shows_somewhere("[a cut flag]", "the picture cut.png cannot be shown: a damaged picture")


async def test_without_colours_the_text_stands_in_the_place_of_a_picture(
    stage_at: Any, flags: Mapping[str, Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage_at(50, 9, stickers_in_catalogue=flags) as stage:
        await stage.tell("@red", "mei")

        await stage.shows_somewhere(" @red", "[a red flag]")


async def test_a_picture_scrolls_row_by_row(stage_at: Any, flags: Mapping[str, Image]) -> None:
    async with stage_at(50, 9, stickers_in_catalogue=flags) as stage:
        await stage.tell("@red", "mei")
        for number in range(6):
            await stage.tell(f"line {number}")
        await stage.screen.shows_when(lambda _: colours(stage, 0) == "rrrrrr")

        assert stage.screen.lines[0].split() == ["ann", "line", "0"]
        assert all(not colours(stage, row) for row in range(1, 9))


@pytest.mark.usefixtures("_in_kitty")
async def test_kitty_draws_a_picture_where_its_placeholders_are(stage_at: Any, flags: Mapping[str, Image]) -> None:
    async with stage_at(50, 9, stickers_in_catalogue=flags) as stage:

        async def sent(data: bytes) -> None:
            await stage.screen.shows_when(lambda _: data in stage.screen.received)

        await sent(b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>0q\x1b[?1;1;0S\x1b[c")
        stage.type("\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.36.4)\x1b\\\x1b[?62;ctyped")
        await stage.shows_somewhere("> typed")
        await stage.tell("@red", "mei")
        await sent("\U0010eeee\u030d\u033d".encode())  # the last cell of two rows and six columns

        received = stage.screen.received
        command = re.search(rb"\x1b_Ga=T,U=1,q=2,i=(\d+),f=32,o=z,s=60,v=40,c=6,r=2,m=0;[^\x1b]+\x1b\\", received)
        assert command
        number = int(command[1])
        look = f"\x1b[0;38;2;{number >> 16};{number >> 8 & 255};{number & 255};49m"
        for mark in ("\u0305", "\u030d"):
            columns = "\u0305\u030d\u030e\u0310\u0312\u033d"
            row = look + "".join(f"\U0010eeee{mark}{column}" for column in columns)
            assert row.encode() in received[command.end() :]
        stage.type(CTRL_U)
    await sent(f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\".encode())


@pytest.mark.usefixtures("_in_kitty")
async def test_a_terminal_that_answers_late_is_not_typing_and_gets_half_blocks_until_then(
    stage_at: Any, flags: Mapping[str, Image]
) -> None:
    async with stage_at(50, 9, stickers_in_catalogue=flags) as stage:
        await stage.tell("@red", "mei")
        await stage.screen.shows_when(lambda _: colours(stage, 6) == "rrrrrr")
        for piece in ("so\x1b_Gi=31;", "OK\x1b", "\\\x1bP>|kitty(0.36.4)\x1b\\ la\x1b[?", "62;cte"):
            stage.type(piece)
        await stage.shows_somewhere("> so late")
        await stage.screen.shows_when(lambda _: "\U0010eeee\u030d\u033d".encode() in stage.screen.received)
