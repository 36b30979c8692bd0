"""The line view at a terminal."""

import re
import select
import signal
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client.line_view.conftest import AT_PROMPT, flood, kept
from trio_chat.client.conversation.app import GOODBYE
from trio_chat.client.conversation.conversation import LEAVE_NOTICE_S
from trio_chat.client.line_view.line_display import BELL_INTERVAL_S
from trio_chat.client.link.backoff import MIN_DELAY_S
from trio_chat.client.link.events import Message
from trio_chat.client.link.outbox import PENDING_MAX, Outbox, open_outbox
from trio_chat.wire.frames import Say, Tell


def test_a_line_is_sent_as_typed_and_shown_with_its_stickers(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello @smile\r")
        assert await peer.keep(1) == "hello @smile"
        await peer.tell(2, "@smile back")
        await screen.shows("[me]> hello 🙂", "[a]> 🙂 back", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


@pytest.mark.parametrize(
    ("keys", "last"), [("quit()\r", "> quit()"), ("/quit\r", "> /quit"), ("\x03", ""), ("\x04", "")]
)
def test_leaving_says_so_and_is_no_failure(play: Any, screen: Any, keys: str, last: str) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type(keys)
        await peer.part()

    assert play(scene) == 0
    trio.run(partial(screen.shows, *filter(None, (last, GOODBYE))))


def test_lines_typed_without_a_connection_wait_and_are_sent_later(play: Any) -> None:
    stopped_clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        await peer.stream.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        screen.type("hello\r")
        await screen.shows("*** not connected: 1 line will be sent later ***", "[1.2.3.4:5]> hello", AT_PROMPT)
        stopped_clock.jump(2 * MIN_DELAY_S)
        await peer.welcome()
        assert await peer.keep(1) == "hello"
        await screen.shows("*** connected again ***", "*** 1 line sent ***", "[me]> hello", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene, clock=stopped_clock) == 0


def test_a_leaving_person_is_told_what_waits_and_it_is_sent_next_time(play: Any, screen: Any) -> None:
    async def leave(peer: Any, screen: Any) -> None:
        await peer.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        screen.type("hello\r")
        await screen.shows("*** not connected: 1 line will be sent later ***", "[1.2.3.4:5]> hello", AT_PROMPT)
        screen.type("\x04")

    async def come_back(peer: Any, screen: Any) -> None:
        assert await peer.keep(1) == "hello"
        await screen.shows("*** 1 line sent ***", "[me]> hello", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(leave) == 0
    trio.run(partial(screen.shows, "*** 1 line not sent: kept for when you join again ***", GOODBYE))
    assert play(come_back, "[1.2.3.4:5]> hello") == 0


def test_a_message_is_shown_as_waiting_until_the_server_has_kept_it(play: Any, screen: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello\r")
        await screen.shows("[1.2.3.4:5]> hello", AT_PROMPT)
        assert b"\x1b[0;2m[1.2.3.4:5]> hello" in screen.received
        screen.type("next")
        await screen.shows("[1.2.3.4:5]> hello", f"{AT_PROMPT} next")
        assert await peer.keep(1) == "hello"
        await screen.shows("[me]> hello", f"{AT_PROMPT} next")
        assert not any("1.2.3.4:5]> hello" in line for line in screen.lines)
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene) == 0


def test_m16_a_message_is_not_shown_as_said_before_it_is_on_disk(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write, is_writing, can_write = Outbox.add, trio.Event(), trio.Event()

    async def write_slowly(outbox: Outbox, messages: Iterable[Message]) -> None:
        is_writing.set()
        await can_write.wait()
        await write(outbox, messages)

    monkeypatch.setattr(Outbox, "add", write_slowly)

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello\r")
        await is_writing.wait()
        screen.type("next")
        try:
            await screen.shows("*** you are [1.2.3.4:5] in #lobby ***", f"{AT_PROMPT} next")
        finally:
            can_write.set()
        await screen.shows("[1.2.3.4:5]> hello", f"{AT_PROMPT} next")
        assert await peer.keep(1) == "hello"
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_refused_long_line_is_in_the_editor_again(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("x" * 100 + "\r")
        refused = await peer.frame()
        await peer.send(type="error", code="no", text="no", key=refused["key"])
        await screen.shows("x" * 18 + "... ***", AT_PROMPT + " " + "x" * 40, "x" * 60)
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene) == 0


def _leave_behind(folder: Path, *lines: str) -> None:
    with open_outbox("test", folder=folder) as outbox:
        messages = [Say(room="lobby", text=line, key=line) for line in lines]
        trio.run(outbox.add, messages)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("n\r", ["*** 4 lines not sent: taken back ***", AT_PROMPT]),
        ("e\r", [f"{AT_PROMPT} one", "| two", "| three", "| four"]),
        ("\x03", ["*** 4 lines kept for when you join again: /cancel drops them", "    ***", AT_PROMPT]),
    ],
)
def test_many_lines_from_last_time_are_sent_only_by_a_yes(
    play: Any, tmp_path: Path, key: str, shown: list[str]
) -> None:
    _leave_behind(tmp_path, "one", "two", "three", "four")

    async def scene(peer: Any, screen: Any) -> None:
        screen.type(key)
        await screen.shows(*shown)
        screen.type("\x15end\r")
        assert await peer.keep(1) == "end"
        screen.type("\x04")
        await peer.part()

    question = "send 4 lines from last time? y/n/e (e: edit), then Enter:"
    assert play(scene, at_prompt=question) == 0
    assert kept(tmp_path) == (["one", "two", "three", "four"] if key == "\x03" else [])


def test_many_lines_from_last_time_are_sent_after_a_yes(play: Any, tmp_path: Path) -> None:
    _leave_behind(tmp_path, "one", "two", "three", "four")

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("y\r")
        assert [await peer.keep(number) for number in range(1, 5)] == ["one", "two", "three", "four"]
        screen.type("\x04")
        await peer.part()

    assert play(scene, at_prompt="send 4 lines from last time? y/n/e (e: edit), then Enter:") == 0


def test_messages_to_different_people_and_rooms_are_edited_one_draft_after_the_other(play: Any, tmp_path: Path) -> None:
    waiting = [Say(room="lobby", text=text, key=text) for text in ("a", "/b", "c")]
    with open_outbox("test", folder=tmp_path) as outbox:
        last = (Say(room="dev", text="/e", key="e"), Say(room="ops", text="f", key="f"))
        trio.run(outbox.add, [*waiting, Tell(to="bob", text="d", key="d"), *last])

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("e\r")
        await screen.shows(
            "*** 3 lines not sent: taken back ***",
            "*** draft 1 of 4: the next one comes when this is sent ***",
            *(f"{AT_PROMPT} a", "| /b", "| c"),
        )
        screen.type("\r")
        assert [await peer.keep(number) for number in (1, 2, 3)] == ["a", "/b", "c"]
        await screen.shows(f"{AT_PROMPT} /msg bob d")
        screen.type("\r")
        told = await peer.frame()
        assert (told["type"], told["to"], told["text"]) == ("tell", "bob", "d")
        await screen.shows("[1.2.3.4:5] #dev> //e")
        screen.type("\r")
        said = await peer.frame()
        assert (said["room"], said["text"]) == ("dev", "/e")
        await screen.shows("[1.2.3.4:5] #ops> f")
        screen.type("\x15\x04")
        for number, frame in ((4, told), (5, said)):
            await peer.tell(number, frame["text"], key=frame["key"], author="me")
        await peer.part()

    assert play(scene, at_prompt="send 6 lines from last time? y/n/e (e: edit), then Enter:") == 0
    assert kept(tmp_path) == []


def test_a_draft_that_was_not_put_into_the_line_stays_for_next_time(play: Any, tmp_path: Path) -> None:
    with open_outbox("test", folder=tmp_path) as outbox:
        trio.run(outbox.add, [Say(room=room, text=f"in {room}", key=room, lines=[]) for room in ("a", "b", "c", "d")])

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("e\r")
        await screen.shows("[1.2.3.4:5] #a> in a")
        screen.type("\x15\x04")
        await peer.part()

    assert play(scene, at_prompt="send 4 lines from last time? y/n/e (e: edit), then Enter:") == 0
    assert kept(tmp_path) == ["in b", "in c", "in d"]


def test_only_the_keys_of_a_question_answer_it_and_ctrl_c_drops_nothing_that_is_kept(play: Any, tmp_path: Path) -> None:
    _leave_behind(tmp_path, "a", "b", "c", "d")

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("x\r")
        screen.type("\x03")
        kept = "*** 4 lines kept for when you join again: /cancel drops them"
        refused = "*** no answer: type y, n or e, then Enter; what you typed is"
        await screen.shows_when(lambda rows: {kept, refused} <= set(rows) and rows[-1] == f"{AT_PROMPT} x")
        screen.type("\x03")
        await screen.shows_when(lambda rows: rows[-1] == AT_PROMPT)
        screen.type("\x03")
        await peer.part()

    assert play(scene, at_prompt="send 4 lines from last time? y/n/e (e: edit), then Enter:") == 0
    assert kept(tmp_path) == ["a", "b", "c", "d"]


def test_lines_typed_one_by_one_without_a_connection_are_no_paste(play: Any, tmp_path: Path) -> None:
    """Ctrl-C leaves then, and they are kept; a paste among them is taken back first."""

    async def scene(peer: Any, screen: Any) -> None:
        await peer.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        for line in "abcd":
            screen.type(f"{line}\r")
            await screen.shows(f"[1.2.3.4:5]> {line}", AT_PROMPT)
        screen.type("\x1b[200~e\nf\x1b[201~\r")
        await screen.shows("[1.2.3.4:5]> f", AT_PROMPT)
        screen.type("\x03")
        await screen.shows("[1.2.3.4:5]> d", AT_PROMPT)
        screen.type("\x03")

    assert play(scene) == 0
    assert kept(tmp_path) == ["a", "b", "c", "d"]


def test_a_paste_that_is_being_written_to_disk_can_be_stopped(
    play: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, is_writing, can_write = Outbox.add, trio.Event(), trio.Event()

    async def write_slowly(outbox: Outbox, messages: Iterable[Message]) -> None:
        await write(outbox, messages)
        is_writing.set()
        await can_write.wait()

    monkeypatch.setattr(Outbox, "add", write_slowly)

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("\x1b[200~one\ntwo\x1b[201~\r")
        await is_writing.wait()
        screen.type("\x1b[200~three\nfour\nfive\x1b[201~\r")
        screen.type("next")
        try:
            await screen.shows(f"{AT_PROMPT} next")
            screen.type("\x03")
            await screen.shows("*** 2 lines not sent: taken back ***", f"{AT_PROMPT} next")
        finally:
            can_write.set()
        screen.type("\r")
        assert await peer.keep(1) == "next"
        await screen.shows("[me]> next", AT_PROMPT)
        assert "*** 3 lines not sent: taken back ***" in screen.lines
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0
    assert kept(tmp_path) == []


@pytest.mark.parametrize(("typed", "command"), [("quit", "/quit leaves"), ("Help", "/help lists the commands")])
def test_a_word_that_is_a_command_elsewhere_is_asked_about(play: Any, typed: str, command: str) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        question = f'say "{typed}" to #lobby? {command}. y/n/e (e: edit), then Enter:'
        screen.type(f"{typed}\r")
        await screen.shows(*wrapped(question))
        screen.type("n\r")
        await screen.shows(AT_PROMPT)
        screen.type(f"{typed}\r")
        await screen.shows(*wrapped(question))
        screen.type("y\r")
        assert await peer.keep(1) == typed
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def wrapped(line: str, columns: int = 60) -> list[str]:
    """The rows in which a terminal shows a line of the prompt."""
    return [line[start : start + columns].rstrip() for start in range(0, len(line), columns)]


def test_a_person_who_leaves_a_silent_server_is_told_what_the_client_waits_for(play: Any, screen: Any) -> None:
    stopped_clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        screen.type("hello\r")
        await screen.shows("[1.2.3.4:5]> hello", AT_PROMPT)
        screen.type("\x04")
        while not stopped_clock.current_time() > LEAVE_NOTICE_S:
            await trio.testing.wait_all_tasks_blocked(0.01)
            stopped_clock.jump(LEAVE_NOTICE_S / 3)
        await screen.shows("*** waiting for the server to confirm 1 line; Ctrl-C leaves", "    at once ***")
        signal.raise_signal(signal.SIGINT)
        await peer.part_at_last()

    assert play(scene, clock=stopped_clock) == 128 + signal.SIGINT


def test_a_paste_that_is_being_sent_can_be_stopped(play: Any, tmp_path: Path) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("\x1b[200~" + "\n".join(f"line {number}" for number in range(120)) + "\x1b[201~\r")
        await screen.shows_when(lambda lines: any("send these 120 lines to #lobby?" in line for line in lines))
        screen.type("y\r")
        first = [await peer.frame() for _ in range(50)]
        screen.type("\x03")
        await screen.shows("[1.2.3.4:5]> line 49", AT_PROMPT)
        for number, said in enumerate(first, 1):
            await peer.tell(number, said["text"], key=said["key"], author="me")
        await screen.shows("[me]> line 49", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0
    assert kept(tmp_path) == []


def _refused(screen: Any) -> list[str]:
    """Return the lines that the person was told are neither sent nor kept."""
    found = re.findall(rb"not sent: too many lines are waiting already: (\d+) ", screen.received)
    return [text.decode() for text in found]


@pytest.mark.parametrize("end", ["\x04", "/quit\r", signal.SIGTERM, signal.SIGHUP])
def test_lines_typed_just_before_leaving_are_kept(play: Any, screen: Any, tmp_path: Path, end: str | int) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.aclose()
        await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
        screen.type("one\rtwo\r\x1b[200~three\nfour\n\x1b[201~\r" + (end if isinstance(end, str) else ""))
        if not isinstance(end, str):
            select.select([screen.stdin], [], [])
            signal.raise_signal(end)

    assert play(scene) == 0
    trio.run(partial(screen.shows, "*** 4 lines not sent: kept for when you join again ***", GOODBYE))
    assert kept(tmp_path) == ["one", "two", "three", "four"]


def test_lines_typed_just_before_a_kick_are_kept(play: Any, screen: Any, tmp_path: Path) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.send(type="bye", reason="kicked", text="you were kicked")
        screen.type("one\rtwo\r")
        await peer.stream.aclose()

    assert play(scene) == 1
    trio.run(partial(screen.shows, "*** 2 lines not sent: kept for when you join again ***", GOODBYE))
    assert kept(tmp_path) == ["one", "two"]


def test_a_second_signal_keeps_typed_lines_and_counts_those_that_do_not_fit(
    play: Any, screen: Any, tmp_path: Path
) -> None:
    pasted = [str(number) for number in range(PENDING_MAX + 100)]

    with ExitStack() as until_the_end:

        async def scene(peer: Any, screen: Any) -> None:
            until_the_end.enter_context(screen.drained())
            screen.type("".join(f"{line}\r" for line in pasted))
            assert (await peer.frame())["text"] == "0"
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            await peer.part_at_last()

        play(scene)

    assert kept(tmp_path) + _refused(screen) == pasted


def test_a_leaving_client_is_told_of_each_unkept_line(play: Any, screen: Any, tmp_path: Path) -> None:
    pasted = [str(number) for number in range(PENDING_MAX + 200)]

    with ExitStack() as until_the_end:

        async def scene(peer: Any, screen: Any) -> None:
            await peer.aclose()
            await screen.shows("*** the server closed the connection; trying again ***", AT_PROMPT)
            until_the_end.enter_context(screen.drained())
            screen.type("".join(f"{line}\r" for line in pasted) + "\x04")

        assert play(scene) == 0

    assert kept(tmp_path) + _refused(screen) == pasted


def test_lines_behind_a_farewell_are_not_said_and_the_person_is_told(play: Any, screen: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("one\rquit()\r")
        screen.type("two\r")
        assert await peer.keep(1) == "one"
        await peer.part()

    assert play(scene) == 0
    trio.run(partial(screen.shows, "*** 1 line not sent, and lost ***", GOODBYE))


def test_a_refused_line_is_named_with_the_reason(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/msg bob hi\r")
        told = await peer.frame()
        await peer.send(type="error", code="nobody", text="there is no bob", key=told["key"])
        await screen.shows("*** not sent: there is no bob: hi ***", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_mention_rings_the_bell_and_is_marked_but_not_that_of_another_name(
    play: Any, screen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stopped_clock = trio.testing.MockClock()

    async def scene(peer: Any, screen: Any) -> None:
        renamed = {"kind": "renamed", "author": "1.2.3.4:5", "text": "bob"}
        await peer.send(type="entry", id=1, room="lobby", time=0.0, **renamed)
        await peer.tell(2, "kabob, bobby, bob-2: no")
        await screen.shows("*** [1.2.3.4:5] is now [bob] ***", "[a]> kabob, bobby, bob-2: no", "[bob] #lobby>")
        assert b"\a" not in screen.received
        await peer.tell(3, "hello @Bob!")
        await screen.shows("[a]> hello @Bob!", "[bob] #lobby>")
        assert screen.received.count(b"\a") == 1
        assert b"hello @\x1b[7mBob\x1b[0m!" in screen.received
        await peer.tell(9, "Bob! Bob!")
        await screen.shows("[a]> Bob! Bob!", "[bob] #lobby>")
        assert screen.received.count(b"\a") == 1
        stopped_clock.jump(BELL_INTERVAL_S)
        await peer.tell(10, "psst", kind="told", room="@", to="bob")
        await screen.shows("[a -> bob]> psst", "[bob] #lobby>")
        assert screen.received.count(b"\a") == 2
        assert b"\x1b[7m[a -> bob]> \x1b[0m" in screen.received
        screen.type("\x04")
        await peer.part()

    assert play(scene, clock=stopped_clock) == 0


def test_tab_completes_the_names_of_those_who_are_here(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        await peer.tell(1, "hi", author="alice")
        await peer.tell(2, "hi", author="alan")
        await peer.tell(3, "", kind="left", author="alan")
        await screen.shows("[alice]> hi", "[alan]> hi", "*** [alan] left the chat ***", AT_PROMPT)
        screen.type("al\t")  # those who spoke and have left come after those who are here
        await screen.shows_when(lambda rows: [row.strip() for row in rows[-2:]] == ["alice:", "alan:"])
        screen.type("i\t")
        await screen.shows(f"{AT_PROMPT} alice:")
        screen.type("bye, ali\t")
        await screen.shows(f"{AT_PROMPT} alice: bye, alice")
        screen.type("\r")
        assert await peer.keep(4) == "alice: bye, alice"
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_reply_goes_to_who_wrote_last_and_shows_to_whom(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/reply hi\r")
        await screen.shows("> /reply hi", "*** nobody has sent you a private message yet ***", AT_PROMPT)
        await peer.tell(1, "psst", kind="told", room="@", to="1.2.3.4:5")
        await screen.shows("[a -> 1.2.3.4:5]> psst", AT_PROMPT)
        screen.type("/reply yes?\r")
        told = await peer.frame()
        assert (told["type"], told["to"], told["text"]) == ("tell", "a", "yes?")
        await peer.tell(2, "yes?", kind="told", room="@", to="a", author="1.2.3.4:5", key=told["key"])
        await screen.shows("[1.2.3.4:5 -> a]> yes?", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_a_damaged_entry_is_named_in_its_place_among_those_that_are_whole(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        said = {"type": "entry", "room": "lobby", "kind": "joined", "time": 0, "author": "a"}
        for entries, damaged in (([said | {"id": 7}, said | {"id": 9}], [8, 10]), ([], [3])):
            screen.type("/history\r")
            key = (await peer.frame())["key"]
            await peer.send(type="page", entries=entries, damaged=damaged, more=False, key=key)
            await screen.shows(f"*** entry {damaged[-1]} is damaged ***", AT_PROMPT)
        rows = [line for line in screen.lines if "joined" in line or "damaged" in line]
        assert ["joined" if "joined" in row else row.split()[2] for row in rows] == ["joined", "8", "joined", "10", "3"]
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_history_is_read_back_page_by_page_as_the_client_says(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        said = {"type": "entry", "room": "lobby", "kind": "said", "time": 0, "author": "a", "text": "hi"}
        screen.type("/history 1 before 1970-01-02T00:00Z\r")
        asked = await peer.frame()
        assert (asked["limit"], asked["before_time"], "before" in asked) == (1, 86_400, False)
        await peer.send(type="page", entries=[said | {"id": 9}], more=True, key=asked["key"])
        await screen.shows("*** older: /history 1 before 9 ***", AT_PROMPT)
        screen.type("/history 1 before 9\r")
        asked = await peer.frame()
        assert (asked["limit"], asked["before"]) == (1, 9)
        await peer.send(type="page", entries=[said | {"id": 7}], more=False, key=asked["key"])
        await screen.shows("> /history 1 before 9", "00:00 [a]> hi", AT_PROMPT)
        screen.type("/history before lunch\r")
        await screen.shows("    2026-11-28T14:00, or the id of a line: 4711 ***", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_what_was_searched_for_is_marked_and_counted(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        said = {"type": "entry", "room": "lobby", "kind": "said", "time": 0, "author": "a", "text": "Der Käse ist BLAU"}
        screen.type('/search kase before:1970-01-02T00:00Z "ist blau"\r')
        asked = await peer.frame()
        assert asked["text"] == 'kase before:1970-01-02T00:00:00Z "ist blau"'
        await peer.send(type="page", entries=[said | {"id": 9}], more=True, key=asked["key"])
        await screen.shows('    before:1970-01-02T00:00:00Z "ist blau" before:9 ***', AT_PROMPT)
        assert "Der \x1b[1;4mKäse\x1b[0m \x1b[1;4mist BLAU\x1b[0m".encode() in screen.received
        screen.type("/search from:\r")
        await screen.shows('    "from:" is a word ***', AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_an_ignored_person_is_not_shown_until_unignored(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/ignore A\r")
        await screen.shows("*** you are ignoring [A], until you /unignore A ***", AT_PROMPT)
        await peer.tell(1, "1.2.3.4:5!")
        await peer.tell(2, "psst", kind="told", room="@", to="1.2.3.4:5")
        await peer.tell(3, "hi", author="b")
        await screen.shows("[b]> hi", AT_PROMPT)
        screen.type("/history\r")
        entries = [{"type": "entry", "id": 1, "room": "lobby", "kind": "said", "time": 0, "author": "a", "text": "hm"}]
        await peer.send(type="page", entries=entries, more=False, key=(await peer.frame())["key"])
        screen.type("/ignore\r")
        await screen.shows("[b]> hi", "> /history", "> /ignore", "*** you are ignoring [A] ***", AT_PROMPT)
        assert b"\a" not in screen.received
        screen.type("/unignore a\r")
        await screen.shows("*** you are no longer ignoring [a] ***", AT_PROMPT)
        await peer.tell(4, "back")
        await screen.shows("[a]> back", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_other_rooms_are_shown_with_their_name(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/join kitchen\r")
        room = {"name": "kitchen", "topic": "food", "members": 1, "last_id": 5}
        await peer.send(type="joined", room=room, key=(await peer.frame())["key"])
        await screen.shows("> /join kitchen", "*** you are in #kitchen: food ***", "[1.2.3.4:5] #kitchen>")
        await peer.tell(6, "hi", room="kitchen")
        await peer.tell(7, "hi")
        await peer.tell(8, "", kind="joined", room="lobby")
        await peer.tell(9, "al", kind="renamed", room="lobby")
        await peer.tell(10, "", kind="kicked", room="lobby", author="al")
        notices = ("*** [a] joined the chat ***", "*** [a] is now [al] ***", "*** [al] was kicked ***")
        await screen.shows("[a]> hi", "#lobby [a]> hi", *notices, "[1.2.3.4:5] #kitchen>")
        screen.type("hi both\r")
        said = await peer.frame()
        await peer.tell(11, "hi both", room="kitchen", author="me", key=said["key"])
        assert said["room"] == "kitchen"
        await screen.shows("[me]> hi both", "[1.2.3.4:5] #kitchen>")
        screen.type("/leave\r")
        await peer.send(type="done", key=(await peer.frame())["key"])
        await screen.shows("> /leave", "*** you have left #kitchen ***", "*** you are in #lobby ***", AT_PROMPT)
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_an_announcement_in_all_rooms_is_shown_once(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/join kitchen\r")
        room = {"name": "kitchen", "topic": "", "members": 1, "last_id": 5}
        await peer.send(type="joined", room=room, key=(await peer.frame())["key"])
        await screen.shows("*** you are in #kitchen ***", "[1.2.3.4:5] #kitchen>")
        for number, name in ((6, "lobby"), (7, "kitchen")):
            await peer.tell(number, "lunch", kind="announced", room=name, author="server", time=5.0)
        await peer.tell(8, "lunch", kind="announced", room="kitchen", author="server", time=6.0)
        await screen.shows(
            "*** you are in #kitchen ***", "#lobby [server]> lunch", "[server]> lunch", "[1.2.3.4:5] #kitchen>"
        )
        screen.type("\x04")
        await peer.part()

    assert play(scene) == 0


def test_leaving_a_room_that_is_not_joined_yet_goes_back_to_the_one_before(play: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("/join kitchen\r/leave\r")
        join, leave = await peer.frame(), await peer.frame()
        room = {"name": "kitchen", "topic": "", "members": 1, "last_id": 5}
        await peer.send(type="joined", room=room, key=join["key"])
        await peer.send(type="done", key=leave["key"])
        await screen.shows("*** you have left #kitchen ***", "*** you are in #lobby ***", AT_PROMPT)
        screen.type("hi\r")
        said = await peer.frame()
        await peer.tell(6, "hi", author="me", key=said["key"])
        screen.type("\x04")
        await peer.part()
        assert (leave["room"], said["room"]) == ("kitchen", "lobby")

    assert play(scene) == 0


def test_closing_the_terminal_leaves_in_any_order_of_its_signs(play: Any, screen: Any) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.hang_up()
        signal.raise_signal(signal.SIGHUP)
        await peer.tell(1, "nobody sees that")
        signal.raise_signal(signal.SIGHUP)
        await peer.part()

    with suppress(OSError, ExceptionGroup):
        play(scene)


def test_a_kick_shows_its_reason_and_the_draft_that_was_not_sent(
    play: Any, screen: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(peer: Any, screen: Any) -> None:
        screen.type("half a sen")
        await screen.shows(f"{AT_PROMPT} half a sen")
        await peer.send(type="bye", reason="kicked", text="you were kicked")
        await peer.stream.aclose()

    assert play(scene) == 1
    trio.run(partial(screen.shows, "*** not sent: half a sen ***", GOODBYE))
    assert capsys.readouterr().err == "trio-chat: you were kicked\n"


def test_m11_a_flood_does_not_lock_the_person_out_and_the_terminal_is_restored(play: Any, screen: Any) -> None:
    with ExitStack() as until_the_end:

        async def scene(peer: Any, screen: Any) -> None:
            until_the_end.enter_context(screen.drained())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(flood, peer.stream)
                screen.type("help!\r")
                assert (await peer.frame())["text"] == "help!"
                screen.type("\x03\x04")

        # Who leaves waits for an answer to what was said last, so time passes; nothing else here depends on it.
        assert play(scene, clock=trio.testing.MockClock(rate=1)) == 0
