"""Pictures on the screen, at a real pseudo-terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.stickers.pictures import BLUE, RED, picture_of
from trio_chat.stickers.kinds.image import Image
from trio_chat.stickers.sticker import PictureFile


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Image]:
    """Stickers: one red above and blue below, and one that is damaged."""
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    red, blue = picture_of(RED, size=(6, 4)), picture_of(BLUE, size=(6, 4))
    for name, data in {"red": red, "blue": blue, "cut": red[:40]}.items():
        (tmp_path / f"{name}.png").write_bytes(data)
    return {name: Image(PictureFile(str(tmp_path), f"{name}.png", f"a {name} flag")) for name in ("red", "blue", "cut")}


def colours(stage: Any, row: int) -> str:
    """The colours behind the cells of a row: r for red, b for blue, . for none."""
    cells = stage.screen.cells_of(row)
    return "".join({"ff0000": "r", "0000ff": "b"}.get(cell.bg, ".") for cell in cells).rstrip(".")


async def test_a_picture_stands_beside_its_author(stage_at: Any, flags: Mapping[str, Image]) -> None:
    async with stage_at(50, 9, stickers_in_catalogue=flags) as stage:
        await stage.tell("look")
        await stage.tell("@red @blue", "mei")

        await stage.screen.shows_when(lambda _: colours(stage, 6) == ".........rrrrrr..bbbbbb")

        assert stage.screen.lines[:2] == ["ann      look", "mei"]
        assert colours(stage, 5) == ".........rrrrrr..bbbbbb"


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

        await stage.shows_somewhere("mei      @red", "[a red flag]")


async def test_a_picture_scrolls_row_by_row(stage_at: Any, flags: Mapping[str, Image]) -> None:
    async with stage_at(50, 9, stickers_in_catalogue=flags) as stage:
        await stage.tell("@red", "mei")
        for number in range(6):
            await stage.tell(f"line {number}")
        await stage.screen.shows_when(lambda _: colours(stage, 0) == ".........rrrrrr")

        assert stage.screen.lines[0] == "ann      line 0"
        assert all(not colours(stage, row) for row in range(1, 9))
