"""The screen of a person, on a real pseudo-terminal: sums of presence, breaks at words, colours."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import trio

from tests.client.line_view.conftest import AT_PROMPT
from trio_chat.client.transcript import attention
from trio_chat.client.transcript.presence_notices import QUIET_S, WINDOW_S


@pytest.fixture
def in_colour(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have a terminal of a kind, with colours."""

    def use(term: str) -> None:
        for variable in ("NO_COLOR", "COLORTERM"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("TERM", term)

    return use


async def come_and_go(peer: Any, came: int, left: int, *, first_id: int = 1) -> int:
    """Let people who never speak come, then some of them go. -> the id of the next entry"""
    events = [("joined", number) for number in range(came)] + [("left", number) for number in range(left)]
    for number, (kind, person) in enumerate(events, first_id):
        await peer.tell(number, "", kind=kind, author=f"p{person}")
    return first_id + len(events)


async def leave(peer: Any, screen: Any) -> None:
    screen.type("\x15\x04")
    await peer.part()


def test_a_crowd_is_summed_up_and_then_only_who_has_spoken_is_named(play: Any) -> None:
    clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("half a sen")
        number = await come_and_go(peer, 16, 9)
        await peer.tell(number, "hello")
        one_by_one = [f"*** [p{person}] joined the chat ***" for person in range(4)]
        await screen.shows(*one_by_one, "[a]> hello", f"{AT_PROMPT} half a sen")
        clock.jump(QUIET_S)
        await screen.shows("[a]> hello", "*** 12 came, 9 left ***", f"{AT_PROMPT} half a sen")
        number = await come_and_go(peer, 20, 20, first_id=number + 1)
        clock.jump(QUIET_S)
        await peer.tell(number, "", kind="left", author="a")
        await screen.shows("*** 12 came, 9 left ***", "*** [a] left the chat ***", f"{AT_PROMPT} half a sen")
        clock.jump(WINDOW_S + QUIET_S)
        await peer.tell(number + 1, "", kind="joined", author="late")
        await screen.shows("*** [a] left the chat ***", "*** [late] joined the chat ***", f"{AT_PROMPT} half a sen")
        await leave(peer, screen)

    assert play(scene, clock=clock) == 0


def test_one_person_is_one_notice_in_all_the_rooms_that_we_share(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/join kitchen\r")
        room = {"name": "kitchen", "topic": "", "members": 1, "last_id": 5}
        await peer.send(type="joined", room=room, key=(await peer.frame())["key"])
        await screen.shows("*** you are in #kitchen ***", "[1.2.3.4:5] #kitchen>")
        for number, (kind, text) in enumerate((("joined", ""), ("renamed", "bo"), ("left", "")), 6):
            for name in ("lobby", "kitchen"):
                author = "bo" if kind == "left" else "bob"
                await peer.tell(2 * number + (name == "kitchen"), text, kind=kind, room=name, author=author)
        notices = ("*** [bob] joined the chat ***", "*** [bob] is now [bo] ***", "*** [bo] left the chat ***")
        await screen.shows("*** you are in #kitchen ***", *notices, "[1.2.3.4:5] #kitchen>")
        await leave(peer, screen)

    assert play(scene) == 0


def test_lines_break_at_words_behind_the_name_at_the_width_of_the_moment(play: Any) -> None:
    address = "https://example.org/" + "x" * 50

    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "does anyone have the drawing of the new house at hand, or a copy of it?")
        await peer.tell(2, "今日は天気がいいですね。昨日の会議の議事録はもう読みましたか？とても長かった")
        await peer.tell(3, f"see {address}")
        await screen.shows(
            "[a]> does anyone have the drawing of the new house at hand,",
            "     or a copy of it?",
            "[a]> 今日は天気がいいですね。昨日の会議の議事録はもう読みま",
            "     したか？とても長かった",
            f"[a]> see {address}"[:60],
            f"[a]> see {address}"[60:],
            AT_PROMPT,
        )
        screen.resize(40, 12)
        await peer.tell(4, "and now the same line again, in a window that is narrow")
        await screen.shows("[a]> and now the same line again, in a", "     window that is narrow", AT_PROMPT)
        await leave(peer, screen)

    assert play(scene) == 0


def test_unless_it_wraps_a_line_is_left_to_the_terminal_which_copies_it_whole(play: Any) -> None:
    line = "[a]> does anyone have the drawing of the new house at hand, or a copy of it?"

    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, line.removeprefix("[a]> "))
        await screen.shows(line[:60].rstrip(), line[60:], AT_PROMPT)
        await leave(peer, screen)

    assert play(scene, wraps=False) == 0


def test_a_line_of_today_has_its_time_and_one_of_another_day_the_day_too(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "of another day", time=10 * 86400.0)
        await peer.tell(2, "of today")
        day, today = (datetime.fromtimestamp(seconds) for seconds in (10 * 86400.0, 0.0))
        await screen.shows(f"{day:%Y-%m-%d %H:%M} [a]> of another day", f"{today:%H:%M} [a]> of today", AT_PROMPT)
        await leave(peer, screen)

    assert play(scene, at_prompt=AT_PROMPT, has_times=True) == 0


