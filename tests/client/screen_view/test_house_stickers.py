"""Stickers that the server shares, at a real pseudo-terminal; the server may be hostile."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.client.screen_view.conftest import CTRL_U, ENTER, TAB
from tests.stickers.pictures import BLUE, RED, picture_of, png_that_says
from trio_chat.stickers.shared_catalogue import SharedSticker, hash_of, name_of_picture

FLAG = picture_of(RED, size=(6, 4))
OTHER = picture_of(BLUE, size=(6, 4))


def house(data: bytes = FLAG) -> list[SharedSticker]:
    return [
        SharedSticker("standup", "text", "☀"),
        SharedSticker("flag", "image", name_of_picture(data, "x.png"), ("banner",), "the flag"),
    ]


def as_frames(stickers: Sequence[SharedSticker]) -> list[dict[str, Any]]:
    return [
        {"name": it.name, "kind": it.kind, "shows": it.shows, "aliases": it.aliases, "alt": it.alt} for it in stickers
    ]


def reds(stage: Any) -> bool:
    return any(cell.bg == "ff0000" for row in range(9) for cell in stage.screen.cells_of(row))


@pytest.fixture(autouse=True)
def _in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


async def test_a_sticker_of_the_house_is_drawn_completed_and_kept_for_the_next_time(
    stage_at: Any, tmp_path: Path
) -> None:
    stickers = house()
    for is_first in (True, False):
        async with stage_at(50, 9, house_hash=hash_of(stickers)) as stage:
            if is_first:
                await stage.asked("stickers")
                await stage.peer.send(type="stickerlist", hash=hash_of(stickers), stickers=as_frames(stickers))
            await stage.tell("@standup")
            await stage.shows_somewhere("ann      ☀")
            await stage.tell("@banner")
            if is_first:
                assert (await stage.asked("picture"))["name"] == stickers[1].shows
                data = b64encode(FLAG).decode()
                await stage.peer.send(type="stickerpicture", name=stickers[1].shows, data=data)
            await stage.screen.shows_when(lambda _, stage=stage: reds(stage))
            stage.type(f"@sta{TAB}")
            await stage.shows_somewhere("> @standup")
            stage.type(CTRL_U)

    assert sorted(path.name for path in (tmp_path / "stickers").iterdir()) == sorted(
        [f"{hash_of(stickers)}.json", stickers[1].shows]
    )


async def test_news_of_other_stickers_change_what_is_drawn_at_once(stage_at: Any) -> None:
    stickers = [SharedSticker("standup", "text", "☂")]
    async with stage_at(50, 9) as stage:
        await stage.tell("@standup")
        await stage.shows_somewhere("@standup")
        await stage.peer.send(type="stickernews", hash=hash_of(stickers))
        await stage.asked("stickers")
        await stage.peer.send(type="stickerlist", hash=hash_of(stickers), stickers=as_frames(stickers))
        await stage.shows_somewhere("ann      ☂")
        await stage.peer.send(type="stickernews", hash="")
        await stage.shows_somewhere("@standup")


async def test_a_change_of_the_persons_own_file_is_drawn_at_once(stage_at: Any, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[text]\n", encoding="utf-8")
    async with stage_at(50, 9, stickers=own) as stage:
        await stage.tell("@mine")
        await stage.shows_somewhere("@mine")
        own.write_text('[text]\nmine = "☘"\n', encoding="utf-8")
        await stage.shows_somewhere("ann      ☘")


@pytest.mark.parametrize(
    "data",
    [OTHER, FLAG[:40], b"", png_that_says(50_000, 50_000), bytes(60_000)],
    ids=["other", "cut", "nothing", "bomb", "long"],
)
async def test_another_picture_than_was_named_is_not_shown(stage_at: Any, tmp_path: Path, data: bytes) -> None:
    stickers = house(data if data.startswith(b"\x89PNG") and data != OTHER else FLAG)
    async with stage_at(60, 9, house_hash=hash_of(stickers)) as stage:
        await stage.asked("stickers")
        await stage.peer.send(type="stickerlist", hash=hash_of(stickers), stickers=as_frames(stickers))
        await stage.tell("@flag")
        asked = await stage.asked("picture")
        await stage.peer.send(type="stickerpicture", name=asked["name"], data=b64encode(data).decode())
        await stage.shows_somewhere("[the flag]", "the picture of the flag cannot be shown")
        await stage.tell("still here")
        await stage.shows_somewhere("still here")


async def test_a_catalogue_with_another_hash_is_left_out(stage_at: Any) -> None:
    async with stage_at(50, 9, house_hash=hash_of(house(OTHER))) as stage:
        await stage.asked("stickers")
        stickers = [*house(), SharedSticker("../../x", "image", "../x.png", (), "\x1b]0;evil\a")]
        await stage.peer.send(type="stickerlist", hash="", stickers=as_frames(stickers))
        await stage.tell("@standup @flag")
        await stage.shows_somewhere("ann      @standup @flag")


async def test_a_catalogue_that_is_longer_than_any_is_not_kept(stage_at: Any, tmp_path: Path) -> None:
    stickers = [*house(), *(SharedSticker(f"a{number}", "art", "x" * 4000) for number in range(20))]
    async with stage_at(50, 9, house_hash=hash_of(stickers)) as stage:
        await stage.asked("stickers")
        await stage.peer.send(type="stickerlist", hash=hash_of(stickers), stickers=as_frames(stickers))
        await stage.peer.send(type="stickernews", hash=hash_of(house()))
        await stage.asked("stickers")  # so it is done with the others
        await stage.peer.send(type="stickerlist", hash=hash_of(house()), stickers=as_frames(house()))
        await stage.tell("@standup")
        await stage.shows_somewhere("ann      ☀")
    assert [path.name for path in (tmp_path / "stickers").iterdir()] == [f"{hash_of(house())}.json"]


async def test_a_hash_that_is_none_is_never_a_path(stage_at: Any, tmp_path: Path) -> None:
    async with stage_at(50, 9, house_hash="../../../etc/passwd") as stage:
        await stage.tell("hello")
        await stage.shows_somewhere("hello")
        stage.type(f"hi{ENTER}")
        assert (await stage.keep())["type"] == "say"  # nothing was asked before
    assert not (tmp_path / "stickers").exists()
