"""The screen view at a real pseudo-terminal: small pictures of it after keys and entries."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from tests.client.screen_view.conftest import (
    CTRL_C,
    CTRL_U,
    DOWN,
    ENTER,
    ESC,
    F1,
    TAB,
    UP,
    alt,
    paste,
)
from trio_chat.client.conversation.question import NO_ANSWER, PASTE_IS_NO_ANSWER
from trio_chat.client.transcript.paste import DRAFT_CHARS_MAX

STATUS_60 = " me · connected · 127.0.0.1 port"


async def with_bob(stage: Any, *, number: int = 2) -> None:
    """Go to a private conversation with bob, which has a number in the list of rooms."""
    await stage.tell("psst", "bob", room="@", kind="told", to="me")
    await stage.shows_somewhere(f"{number} bob")
    stage.type(alt(str(number)))
    await stage.answer(await stage.asked("history"), range(0))
    await stage.shows_somewhere("bob>")


async def test_rooms_transcript_and_status_at_sixty_columns(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        await stage.tell("can you look at printer-3f? it takes nothing since a minute", "mei")
        await stage.tell("on it @smile", "bob")

        await stage.shows_somewhere(
            "                │ mei      can you look at printer-3f? it",
            "                │          takes nothing since a minute",
            "                │ bob      on it 🙂",
            STATUS_60,
        )
        assert stage.screen.lines[-1] == ">"


async def test_members_are_shown_from_a_hundred_columns_on_who_spoke_last_first(stage_at: Any) -> None:
    async with stage_at(100, 10, history=0) as stage:
        asked = await stage.peer.frame()
        await stage.peer.send(
            type="members", room="lobby", count=3, labels=["me", "ann", "bob"], proven=["ann"], key=asked["key"]
        )
        await stage.tell("hello", "bob")
        await stage.shows_somewhere("3 here", "│ me", "│ bob", "│ ann®")
        lines = stage.screen.lines
        assert [next(at for at, line in enumerate(lines) if name in line) for name in ("│ me", "│ bob", "│ ann®")] == [
            1,
            2,
            3,
        ]

        await stage.tell("", "bob", kind="left")
        await stage.shows_somewhere("2 here", "│ bob left the chat")
        assert not stage.screen.lines[2].endswith("bob")


async def test_forty_columns_and_ten_rows_are_enough(stage_at: Any) -> None:
    async with stage_at(40, 10) as stage:
        for number in range(12):
            await stage.tell(f"line {number}")

        await stage.shows_somewhere("ann      line 11", " #lobby · me · connected")
        assert stage.screen.lines[:8] == [f"ann      line {number}" for number in range(4, 12)]


async def test_our_line_is_dim_until_the_server_keeps_it(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        stage.type(f"hello @smile{ENTER}")
        await stage.shows_somewhere("me       hello 🙂", "not kept yet", "1 waits")
        assert stage.screen.cells("hello")[0].data == "h"

        said = await stage.keep()

        assert said["text"] == "hello @smile"
        await stage.hides("not kept yet")
        await stage.shows_somewhere("me       hello 🙂")


async def test_a_line_that_failed_is_marked_sent_again_and_dropped(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        for key, last in ((alt("r"), True), (alt("x"), False)):
            stage.type(f"hello{ENTER}")
            said = await stage.peer.frame()
            await stage.peer.send(type="error", code="muted", text="you are muted", key=said["key"])
            await stage.shows_somewhere("not sent: you are muted · Alt-r again")
            stage.type(key)
            await stage.hides("not sent")
            if last:
                assert (await stage.keep())["text"] == "hello"


async def test_a_room_that_is_not_shown_counts_what_is_new_and_alt_a_goes_there(stage_at: Any) -> None:
    async with stage_at(60, 9, rooms=("ops", "dev", "lobby")) as stage:
        await stage.tell("one", room="ops")
        await stage.tell("me: two", room="dev")
        await stage.tell("three", room="dev")
        await stage.shows_somewhere("1 #lobby        │", "2 #dev        1!│", "3 #ops        1 │")
        await stage.hides("three")

        stage.type(alt("a"))
        await stage.shows_somewhere("new ─", "ann      me: two", "ann      three", "2 #dev          │")
        stage.type(alt("1"))
        await stage.hides("three")
        stage.type(f"back{ENTER}")
        assert (await stage.keep())["room"] == "lobby"


async def test_each_room_has_its_own_draft_and_history(stage_at: Any) -> None:
    async with stage_at(60, 8, rooms=("ops", "lobby")) as stage:
        stage.type(f"sent{ENTER}half")
        await stage.keep()
        stage.type(f"{alt('2')}other")
        await stage.shows_somewhere("> other")
        stage.type(UP)
        await stage.shows_somewhere("> other")
        stage.type(alt("1"))
        await stage.shows_somewhere("> half")
        stage.type(UP)
        await stage.shows_somewhere("> sent")
        stage.type(DOWN)
        await stage.shows_somewhere("> half")
        stage.type(alt("2") + CTRL_U)


async def test_a_private_message_has_a_conversation_of_its_own(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        await stage.tell("psst", "bob", room="@", kind="told", to="me")
        await stage.shows_somewhere("2 bob         1!│")
        stage.type(alt("2"))
        asked = await stage.peer.frame()
        assert (asked["type"], asked["room"]) == ("history", "@bob")
        await stage.peer.send(type="page", entries=[], more=False, key=asked["key"])
        await stage.shows_somewhere("bob      psst")

        stage.type(f"//hi{ENTER}")

        said = await stage.keep()
        assert (said["type"], said["to"], said["text"]) == ("tell", "bob", "/hi")
        await stage.shows_somewhere("me       /hi")
        stage.type(f"/leave{ENTER}to the room{ENTER}")
        await stage.hides("psst")
        assert (await stage.keep())["room"] == "lobby"


async def test_a_paste_is_text_and_asked_about(stage_at: Any) -> None:
    async with stage_at(60, 14) as stage:
        stage.type(paste("/quit\ntwo\nthree\nfour"))
        await stage.shows("> /quit", "  two", "  three", "  four")
        stage.type(ENTER)
        await stage.shows_somewhere("send these 4 lines to #lobby as text, not as a command?")
        stage.type(f"e{ENTER}")
        await stage.shows("> /quit", "  two", "  three", "  four")
        stage.type(f"{ENTER}y{ENTER}")

        assert (await stage.keep())["lines"] == ["/quit", "two", "three", "four"]


async def test_what_somebody_was_typing_answers_no_question_and_is_kept(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        stage.type(f"quit{ENTER}yes, and now?{ENTER}no{ENTER}")
        await stage.shows_somewhere('say "quit" to #lobby?', NO_ANSWER[:30])
        stage.type(f"{paste('y')}nx\x7f")
        await stage.shows_somewhere("then Enter: n")

        stage.type(ENTER)
        await stage.shows("> yes, and now?")
        stage.type(ENTER)
        assert (await stage.keep())["text"] == "yes, and now?"
        stage.type(UP + UP)
        await stage.shows_somewhere("> quit")


async def test_lines_that_come_at_once_answer_no_question(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        stage.type(f"quit{ENTER}")
        await stage.shows_somewhere('say "quit" to #lobby?')
        stage.type("y\rone\rtwo\rthree\r")
        await stage.shows_somewhere(PASTE_IS_NO_ANSWER, 'say "quit" to #lobby?')
        stage.type(ESC)
        await stage.shows("> quit")


async def test_a_paste_that_is_too_long_for_a_draft_is_refused_before_it_is_cleaned(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        await stage.shows_somewhere("nothing was said here yet")
        await trio.to_thread.run_sync(stage.type, paste("\x07" * DRAFT_CHARS_MAX + "a"))

        await stage.shows_somewhere("too much to be pasted: at most 256 KiB")
        stage.type(f"hi{ENTER}")
        assert (await stage.keep())["text"] == "hi"


async def test_lines_that_come_at_once_are_a_paste_where_the_terminal_marks_none(stage_at: Any) -> None:
    async with stage_at(60, 14) as stage:
        await stage.shows(">")
        stage.type("/quit\rtwo\rthree\rfour\r")
        await stage.shows("> /quit", "  two", "  three", "  four")


@pytest.mark.parametrize("mark", [paste, str], ids=["marked", "unmarked"])
@pytest.mark.parametrize("line_break", ["\r\n", "\r", "\n"], ids=["crlf", "cr", "lf"])
async def test_a_paste_has_no_line_breaks_that_it_had_not(
    stage_at: Any, mark: Callable[[str], str], line_break: str
) -> None:
    lines = ["one", "", "two", "three", "four"]
    async with stage_at(60, 14) as stage:
        await stage.shows(">")
        stage.type(mark(line_break.join([*lines, ""])))
        await stage.shows_somewhere("> one", "  four")
        stage.type(f"{ENTER}y{ENTER}")

        assert (await stage.keep())["lines"] == lines


@pytest.mark.parametrize(
    "answer",
    ["\x1b]11;rgb:ffff/ffff/ffff\x07", "\x1b]10;rgb:0/0/0\x1b\\", "\x1bP1+r544e=78\x1b\\", "\x1b_Gi=7;OK\x1b\\"],
)
async def test_an_answer_that_others_asked_the_terminal_for_is_no_typing(stage_at: Any, answer: str) -> None:
    async with stage_at(60, 9) as stage:
        await stage.shows(">")
        stage.type(f"so{answer}on{ENTER}")

        assert (await stage.keep())["text"] == "soon"


async def test_tab_completes_and_shows_stickers(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        await stage.tell("hi", "mei")
        stage.type(f"@sm{TAB}")
        await stage.shows_somewhere("🙂 @smile  😏 @smirk", "> @smile")
        stage.type(TAB)
        await stage.shows_somewhere("> @smirk")
        stage.type(f"{CTRL_U}me{TAB}")
        await stage.shows_somewhere("> mei:")


async def test_f1_or_a_question_mark_lists_all_keys_and_escape_closes_the_list(stage_at: Any) -> None:
    async with stage_at(80, 20) as stage:
        for key in (F1, "?"):
            stage.type(key)
            await stage.shows_somewhere("Alt-1 to Alt-9")
            stage.type(ESC)
            await stage.hides("Alt-1 to Alt-9")
        stage.type("really?")
        await stage.shows_somewhere("> really?")


async def test_ctrl_c_clears_the_draft_and_then_leaves(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        stage.type("half a sen")
        await stage.shows_somewhere("> half a sen")
        stage.type(CTRL_C)
        await stage.hides("half")
        stage.type(CTRL_C)
        await stage.peer.part()
        await stage.end()
        await stage.shows("Disconnected from the server")
        assert stage.status == 0


@pytest.mark.parametrize("size", [(100, 24), (60, 14), (40, 10), (10, 3), (200, 60), (1, 1)])
async def test_a_resize_at_any_moment_keeps_the_draft(stage_at: Any, size: tuple[int, int]) -> None:
    async with stage_at(80, 24) as stage:
        await stage.tell("some words that are long enough to be wrapped in a pane that is narrow 漢字漢字")
        stage.type("draft")
        await stage.shows_somewhere("> draft")

        stage.resize(*size)
        if size > (9, 3):
            await stage.shows_somewhere("> draft")
        stage.resize(70, 12)
        await stage.shows_somewhere("> draft", "some words", "1 #lobby")


async def test_coming_and_going_is_folded(stage_at: Any) -> None:
    async with stage_at(60, 8) as stage:
        for number in range(12):
            await stage.tell("", f"p{number}", kind="joined")
        for number in range(9):
            await stage.tell("", f"p{number}", kind="left")

        await stage.shows_somewhere("│ 12 came, 9 left")


async def test_what_was_typed_without_a_connection_waits_and_can_be_taken_back(stage_at: Any) -> None:
    async with stage_at(70, 10) as stage:
        await stage.shows(">")
        await stage.peer.aclose()
        await stage.shows_somewhere(" me · offline · again in 1 s")
        stage.type(f"later{ENTER}")
        await stage.shows_somewhere("later ", "waits", " me · offline · ", " · 1 waits (/cancel)")
        stage.type("/msg ann\r")  # the view asks for what was said there before, and nobody is told that it cannot
        await stage.shows_somewhere("ann>")
        await stage.hides("not connected")
        stage.type("\x1b1")
        stage.type(f"/cancel{ENTER}")
        await stage.shows_somewhere("1 line not sent: taken back")
        await stage.hides("later")
        stage.type(CTRL_C)
        await stage.end()
        assert stage.status == 0


async def test_a_paste_that_comes_in_pieces_is_one(stage_at: Any) -> None:
    async with stage_at(60, 10) as stage:
        stage.type("\x1b[200~/quit\rtw")
        await stage.tell("meanwhile")
        await stage.shows_somewhere("meanwhile")
        await stage.hides("/quit")
        stage.type("o\x1b[20")
        await stage.tell("and again")
        await stage.shows_somewhere("and again")
        stage.type("1~!")
        await stage.shows("> /quit", "  two!")


async def test_ctrl_r_brings_back_what_contains_the_draft(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        for line in ("make lunch", "go home", "Make tea"):
            stage.type(f"{line}{ENTER}")
            await stage.keep()
        stage.type("make\x12")
        await stage.shows(" Make tea  make lunch", "> Make tea")
        stage.type("\x12")
        await stage.shows_somewhere("> make lunch")
        stage.type(f" today{ENTER}")
        assert (await stage.keep())["text"] == "make lunch today"
        stage.type("nothing like it\x12")
        await stage.shows("nothing like that was sent here", "> nothing like it")


async def test_a_line_goes_to_the_room_in_which_it_was_typed_however_fast_one_leaves(stage_at: Any) -> None:
    async with stage_at(60, 9, rooms=("dev", "lobby")) as stage:
        await stage.tell("psst", "bob", room="@", kind="told", to="me")
        await stage.shows_somewhere("3 bob")
        stage.type(f"to lobby{ENTER}{alt('2')}to dev{ENTER}{alt('3')}to bob{ENTER}{alt('1')}")
        asked = await stage.asked("history")
        await stage.answer(asked, range(0))

        said = [await stage.keep() for _ in range(3)]

        assert [(it.get("room") or it["to"], it["text"]) for it in said] == [
            ("lobby", "to lobby"),
            ("dev", "to dev"),
            ("bob", "to bob"),
        ]


async def test_the_prompt_of_a_private_conversation_names_the_person(stage_at: Any) -> None:
    async with stage_at(40, 9) as stage:
        await stage.tell("psst", "bob", room="@", kind="told", to="me")
        await stage.shows_somewhere("1! Alt-a")
        stage.type(alt("a"))
        await stage.answer(await stage.asked("history"), range(0))
        await stage.shows("bob>")


async def test_a_command_in_a_private_conversation_is_about_the_room_before(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        await with_bob(stage)
        stage.type(f"/who{ENTER}")
        asked = await stage.asked("who")
        assert asked["room"] == "lobby"
        await stage.peer.send(type="members", room="lobby", count=1, labels=["me"], key=asked["key"])
        await stage.shows_somewhere("1 in #lobby: [me] (you)")


async def test_a_private_conversation_that_is_gone_on_with_shows_what_was_said_before(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        stage.type(f"/msg BOB hi{ENTER}")
        frames = {frame["type"]: frame for frame in [await stage.peer.frame(), await stage.peer.frame()]}
        earlier = {"type": "entry", "id": 1, "room": "@", "kind": "told", "time": 0.0, "author": "bob", "to": "me"}
        stage.newest_id = 1
        await stage.tell("hi", "me", room="@", kind="told", to="bob", key=frames["tell"]["key"])
        await stage.shows_somewhere("bob>")

        await stage.peer.send(
            type="page", entries=[earlier | {"text": "psst"}], more=False, key=frames["history"]["key"]
        )

        await stage.shows_somewhere("bob      psst", "me       hi")


async def test_an_emote_in_a_private_conversation_goes_to_the_person_alone(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        await with_bob(stage)

        stage.type(f"/me smiles{ENTER}")
        said = await stage.keep()

        assert (said["type"], said["to"], said["text"]) == ("tell", "bob", "* smiles")


async def test_a_topic_is_not_set_from_a_private_conversation_and_stays_in_the_line(stage_at: Any) -> None:
    async with stage_at(110, 9) as stage:
        await with_bob(stage)

        stage.type(f"/topic our secret{ENTER}")

        await stage.shows_somewhere("/topic is for rooms, and bob is none: go to the room; nothing was sent")
        await stage.shows_somewhere("bob> /topic our secret")
        stage.type(f"{CTRL_U}hi{ENTER}")
        assert (await stage.keep())["text"] == "hi"


async def test_a_search_typed_in_a_private_conversation_is_about_private_messages(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        await with_bob(stage)

        stage.type(f"/search psst{ENTER}")

        asked = await stage.asked("search")
        assert (asked["room"], asked["text"]) == ("@", "psst")


async def test_leaving_a_private_conversation_in_capitals_leaves_no_room(stage_at: Any) -> None:
    async with stage_at(70, 9, rooms=("lobby", "dev")) as stage:
        await with_bob(stage, number=3)

        stage.type(f"/LEAVE{ENTER}")

        await stage.hides("bob")
        stage.type(f"hi{ENTER}")
        assert (await stage.keep())["text"] == "hi"


async def test_a_message_elsewhere_that_is_refused_is_told_of_where_one_is(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        await with_bob(stage)

        stage.type(f"/msg nobody hi{ENTER}")
        said = await stage.asked("tell")
        await stage.peer.send(type="error", code="no-recipient", text="nobody is called that", key=said["key"])

        await stage.shows_somewhere("not sent: nobody is called that: hi", "bob>")


async def test_escape_takes_a_question_away_and_goes_back_to_the_draft(stage_at: Any) -> None:
    async with stage_at(70, 9) as stage:
        stage.type(f"quit{ENTER}")
        await stage.shows_somewhere('say "quit" to #lobby?')

        stage.type(ESC)

        await stage.shows("> quit")
        stage.type(f"{CTRL_U}hi{ENTER}")
        assert (await stage.keep())["text"] == "hi"


async def test_a_question_about_a_private_draft_names_the_person_and_each_line_goes_there(stage_at: Any) -> None:
    async with stage_at(70, 12) as stage:
        await with_bob(stage)
        stage.type(paste("/quit\ntwo\nthree\nfour") + ENTER)
        await stage.shows_somewhere("send these 4 lines to bob alone as text, not as a command?")
        stage.type(f"y{ENTER}")

        said = [await stage.keep() for _ in range(4)]

        assert [(it["type"], it["to"], it["text"]) for it in said] == [
            ("tell", "bob", text) for text in ("/quit", "two", "three", "four")
        ]


async def test_the_help_is_laid_out_anew_for_another_width(stage_at: Any) -> None:
    beside = "  /nick NAME      take a name: letters, digits, - and _, at most 24"
    async with stage_at(120, 30) as stage:
        stage.type(f"/help{ENTER}")
        await stage.shows_somewhere(beside)

        stage.resize(40, 30)

        await stage.shows_somewhere("  /nick NAME", "    take a name: letters, digits")
        stage.resize(120, 30)
        await stage.shows_somewhere(beside)
