"""Leaving: however the view ends, the server is told, and the terminal is as it was."""

import errno
import signal
import subprocess
import sys
from typing import Any

import pytest
import trio

from tests.client.screen_view.conftest import CTRL_C, CTRL_D, CTRL_L, ENTER, paste
from trio_chat.client.conversation.app import GOODBYE
from trio_chat.client.screen_view.terminal_screen import TerminalScreen
from trio_chat.client.startup_terminal import why_no_screen
from trio_chat.stickers.kinds.text import Text

NORMAL_SCREEN = b"\x1b[?1049l"


@pytest.mark.parametrize(
    "end", [CTRL_D, CTRL_C, f"/quit{ENTER}", f"quit(){ENTER}", signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
)
async def test_the_farewell_stands_on_the_normal_screen(stage_at: Any, end: str | signal.Signals) -> None:
    async with stage_at(60, 8) as stage:
        await stage.shows_somewhere("nothing was said")
        if isinstance(end, signal.Signals):
            signal.raise_signal(end)
        else:
            stage.type(end)
        await stage.peer.part()
        await stage.end()

        await stage.shows(GOODBYE)
        assert stage.screen.received.partition(NORMAL_SCREEN)[2].strip().endswith(GOODBYE.encode())
        assert b"\x1b[?2004l" in stage.screen.received
        assert stage.screen.received.index(b"\x1b[22;0t") < stage.screen.received.index(b"\x1b[23;0t")  # the title
        assert stage.status == 0


async def test_the_reason_of_an_operator_stands_on_the_normal_screen(
    stage_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage_at(60, 8) as stage:
        await stage.shows_somewhere("nothing was said")
        stage.screen.stdout.reconfigure(line_buffering=True)
        monkeypatch.setattr(sys, "stderr", stage.screen.stdout)
        await stage.peer.send(type="bye", reason="unproven", text="your name was reset: ask ann")
        await stage.peer.stream.aclose()
        await stage.end()

        await stage.shows_somewhere(GOODBYE)
        assert b"your name was reset: ask ann" in stage.screen.received.rpartition(NORMAL_SCREEN)[2]
        assert stage.status == 1


async def test_a_closed_window_is_told_to_the_server_at_once(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        await stage.shows_somewhere("nothing was said")

        stage.screen.hang_up()

        await stage.peer.part()
        with trio.fail_after(5):
            await stage.ended.wait()


def test_a_window_closed_before_the_screen_is_there_is_an_error_of_the_system(make_screen: Any) -> None:
    window = make_screen(60, 8)
    screen = TerminalScreen(window.stdin, window.stdout)
    window.hang_up()

    with pytest.raises(OSError) as raised:  # noqa: PT011  each system has its own words
        screen.start()

    screen.stop()
    screen.close()
    assert raised.value.errno in (errno.EIO, errno.ENXIO)


async def test_a_terminal_that_takes_nothing_keeps_nobody_from_leaving(stage_at: Any) -> None:
    async with stage_at(200, 60) as stage:
        await stage.shows_somewhere("nothing was said")
        for _ in range(60):
            await stage.tell("x" * 20_000)
        for number in range(40):  # whole frames, which nobody reads, until the kernel takes no more
            stage.type(f"{CTRL_L}{number}{ENTER}")
            assert (await stage.keep())["text"] == str(number)

        signal.raise_signal(signal.SIGTERM)

        await stage.peer.part()
        with trio.fail_after(5):
            await stage.ended.wait()
        assert stage.screen.modes == stage.screen.modes_before


class Broken(Text):
    """A sticker that cannot be drawn."""

    def render(self, name: str) -> Any:
        raise RuntimeError("a mistake of ours")


async def test_a_crash_restores_the_terminal(stage_at: Any) -> None:
    screen = None
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="a mistake"), flatten_subgroups=True):
        async with stage_at(60, 8, stickers_in_catalogue={"broken": Broken("x")}) as stage:
            screen = stage.screen
            await stage.shows_somewhere("nothing was said")
            await stage.tell("@broken")
            await stage.ended.wait()

    assert screen is not None
    assert screen.modes == screen.modes_before
    await screen.receives(NORMAL_SCREEN)


async def test_ctrl_c_stops_a_paste_that_is_being_sent(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        stage.type(paste("\n".join(f"line {number}" for number in range(120))) + ENTER)
        await stage.shows_somewhere("send these 120 lines")
        stage.type(f"y{ENTER}")
        first = await stage.peer.frame()
        await stage.shows_somewhere("120 wait")
        stage.type(CTRL_C)
        await stage.shows_somewhere("70 lines not sent: taken back")

        for line in first["lines"][:-1]:
            await stage.tell(line, "me")
        await stage.tell(first["lines"][-1], "me", key=first["key"])
        await stage.hides("wait")


async def test_what_is_typed_before_the_screen_is_there_is_a_draft(stage_at: Any, make_screen: Any) -> None:
    async with stage_at(60, 8, typed_ahead="early") as stage:
        await stage.shows_somewhere("> early")


async def test_drafts_that_were_not_sent_are_told_at_the_end(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        stage.type("half a sen")
        await stage.shows_somewhere("> half a sen")
        signal.raise_signal(signal.SIGTERM)
        await stage.peer.part()
        await stage.end()
        await stage.shows("*** not sent: half a sen ***", GOODBYE)


@pytest.mark.parametrize(
    ("environment", "why_not"),
    [
        ({"LANG": "de_DE.UTF-8"}, ""),
        ({"LANG": "C", "LC_CTYPE": "C.UTF8"}, ""),
        ({}, ""),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, "the locale C is not UTF-8"),
        ({"LANG": "de_DE.ISO-8859-1"}, "the locale de_DE.ISO-8859-1 is not UTF-8"),
        ({"LANG": "C.UTF-8", "TERM": "dumb"}, "TERM=dumb can only print lines"),
    ],
)
def test_a_terminal_that_cannot_show_it_is_told_apart(environment: dict[str, str], why_not: str) -> None:
    assert why_no_screen(environment) == why_not


def test_a_terminal_without_an_alternate_screen_shows_it_to_whoever_wants_it_all_the_same() -> None:
    asked = {term: has_alternate_screen_in_a_process_of_its_own(term) for term in ("xterm-256color", "vt100", "new")}

    assert asked == {"xterm-256color": True, "vt100": False, "new": True}
    assert why_no_screen({"LANG": "C.UTF-8", "TERM": "vt100"}, is_wanted=True) == ""


def has_alternate_screen_in_a_process_of_its_own(term: str) -> bool:
    """Ask with descriptions that are all on this machine; curses takes one in each process."""
    script = "from trio_chat.client.startup_terminal import why_no_screen\n"
    script += f"print(why_no_screen({{'TERM': {term!r}}}, is_wanted=False))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("", f"TERM={term} has no alternate screen")
    return not done.stdout.strip()
