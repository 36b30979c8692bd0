"""Reading: scrolling back, searching, and where one left off."""

import re
from typing import Any

import pytest

from tests.client.screen_view.conftest import CTRL_F, END, ENTER, ESC, HOME, PAGE_DOWN, PAGE_UP, UP, Stage, alt


def transcript(stage: Stage) -> list[str]:
    """The rows of the transcript, without the topic and the pane of the rooms."""
    return [line.partition("│ ")[2] for line in stage.screen.lines[:-2]]


async def fill(stage: Stage, count: int, first: int = 100) -> None:
    stage.newest_id = first - 1
    for number in range(first, first + count):
        await stage.tell(f"line {number}")
    await stage.shows_somewhere(f"line {first + count - 1}")


async def test_older_pages_come_as_one_scrolls_up_and_the_place_is_kept(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 15)
        stage.type(PAGE_UP)
        asked = await stage.asked("history")
        assert (asked["before"], asked["room"], asked["presence"]) == (100, "lobby", False)
        await stage.shows_somewhere("line 100", "Esc: newest line")
        shown = transcript(stage)

        await stage.tell("arrives meanwhile")
        await stage.answer(asked, range(90, 100), more=True)
        await stage.tell("me: and another")
        await stage.shows_somewhere("1!")

        assert transcript(stage) == shown
        stage.type(PAGE_UP)
        await stage.shows_somewhere("line 91")
        await stage.hides("line 109")
        stage.type(alt(">"))
        await stage.shows_somewhere("arrives meanwhile", "me: and another")
        await stage.hides("1!")


async def test_the_beginning_of_a_room_is_asked_for_once(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 15)
        stage.type(PAGE_UP * 2)
        await stage.answer(await stage.asked("history"), range(99, 100))
        await stage.tell("me: that was all")
        await stage.shows_somewhere("1!")
        stage.type(PAGE_UP * 2)
        await stage.shows_somewhere("line 99")
        stage.type(f"{PAGE_UP * 3}{alt('>')}bye{ENTER}")

        assert (await stage.keep())["text"] == "bye"


async def test_a_search_shows_its_hits_and_goes_to_one_among_what_was_said_around_it(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 3)
        stage.type(f"{CTRL_F}line{ENTER}")
        asked = await stage.asked("search")
        assert (asked["text"], asked["room"]) == ("line", "lobby")
        await stage.answer(asked, range(20, 24), more=True)
        await stage.shows_somewhere("4+ found: line", "▸ ann      line 23", "  ann      line 20")
        assert stage.screen.cells("line 23")[0].bold

        stage.type(f"{UP}{ENTER}")
        around = await stage.asked("history")
        assert (around["before"], around.get("limit", 50)) == (47, 50)
        await stage.answer(around, range(10, 47))
        await stage.shows_somewhere("line 21", "line 22", "line 23", "Esc: newest")
        await stage.hides("line 101")

        await stage.tell("new")
        stage.type(PAGE_DOWN * 4)
        newer = await stage.asked("history")
        assert newer["after"] == 46
        await stage.answer(newer, range(100, 103))  # what came meanwhile is not in it
        await stage.shows_somewhere("line 46", "line 102")
        stage.type(PAGE_DOWN)
        newest = await stage.asked("history")
        assert newest["after"] == 102
        await stage.answer(newest, range(103, 104))
        await stage.shows_somewhere("line 103")
        stage.type(PAGE_DOWN)
        await stage.hides("reading")


async def search(stage: Stage, ids: range) -> dict[str, Any]:
    """Search, and go to the newest hit. -> the request for what was said around it"""
    stage.type(f"{CTRL_F}line{ENTER}")
    await stage.answer(await stage.asked("search"), ids)
    await stage.shows_somewhere(f"▸ ann      line {ids[-1]}")
    stage.type(ENTER)
    return await stage.asked("history")


async def test_the_past_says_so_and_coming_back_or_sending_shows_the_newest_line(stage_at: Any) -> None:
    async with stage_at(60, 12, rooms=("ops", "lobby")) as stage:
        await fill(stage, 3)
        await stage.answer(await search(stage, range(20, 24)), range(10, 25))  # the hit is near the end of the page
        await stage.shows_somewhere("line 24", "reading 19", "· Esc: newest")
        await stage.tell("one")
        await stage.shows_somewhere("· Esc: 1 new")

        stage.type(alt("2") + alt("1"))
        newest = await stage.asked("history")
        assert "before" not in newest
        await stage.answer(newest, range(100, 104))
        await stage.shows_somewhere("line 103")
        await stage.hides("reading")
        await stage.hides(" new ")

        await stage.answer(await search(stage, range(20, 24)), range(10, 25))
        await stage.shows_somewhere("reading")
        stage.type(f"hi{ENTER}")
        await stage.answer(await stage.asked("history"), range(100, 104))
        await stage.keep()
        await stage.shows_somewhere("line 103", "me       hi")

        around = await search(stage, range(20, 24))
        stage.type(alt(">") + "x")  # before the answer
        await stage.shows_somewhere("> x")
        await stage.answer(around, range(10, 25))
        await stage.tell("last")
        await stage.shows_somewhere("me       hi", "last")
        await stage.hides("line 24")


