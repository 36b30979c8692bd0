"""Going from room to room: the room that is shown is the one in which somebody speaks, whatever comes in between."""

from typing import Any

from tests.client.screen_view.conftest import CTRL_D, CTRL_F, CTRL_U, ENTER, PAGE_UP, UP, OpenStage, Stage, alt, paste
from trio_chat.client.screen_view.screen_display import OTHER_HISTORY


async def join(stage: Stage, name: str) -> dict[str, Any]:
    """Ask to join, and have something drawn before the answer."""
    stage.type(f"/join {name}{ENTER}")
    asked = await stage.asked("join")
    await stage.tell(f"before {name}")
    await stage.shows_somewhere(f"before {name}")
    return asked


async def let_in(stage: Stage, asked: dict[str, Any]) -> None:
    room = {"name": asked["room"], "topic": "", "members": 1, "last_id": 0}
    await stage.peer.send(type="joined", room=room, key=asked["key"])


async def says(stage: Stage, text: str) -> str:
    """Say something. -> the room in which it was said"""
    stage.type(f"{text}{ENTER}")
    room: str = (await stage.keep())["room"]
    return room


async def test_a_room_that_was_joined_is_shown_though_others_speak_before_the_answer(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        await let_in(stage, await join(stage, "dev"))

        await stage.hides("before dev")
        assert await says(stage, "hi") == "dev"


async def test_who_went_elsewhere_before_the_answer_stays_there(stage_at: Any) -> None:
    async with stage_at(60, 9, rooms=("ops", "lobby")) as stage:
        asked = await join(stage, "dev")
        stage.type(alt("3"))
        await stage.hides("before dev")
        await let_in(stage, asked)

        await stage.shows_somewhere("2 #dev", "3 #ops")
        await stage.tell("seen there", room="ops")
        await stage.shows_somewhere("seen there")
        assert await says(stage, "hi") == "ops"


async def test_a_room_that_refuses_leaves_everything_as_it_was(stage_at: Any) -> None:
    async with stage_at(60, 10, rooms=("ops", "lobby")) as stage:
        asked = await join(stage, "dev")
        await stage.peer.send(type="error", code="full", text="no more rooms", key=asked["key"])

        await stage.shows_somewhere("no more rooms", "before dev", "1 #lobby", "2 #ops")
        await stage.hides("#dev")
        assert await says(stage, "hi") == "lobby"


async def test_whoever_leaves_a_room_is_shown_the_lobby(stage_at: Any) -> None:
    async with stage_at(60, 9, rooms=("lobby", "alps", "dev")) as stage:
        await stage.tell("in the lobby")
        stage.type(f"/leave{ENTER}")
        asked = await stage.asked("leave")
        await stage.tell("last words", room="dev")
        await stage.shows_somewhere("last words")
        await stage.peer.send(type="done", key=asked["key"])

        await stage.shows_somewhere("in the lobby")
        await stage.hides("#dev")
        assert await says(stage, "hi") == "lobby"


async def test_whoever_leaves_a_room_goes_to_the_lobby_also_where_that_is_to_be_joined(stage_at: Any) -> None:
    async with stage_at(60, 9, rooms=("alps", "dev")) as stage:
        stage.type(f"/leave{ENTER}")
        left, asked = await stage.asked("leave"), await stage.asked("join")
        await stage.peer.send(type="done", key=left["key"])
        await stage.hides("#dev")
        await let_in(stage, asked)

        await stage.shows_somewhere("1 #lobby")
        assert await says(stage, "hi") == "lobby"


async def test_a_conversation_is_one_in_whatever_case_the_name_is_typed(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        stage.type(f"/msg MEI hi{ENTER}")
        said = await stage.asked("tell")
        await stage.answer(await stage.asked("history"), range(0))
        await stage.tell("hi", "me", room="@", kind="told", to="mei", key=said["key"])

        await stage.shows_somewhere("2 mei", "me       hi", "mei>")
        await stage.hides("MEI")
        await stage.tell("oh", "mei", room="@", kind="told", to="me")
        await stage.shows_somewhere("mei      oh")
        stage.type(f"{alt('1')}")


async def test_a_message_that_failed_in_a_room_that_was_left_is_told_of_and_brought_back(stage_at: Any) -> None:
    async with stage_at(70, 9, rooms=("dev", "lobby")) as stage:
        stage.type(f"{alt('2')}hello dev{ENTER}/leave{ENTER}")
        said, left = await stage.asked("say"), await stage.asked("leave")
        await stage.peer.send(type="done", key=left["key"])
        await stage.hides("#dev")
        await stage.peer.send(type="error", code="not-in-room", text="you are not in #dev", key=said["key"])

        await stage.shows_somewhere("not sent: you are not in #dev: hello dev")
        stage.type(UP)
        await stage.shows_somewhere("> hello dev")


async def test_what_comes_with_another_history_stands_below_what_was_there(stage_at: Any) -> None:
    async with stage_at(70, 12) as stage:
        stage.newest_id = 500
        await stage.tell("old words")
        await stage.shows_somewhere("old words")
        await stage.peer.stream.aclose()
        await stage.peer.welcome("another epoch")
        await stage.shows_somewhere(OTHER_HISTORY[:30])
        stage.newest_id = 3
        await stage.tell("new words")

        await stage.shows_somewhere("new words")
        lines = [line for line in stage.screen.lines if "words" in line]
        assert [line.rpartition("ann")[2].strip() for line in lines] == ["old words", "new words"]
        stage.type(PAGE_UP)
        asked = await stage.asked("history")
        assert asked["before"] == 4
        await stage.answer(asked, range(1, 4))
        await stage.shows_somewhere("line 3")
        assert await says(stage, "hi") == "lobby"


async def test_a_search_goes_on_after_the_connection_broke(stage_at: Any) -> None:
    async with stage_at(60, 12) as stage:
        stage.type(f"{CTRL_F}line{ENTER}")
        await stage.answer(await stage.asked("search"), range(100, 102), more=True)
        await stage.shows_somewhere("2+ found")
        stage.type(UP)
        assert (await stage.asked("search"))["before"] == 100
        await stage.peer.stream.aclose()
        await stage.peer.welcome()
        await stage.shows_somewhere("connected again")
        stage.type(UP)

        await stage.answer(await stage.asked("search"), range(98, 100))
        await stage.shows_somewhere("4 found")


async def test_a_long_message_that_failed_is_there_once(stage_at: Any) -> None:
    async with stage_at(60, 30) as stage:
        stage.type(paste("\n".join(["a long line " * 9] * 3)) + ENTER)
        said = await stage.asked("say")
        await stage.peer.send(type="error", code="muted", text="you are muted", key=said["key"])

        await stage.shows_somewhere("not sent: you are muted")
        assert stage.screen.lines[-1] == ">"


async def test_what_waits_from_last_time_is_edited_in_its_room(stage_at: Any) -> None:
    async with stage_at(80, 12, rooms=("ops", "lobby")) as stage:
        await stage.shows(">")
        await stage.peer.aclose()
        await stage.shows_somewhere("cannot reach")
        stage.type(alt("2") + paste("one\ntwo\nthree\nfour") + ENTER)
        await stage.shows_somewhere("send these 4 lines to #ops")
        stage.type(f"y{ENTER}")
        await stage.shows_somewhere("4 wait")
        stage.type(f"/quit{ENTER}")
        await stage.end()

    async with stage_at(80, 14, rooms=("ops", "lobby")) as stage:
        await stage.shows_somewhere("send 4 lines from last time?")
        stage.type(f"e{ENTER}")
        await stage.shows("> one", "  two", "  three", "  four")
        stage.type(f"{ENTER}y{ENTER}")
        assert (await stage.keep())["room"] == "ops"
        stage.type(alt("1") + f"mine{ENTER}")
        assert (await stage.keep())["room"] == "lobby"


async def test_a_command_is_shown_where_something_follows_from_it(stage_at: Any) -> None:
    async with stage_at(70, 12) as stage:
        stage.type(f"/join dev{ENTER}")
        await let_in(stage, await stage.asked("join"))
        await stage.shows_somewhere("2 #dev")
        stage.type(f"/who{ENTER}")
        asked = await stage.asked("who")
        await stage.peer.send(type="members", room="dev", count=1, labels=["me"], key=asked["key"])
        await stage.shows_somewhere("> /who", "1 in #dev")
        stage.type(alt("1"))
        await stage.hides("> /")


async def test_in_a_muted_room_only_what_calls_somebody_counts(stage_at: Any) -> None:
    async with stage_at(60, 9, rooms=("dev", "lobby")) as stage:
        stage.type(f"/mute #dev{ENTER}")
        await stage.shows_somewhere("#dev is muted")
        await stage.tell("chatter", room="dev")
        await stage.tell("seen")
        await stage.shows_somewhere("seen", "2 #dev          │")
        await stage.tell("me: look", room="dev")
        await stage.shows_somewhere("2 #dev        1!│")
        stage.type(alt("2"))
        await stage.shows_somewhere("chatter", "me: look")
        stage.type(f"{alt('1')}/unmute dev{ENTER}")
        await stage.shows_somewhere("#dev is not muted any more")
        await stage.tell("counts again", room="dev")
        await stage.shows_somewhere("2 #dev        1 │")
        stage.type(f"/mute dev{ENTER}")
        await stage.shows_somewhere("#dev is muted, until")
        await stage.leave()

        assert stage.memory.remembered.muted == ("dev",)


async def test_alt_slash_goes_back_and_forth_between_two_rooms(stage_at: Any) -> None:
    async with stage_at(60, 9, rooms=("dev", "ops", "lobby")) as stage:
        for key, room in ((alt("2"), "dev"), (alt("3"), "ops"), (alt("/"), "dev"), (alt("/"), "ops")):
            stage.type(key)
            assert await says(stage, "hi") == room


async def test_private_conversations_are_listed_again_the_next_time_unless_they_were_closed(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        for name in ("zoe", "ann", "bob"):
            await stage.tell("psst", name, room="@", kind="told", to="me")
        await stage.shows_somewhere("2 zoe", "3 ann", "4 bob")
        stage.type(alt("3"))
        await stage.answer(await stage.asked("history"), range(0))
        stage.type(f"/leave{ENTER}")
        await stage.answer(await stage.asked("history"), range(0))
        await stage.hides("ann")
        await stage.leave()

    async with stage_at(60, 9) as stage:
        await stage.shows_somewhere("1 #lobby", "2 zoe", "3 bob")
        await stage.hides("ann")
        stage.type(alt("3"))
        asked = await stage.asked("history")
        assert asked["room"] == "@bob"
        words = {"type": "entry", "id": 3, "room": "@", "kind": "told", "time": 0.0, "author": "bob", "to": "me"}
        await stage.peer.send(type="page", entries=[words | {"text": "psst"}], more=False, key=asked["key"])
        await stage.shows_somewhere("bob      psst")


async def test_a_message_without_a_text_begins_a_private_conversation(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        stage.type(f"/query bob{ENTER}")
        assert (await stage.asked("history"))["room"] == "@bob"
        await stage.shows_somewhere("2 bob", "bob>")
        stage.type(f"hi{ENTER}")
        assert (await stage.keep())["to"] == "bob"


async def test_a_private_conversation_without_a_past_says_how_to_keep_one_and_history_that_there_is_none(
    stage_at: Any,
) -> None:
    async with stage_at(70, 9) as stage:
        stage.type(f"/msg bob{ENTER}")
        await stage.answer(await stage.asked("history"), range(0))
        await stage.shows_somewhere("nothing was said here since you came", "/register your name")
        stage.type(f"/history{ENTER}")
        asked = await stage.asked("history")
        assert asked["room"] == "@bob"
        await stage.answer(asked, range(0))
        await stage.shows_somewhere("> /history", "nothing found")


async def test_the_arrow_keys_bring_back_what_was_said_in_private_also_the_next_time(stage_at: Any) -> None:
    async with stage_at(60, 9) as stage:
        stage.type(f"/msg bob{ENTER}")
        await stage.answer(await stage.asked("history"), range(0))
        await stage.shows_somewhere("bob>")
        stage.type(f"to bob alone{ENTER}")
        await stage.keep()
        stage.type(f"{alt('1')}to all{ENTER}")
        await stage.keep()
        await stage.leave()

    async with stage_at(60, 9) as stage:
        await stage.shows_somewhere("2 bob")
        stage.type(UP)
        await stage.shows_somewhere("> to all")
        stage.type(f"{CTRL_U}{alt('2')}")
        await stage.answer(await stage.asked("history"), range(0))
        stage.type(UP)
        await stage.shows_somewhere("bob> to bob alone")
        stage.type(CTRL_U)


async def test_what_was_read_at_another_place_is_not_new_here_and_the_other_way_round(stage_at: OpenStage) -> None:
    async with stage_at(60, 12, rooms=("ops", "lobby")) as stage:
        await stage.peer.send(type="named", label="me", account="9f" * 8)
        said = await stage.tell("one", room="ops")
        told = await stage.tell("to both", room="@", kind="told", to="me")
        await stage.tell("", "bob", kind="joined", room="ops")
        await stage.shows_somewhere("2 #ops        1 │", "3 ann         1!│")
        await stage.peer.send(type="read", room="ops", id=said)
        await stage.peer.send(type="read", room="@", id=told)
        await stage.shows_somewhere("2 #ops          │", "3 ann           │")

        told = await stage.tell("again", room="@", kind="told", to="me")
        await stage.shows_somewhere("3 ann         1!│")
        stage.type(alt("3"))
        await stage.shows_somewhere("again")
        stage.type(CTRL_D)
        reads = {}
        while (frame := await stage.peer.frame())["type"] != "bye":
            reads |= {frame["room"]: frame["id"]} if frame["type"] == "read" else {}
        await stage.peer.stream.aclose()
        await stage.end()

    assert reads["@"] == told