@pytest.mark.parametrize("term", ["xterm-256color", "xterm"])
def test_names_have_colours_of_their_own_which_they_keep(play: Any, in_colour: Any, term: str) -> None:
    in_colour(term)

    async def scene(peer: Any, screen: Any) -> None:
        for number, name in enumerate(("ann", "bob", "carol", "dora"), 1):
            await peer.tell(number, f"I am {name}", author=name)
        await screen.shows("[dora]> I am dora", AT_PROMPT)
        colours = {name: colour(screen, f"[{name}]>") for name in ("ann", "bob", "carol", "dora")}
        assert len(set(colours.values()) | {"default"}) == 5
        assert colour(screen, "I am dora") == "default"
        await peer.tell(5, "eve", kind="renamed", author="dora")
        await peer.tell(6, "it is still me", author="eve")
        await peer.tell(7, "waves", kind="acted", author="bob")
        await screen.shows("*** [dora] is now [eve] ***", "[eve]> it is still me", "* [bob] waves", AT_PROMPT)
        assert (colour(screen, "[eve]>"), colour(screen, "* [bob]")) == (colours["dora"], colours["bob"])
        await leave(peer, screen)

    assert play(scene) == 0


def test_a_call_is_reversed_and_what_was_searched_for_is_bold_and_underlined(play: Any, in_colour: Any) -> None:
    in_colour("xterm-256color")

    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "小明", kind="renamed", author="1.2.3.4:5")
        await peer.tell(2, "你好小明，早上好")
        await screen.shows("[a]> 你好小明，早上好", "[小明] #lobby>")
        assert [cell.reverse for cell in screen.cells("你好小明，")] == [False, False, True, True, False]
        screen.type("/search drawing\r")
        asked = await peer.frame()
        entry = {"type": "entry", "id": 1, "room": "lobby", "kind": "said", "time": 0, "author": "a"}
        await peer.send(type="page", entries=[entry | {"text": "the drawing"}], more=False, key=asked["key"])
        await screen.shows("*** 1 line found ***", "[小明] #lobby>")
        assert all(cell.bold and cell.underscore for cell in screen.cells("drawing"))
        assert not screen.cells("the drawing")[0].bold
        await leave(peer, screen)

    assert play(scene) == 0


def test_without_colours_nothing_has_any(play: Any, in_colour: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    in_colour("xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "1.2.3.4:5: hello")
        await screen.shows("[a]> 1.2.3.4:5: hello", AT_PROMPT)
        assert {(cell.fg, cell.reverse) for cell in screen.cells("[a]> 1.2.3.4:5: hello")} == {("default", False)}
        await leave(peer, screen)

    assert play(scene) == 0


def test_who_is_ignored_stays_so_under_another_name(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/ignore eve\r")
        await screen.shows("*** you are ignoring [eve], until you /unignore eve ***", AT_PROMPT)
        await peer.tell(1, "adam", kind="renamed", author="eve")
        await peer.tell(2, "you do not read this", author="adam")
        await peer.tell(3, "but this", author="bob")
        await screen.shows("*** [eve] is now [adam] ***", "[bob]> but this", AT_PROMPT)
        await leave(peer, screen)

    assert play(scene) == 0


def test_tab_completes_names_without_their_accents_and_behind_brackets(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "salut", author="René")
        await screen.shows("[René]> salut", AT_PROMPT)
        screen.type("and you (ren\t")
        await screen.shows(f"{AT_PROMPT} and you (René")
        await leave(peer, screen)

    assert play(scene) == 0


def test_help_names_the_keys(play: Any, screen: Any) -> None:
    screen.resize(80, 50)

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/help\r")
        await screen.shows("  //TEXT          say a line that begins with /", AT_PROMPT)
        keys = [line.split("  ")[1] for line in screen.lines if line.startswith(("  Ctrl-", "  Alt-", "  Tab "))]
        assert {"Tab", "Alt-Enter", "Ctrl-R", "Ctrl-C", "Ctrl-D"} <= set(keys)
        await leave(peer, screen)

    assert play(scene) == 0


def colour(screen: Any, text: str) -> str:
    """The one colour of a text on the screen."""
    (found,) = {cell.fg for cell in screen.cells(text)}
    return str(found)


def test_a_line_stands_where_the_person_stopped_reading_until_they_press_a_key(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "AWAY_S", 0.0)

    async def scene(peer: Any, screen: Any) -> None:
        screen.resize(80, 24)
        await peer.tell(1, "one")
        await peer.tell(2, "", kind="joined", author="b")
        await peer.tell(3, "two")
        await screen.shows("[a]> one", "*** [b] joined the chat ***", "[a]> two", AT_PROMPT)
        assert [line.strip(" ─")[:21] for line in screen.lines[-5:-4]] == ["you were away since 2"]
        screen.type("x")
        await screen.shows(f"{AT_PROMPT} x")
        await peer.tell(4, "three")
        await screen.shows("[a]> three", f"{AT_PROMPT} x")
        assert "you were away since 2" in screen.lines[-3]
        screen.type("\x15")
        await leave(peer, screen)

    assert play(scene) == 0
