"""A hostile server: nothing but clean text reaches the terminal, and the client stays small and awake."""

import re
from typing import Any

from tests.client.screen_view.conftest import ENTER, PAGE_UP, alt

EVIL = "\x1b]0;evil\x07\x1b[31m\x9b31m\x1b[2J\u202edlrow\r\x08\x00"
OURS = re.compile(
    rb"\x1b(?:\[[?>]?[0-9;]*[A-Za-z]|\[\?2026[hl]|\][02];[^\x00-\x1f]*\x07|\]9;[^\x00-\x1f\x9b]*\x1b\\|\)0|[78=>])"
)
"""The sequences that urwid and we send."""


async def test_no_field_controls_the_terminal(stage_at: Any) -> None:
    async with stage_at(100, 14, has_bell=True, pictures="blocks") as stage:
        await stage.tell(f"me: {EVIL} said", EVIL)
        await stage.tell(f"{EVIL} topic", EVIL, kind="topic")
        await stage.tell(EVIL, EVIL, kind="renamed")
        await stage.tell(EVIL, EVIL, kind="joined")
        await stage.tell(f"{EVIL} unknown", EVIL, kind=EVIL)
        await stage.tell(f"{EVIL} told", EVIL, room="@", kind="told", to="me")
        await stage.peer.send(type="gap", room="lobby", after=1, reason=EVIL, missed=3)
        await stage.peer.send(type="members", room="lobby", count=2, labels=[EVIL, "me"], proven=[EVIL])
        await stage.peer.send(type="error", code=EVIL, text=f"{EVIL} error")
        stage.type(f"/help{ENTER}")
        await stage.shows_somewhere("> /help", "/who")
        stage.type(alt("2"))
        await stage.answer(await stage.asked("history"), range(0))
        await stage.shows_somewhere("dlrow  told")

        rest = OURS.sub(b"", stage.screen.received)
        assert not re.search(rb"\x1b|\xc2[\x80-\x9f]|[\x00-\x06\x0b\x0c\x10-\x1a\x1c-\x1f]", rest)
        assert b"evil" not in b"".join(re.findall(rb"\x1b\][^\x07\x1b]*", stage.screen.received)).replace(b"]9;", b"")


async def test_long_lines_wide_names_and_families_keep_the_panes_in_place(stage_at: Any) -> None:
    family = "👨‍👩‍👧‍👦"
    async with stage_at(100, 20) as stage:
        for text in (family * 200, "e" + "\u0301" * 1000, "שלום" * 300, "x" * 100_000, "漢" * 5000, " " * 5000):
            await stage.tell(text, family * 30)
        await stage.tell("the end")
        await stage.shows_somewhere("the end")

        body = [line for line in stage.screen.lines if line.count("│") == 2]
        assert len(body) == 17


async def test_many_rooms_members_and_people_are_bounded(stage_at: Any) -> None:
    async with stage_at(100, 20, history=0) as stage:
        asked = await stage.asked("who")
        labels = [f"p{number}" for number in range(10_000)]
        await stage.peer.send(type="members", room="lobby", count=10_000, labels=labels, key=asked["key"])
        for number in range(500):
            await stage.tell("psst", f"p{number}", room="@", kind="told", to="me")
            await stage.tell("hi", room=f"room{number}")
        await stage.tell("the end")

        await stage.shows_somewhere("the end", "10000 here")
        stage.type(alt("9") + "draft")
        await stage.answer(await stage.asked("history"), range(0))
        await stage.shows_somewhere("> draft")


async def test_ten_thousand_rooms_that_nobody_asked_for_are_not_there_and_a_list_of_them_is_cut(stage_at: Any) -> None:
    infos = [{"name": f"room{number}", "topic": "", "members": 1, "last_id": 0} for number in range(10_000)]
    async with stage_at(60, 12) as stage:
        await stage.shows(">")
        await stage.peer.stream.aclose()
        await stage.peer.welcome(rooms=[*infos, {"name": "lobby", "topic": "", "members": 1, "last_id": 0}])
        await stage.tell("the end")
        await stage.shows_somewhere("the end", "1 #lobby")
        await stage.hides("#room")

        stage.type(f"/rooms{ENTER}")
        asked = await stage.asked("rooms")
        await stage.peer.send(type="roomlist", rooms=infos, count=10_000, key=asked["key"])
        await stage.shows_somewhere("> /rooms", "#room9000")
        stage.type("draft")
        await stage.shows_somewhere("> draft")


async def test_a_line_without_end_and_an_entry_of_15_mb_are_cut_and_what_follows_is_shown(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        await stage.peer.stream.send_all(b"x" * (20 << 20) + b"\n")
        await stage.tell("long " * 3_000_000)
        await stage.tell("the end")

        await stage.shows_somewhere("long long", "the end")
        stage.type(f"{PAGE_UP}draft")
        await stage.shows_somewhere("> draft")


async def test_keys_are_obeyed_in_a_flood(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        for number in range(3000):
            await stage.tell(f"line {number}")
            if number % 1000 == 500:
                stage.type(str(number))
                await stage.shows_somewhere(f"> {''.join(str(past) for past in range(500, number + 1, 1000))}")
                assert stage.screen.lines[-1].startswith(">")
        stage.type(PAGE_UP)
        await stage.shows_somewhere("Esc: ")