async def test_escape_leaves_a_search_as_all_was(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 3)
        stage.type(f"half{CTRL_F}")
        await stage.shows_somewhere("find:")
        stage.type(f"nothing{ENTER}")
        await stage.answer(await stage.asked("search"), range(0))
        await stage.shows_somewhere("nothing found: nothing")
        stage.type(ESC)
        await stage.shows_somewhere("line 102", "> half")


async def test_a_line_stands_where_one_left_off_and_alt_u_goes_there(stage_at: Any) -> None:
    async with stage_at(60, 10, rooms=("ops", "lobby")) as stage:
        stage.newest_id = 10
        for number in range(30):
            await stage.tell(f"line {number}", room="ops")
        await stage.shows_somewhere("2 #ops       30 │")

        stage.type(alt("2"))
        await stage.shows_somewhere("line 29", " · 30 new · Alt-u")
        stage.type(alt("u"))
        await stage.shows_somewhere("─ 30 new ─", "line 0", "Esc: ")

        stage.type(alt(">"))
        await stage.shows_somewhere("line 29")
        await stage.hides("Alt-u")  # it was seen
        stage.type(alt("1") + alt("2"))
        await stage.shows_somewhere("line 29")
        stage.type(alt("u") + "x")
        await stage.shows_somewhere("> x")
        await stage.hides("30 new")


