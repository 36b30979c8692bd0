"""Pictures in the line view, at a real pseudo-terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client.line_view.conftest import AT_PROMPT
from tests.stickers.pictures import flags_in
from trio_chat.stickers.kinds.image import Image

KITTY = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.36.4)\x1b\\\x1b[?62;c"
ITERM = "\x1bP>|iTerm2 3.5\x1b\\\x1b[?62;4c"


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Image]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TMUX", raising=False)
    return flags_in(tmp_path, blue_size=(3, 2))


def colours(screen: Any, row: int) -> str:
    known = {"ff0000": "r", "0000ff": "b"}
    return "".join(known.get(cell.bg, ".") for cell in screen.cells_of(row)).rstrip(".")


async def sent(screen: Any, data: bytes) -> None:
    """Wait until the terminal has been sent this."""
    await screen.shows_when(lambda _: data in screen.received)


async def leave(peer: Any, screen: Any) -> None:
    screen.type("\x15\x04")
    await peer.part()


def test_pictures_stand_below_the_line_side_by_side(play: Any, flags: Mapping[str, Image]) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "my @red and @blue")
        await screen.shows("[a]> my @red and @blue", AT_PROMPT)
        await screen.shows_when(lambda _: colours(screen, 3) == "....rrrrrr")
        assert [colours(screen, row) for row in range(4)] == ["", "", "....rrrrrr..bbb", "....rrrrrr"]
        await leave(peer, screen)

    assert play(scene, pictures="blocks", stickers=flags) == 0


def test_a_damaged_picture_is_its_text_and_told(play: Any, flags: Mapping[str, Image]) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "@cut @red")
        await screen.shows_when(lambda lines: "    [a cut flag]" in lines and "    [a red flag]" in lines)
        await screen.shows_when(lambda lines: any("the picture cut.png cannot be shown" in line for line in lines))
        await leave(peer, screen)

    assert play(scene, pictures="blocks", stickers=flags) == 0


@pytest.mark.parametrize("pictures", ["none", "auto"])
def test_without_colours_or_wish_the_text_is_shown_and_nothing_is_asked(
    play: Any, flags: Mapping[str, Image], monkeypatch: pytest.MonkeyPatch, pictures: str
) -> None:
    if pictures == "auto":
        monkeypatch.setenv("NO_COLOR", "1")

    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "@red")
        await screen.shows("[a]> @red", "    [a red flag]", AT_PROMPT)
        assert b"\x1b[c" not in screen.received
        await leave(peer, screen)

    assert play(scene, pictures=pictures, stickers=flags) == 0


def test_kitty_is_asked_once_and_gets_placeholders(play: Any, flags: Mapping[str, Image]) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await sent(screen, b"\x1b[c")
        screen.type(f"half{KITTY} a line")
        await screen.shows(f"{AT_PROMPT} half a line")
        await peer.tell(1, "@red @red")
        await sent(screen, b"\x1b_Ga=T,U=1,q=2,i=")
        await sent(screen, "\U0010eeee\u030d\u033d".encode())
        await peer.tell(2, "@red")
        await screen.shows_when(lambda lines: lines.count("[a]> @red") == 1)
        assert screen.received.count(b"\x1b_Ga=T") == 1
        assert screen.received.count(b"\x1b[c") == 1
        await leave(peer, screen)

    assert play(scene, pictures="auto", stickers=flags) == 0


def test_iterm_draws_over_blank_rows(play: Any, flags: Mapping[str, Image]) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await sent(screen, b"\x1b[c")
        screen.type(ITERM)
        await peer.tell(1, "@red @blue")
        await sent(screen, b"\r\n\r\n\x1b[2A\r\x1b7\x1b[4C\x1b]1337;File=inline=1;")
        await sent(screen, b"\x1b8\x1b7\x1b[12C\x1b]1337;File=inline=1;")
        await sent(screen, b"\x1b8\x1b[2B\r")
        await leave(peer, screen)

    assert play(scene, pictures="auto", stickers=flags) == 0


def test_a_terminal_that_never_answers_gets_half_blocks_and_its_late_answer_is_no_typing(
    play: Any, flags: Mapping[str, Image]
) -> None:
    clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        await sent(screen, b"\x1b[c")
        clock.jump(1.0)
        await peer.tell(1, "@red")
        await screen.shows_when(lambda _: colours(screen, 3) == "....rrrrrr")
        screen.type("so" + KITTY[:9])
        await screen.shows(f"{AT_PROMPT} so")
        screen.type(KITTY[9:] + " late")
        await screen.shows(f"{AT_PROMPT} so late")
        await leave(peer, screen)

    assert play(scene, pictures="auto", stickers=flags, clock=clock) == 0