async def test_a_removed_line_that_is_on_the_screen_loses_its_words(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        secret = await stage.tell("secret")
        await stage.shows_somewhere("secret")
        await stage.tell("[op] removed a message of [ann]", "op", kind="removed", removes=secret)

        await stage.hides("secret")
        await stage.shows_somewhere("op removed a message")


async def test_a_room_of_last_time_is_read_when_it_is_first_shown(stage_at: Any) -> None:
    async with stage_at(60, 10, rooms=("ops", "lobby"), history=5) as stage:
        asked = await stage.asked("history")
        assert asked["room"] == "lobby"
        await stage.answer(asked, range(1, 3))
        asked = await stage.asked("who")
        await stage.peer.send(type="members", room="lobby", count=1, labels=["me"], key=asked["key"])
        await stage.shows_somewhere("ann      line 2")

        stage.type(alt("2"))

        asked = await stage.asked("history")
        assert (asked["room"], asked["limit"], asked["presence"]) == ("ops", 5, False)
        await stage.answer(asked, range(3, 5))
        asked = await stage.asked("who")
        await stage.peer.send(type="members", room="ops", count=1, labels=["me"], key=asked["key"])
        await stage.shows_somewhere("ann      line 4")
        await stage.hides("here: ")
        stage.type(alt("1") + alt("2"))
        await stage.shows_somewhere("ann      line 4")


async def test_a_resize_in_the_middle_of_reading_keeps_the_line(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 40)
        stage.type(PAGE_UP)
        await stage.shows_somewhere("line 130", "Esc: ")
        await stage.hides("line 139")

        stage.resize(44, 8)

        await stage.shows_somewhere("line 130")
        await stage.hides("line 131")
        stage.resize(60, 12)
        await stage.shows_somewhere("line 130", "1 #lobby")


async def test_the_terminal_may_open_addresses_but_only_what_is_shown_is_one(stage_at: Any) -> None:
    async with stage_at(60, 10, has_links=True) as stage:
        await stage.tell(
            "see https://example.org/" + "long/" * 12 + "end, or https://漢字.org/ and https://a.org/\x1b\\x"
        )
        await stage.shows_somewhere("end, or")
        links = set(re.findall(rb"\x1b\]8;(?:id=\w+)?;([^\x1b]*)\x1b\\", stage.screen.received))

        assert links == {b"", b"https://example.org/" + b"long/" * 12 + b"end", b"https://a.org/\\x"}


async def test_only_what_was_shown_is_read(stage_at: Any) -> None:
    async with stage_at(60, 12, rooms=("ops", "dev", "lobby")) as stage:
        for room in ("ops", "dev", "lobby"):
            await stage.tell("hello", room=room)
        await stage.shows_somewhere("#ops        1 │", "#dev        1 │", "ann      hello")
        stage.type(alt("2"))
        await stage.hides("#dev        1 │")
        await stage.leave()

        assert {room: mark.id for room, mark in stage.memory.remembered.marks.items()} == {"dev": 2, "lobby": 3}


async def test_the_wheel_scrolls_and_a_click_goes_to_a_room(stage_at: Any) -> None:
    async with stage_at(60, 12, rooms=("dev", "lobby"), has_mouse=True) as stage:
        await fill(stage, 30)
        stage.type("\x1b[<64;30;3M")
        await stage.shows_somewhere("line 126", "Esc: newest line")
        await stage.hides("line 127")
        stage.type("\x1b[<65;30;3M")
        await stage.shows_somewhere("line 129")
        stage.type("\x1b[<0;4;2M\x1b[<0;4;2m")
        await stage.hides("line 129")
        stage.type("\x1b[<0;4;1M\x1b[<0;30;1M\x1b[<0;4;9M")
        await stage.shows_somewhere("line 129")


async def test_without_the_mouse_the_terminal_is_not_told_to_report_it(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await stage.shows(">")
        assert b"\x1b[?1000h" not in stage.screen.received


async def test_what_comes_while_one_reads_something_older_stands_below_a_line(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 15)
        stage.type(PAGE_UP)
        await stage.answer(await stage.asked("history"), range(90, 100))
        await stage.shows_somewhere("Esc: newest line")
        await stage.tell("one")
        await stage.tell("me: two")
        await stage.shows_somewhere("Esc: 2 new")
        stage.type(alt(">"))
        await stage.shows_somewhere("me: two")

        shown = [line.strip("─ ") for line in transcript(stage)]
        assert shown[-4:-1] == ["ann      line 114", "new", "ann      one"]


async def test_the_line_above_what_is_new_does_not_count_ones_own_lines(stage_at: Any) -> None:
    async with stage_at(60, 12, rooms=("dev", "lobby")) as stage:
        for text, author in (("old", "ann"), ("new one", "ann"), ("mine from elsewhere", "me"), ("new two", "ann")):
            if text == "new one":
                stage.type(f"{alt('2')}")
                await stage.shows_somewhere("old")
                stage.type(f"{alt('1')}")
                await stage.hides("old")
            await stage.tell(text, author, room="dev")
        await stage.shows_somewhere("#dev        2 │")
        stage.type(alt("2"))
        await stage.shows_somewhere("2 new")

        shown = [line.strip("─ ") for line in transcript(stage)]
        assert [line.rpartition("  ")[2] for line in shown if line][-5:-1] == [
            "old",
            "2 new",
            "new one",
            "mine from elsewhere",
        ]


async def test_the_line_where_one_left_off_stays_in_its_place_when_older_lines_are_loaded(stage_at: Any) -> None:
    async def come(stage: Any, ids: range) -> None:
        await stage.answer(await stage.asked("history"), ids, more=True)
        asked = await stage.asked("who")
        await stage.peer.send(type="members", room="lobby", count=1, labels=["me"], key=asked["key"])

    async with stage_at(60, 14, history=20, last_id=4) as stage:
        await come(stage, range(4, 5))
        await stage.shows_somewhere("line 4")
    async with stage_at(60, 14, history=2, last_id=8) as stage:
        await come(stage, range(5, 9))
        await stage.shows_somewhere("4 new", "line 7", "line 8")
        stage.type(PAGE_UP)
        await stage.answer(await stage.asked("history"), range(2, 7))
        await stage.shows_somewhere("line 2", "line 8")

        shown = [line.strip("─ ").rpartition("  ")[2] for line in transcript(stage)]
        assert shown.index("line 4") < shown.index("more than 4 new") < shown.index("line 5")


async def test_what_called_somebody_before_they_came_is_marked(stage_at: Any) -> None:
    async with stage_at(60, 12, history=20) as stage:
        await stage.peer.receive("me: are you there?")
        await stage.shows_somewhere("me: are you there?")

        assert all(cell.reverse for cell in stage.screen.cells("me: are")[:2])
        assert not stage.screen.cells("are you there")[0].reverse


async def test_of_many_lines_that_were_asked_for_the_first_ones_are_shown(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 30)

        stage.type(f"/history 25{ENTER}")
        await stage.answer(await stage.asked("history"), range(105, 130), more=True)

        await stage.shows_somewhere("line 105", "line 108", "Esc: ")


@pytest.mark.parametrize("back", [ESC, END, f"said{ENTER}"])
async def test_escape_end_and_saying_something_go_back_to_the_newest_line(stage_at: Any, back: str) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 30)
        stage.type(f"/history 25{ENTER}")
        await stage.answer(await stage.asked("history"), range(105, 130), more=True)
        await stage.shows_somewhere("line 105", "Esc: newest line")

        stage.type(back)

        await stage.hides("Esc: newest line")
        await stage.shows_somewhere("line 129")
        if "said" in back:
            await stage.keep()


async def test_home_and_end_in_a_draft_move_the_cursor(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 30)
        stage.type(f"{PAGE_UP}b{HOME}a{END}c")

        await stage.shows_somewhere("> abc", "Esc: newest line")
        stage.type(ENTER)
        await stage.keep()


async def test_whoever_says_something_while_reading_far_up_sees_it_among_the_newest_lines(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await fill(stage, 3)
        stage.type(f"{CTRL_F}line{ENTER}")
        await stage.answer(await stage.asked("search"), range(1, 2))
        await stage.shows_somewhere("1 found")
        stage.type(ENTER)
        await stage.answer(await stage.asked("history"), range(1, 20), more=True)
        await stage.shows_somewhere("line 5")

        stage.type(f"said{ENTER}")

        frames = {frame["type"]: frame for frame in [await stage.peer.frame() for _ in range(2)]}
        await stage.answer(frames["history"], range(100, 103))
        await stage.shows_somewhere("line 102", "not kept yet")
        await stage.tell("said", "me", key=frames["say"]["key"])
