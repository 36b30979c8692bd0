"""The prompt on a real pseudo terminal, as a person would see it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pyte
import pytest
import trio

from trio_chat.client.conversation.prompt_view import PLAIN_PROMPT, PromptView
from trio_chat.client.conversation.question import NO_ANSWER
from trio_chat.client.conversation.typed_drafts import TOO_LATE
from trio_chat.client.line_view.guest_run import run_on_asyncio
from trio_chat.client.line_view.terminal import Terminal, open_terminal
from trio_chat.client.transcript.paste import DRAFT_CHARS_MAX, TOO_MUCH

WORDS = ("@smile", "@smirk", "@ship", "/help", "/history", "服务器")


def words(before: str) -> list[tuple[str, int]]:
    typed = "服" if before.endswith("你好服") else before.rpartition(" ")[2]
    return [(word, len(typed)) for word in WORDS if typed and word.startswith(typed)]


Scene = Callable[[Terminal, Any], Awaitable[None]]


def play(scene: Scene, screen: Any, view: PromptView = PLAIN_PROMPT) -> None:
    """Run a scene in front of a terminal that shows its prompt."""

    async def run() -> None:
        with screen.patience():
            async with open_terminal(screen.stdin, screen.stdout, words, view) as terminal:
                await screen.shows(">")
                await scene(terminal, screen)

    run_on_asyncio(run)


async def typed(terminal: Terminal, count: int) -> list[str]:
    lines: list[str] = []
    while len(lines) < count:
        lines += await anext(terminal)
    return lines


def test_a_line_is_typed_and_the_prompt_is_empty_again(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("grüße 漢字 🙂")
        await screen.shows("> grüße 漢字 🙂")
        screen.type("\r")

        assert await typed(terminal, 1) == ["grüße 漢字 🙂"]
        await screen.shows(">")

    play(scene, screen)


@pytest.mark.parametrize(
    "key",
    [
        "\x1b[7$",
        "\x1b[8^",
        "\x1bOa",
        "\x1b[c",
        "\x1b5",
        "\x1b-",
        "\x1b#",
        "\x13",
        "\x1d",
        "\x0f",
        "\x1b]11;rgb:0/0/0\x07",
    ],
)
def test_a_key_or_answer_without_a_meaning_leaves_the_draft_as_it_is(screen: Any, key: str) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("x")
        await screen.shows("> x")
        read_at = terminal.last_key_at
        screen.type(key)
        while terminal.last_key_at == read_at:
            await trio.lowlevel.checkpoint()
        screen.type("\x1b[Fyz\r")

        assert await typed(terminal, 1) == ["xyz"]

    play(scene, screen)


def test_printed_lines_stand_above_the_line_being_typed(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("half a sen")
        await screen.shows("> half a sen")
        await terminal.print("[a]> one\n")
        await terminal.print("[a]> two\n")
        screen.type("tence")

        await screen.shows("[a]> one", "[a]> two", "> half a sentence")

    play(scene, screen)


def test_a_hundred_lines_at_once_scroll_and_leave_the_prompt_whole(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        async def print_lines() -> None:
            for number in range(100):
                await terminal.print(f"line {number}\n")

        screen.type("draft " * 20)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(print_lines)
            await screen.shows("line 98", "line 99", "> " + "draft " * 9 + "draf", "t " + "draft " * 9 + "draf", "t")

    screen.resize(60, 12)
    play(scene, screen)


def test_a_paste_stays_in_the_line_until_enter_and_is_one_draft_of_its_lines(screen: Any) -> None:
    pasted = [f"line {number} 漢字" for number in range(150)]

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("first \x1b[200~" + "\r".join([*pasted, "rest"]) + "\x1b[201~")
        await screen.shows("| line 149 漢字", "| rest")
        screen.type("!\r")

        assert await typed(terminal, 1) == ["\n".join(["first line 0 漢字", *pasted[1:], "rest!"])]
        await screen.shows(">")

    play(scene, screen)


def test_alt_enter_begins_another_line_of_the_message(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("one")
        await screen.shows("> one")
        screen.type("\x1b\r")
        await screen.shows("> one", "|")
        screen.type("two")
        await screen.shows("> one", "| two")
        screen.type("\r")

        assert await typed(terminal, 1) == ["one\ntwo"]

    play(scene, screen)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_pasted_line_is_text_where_it_looks_like_a_command_and_a_line_where_it_does_not(
    screen: Any, end: str
) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        for line in ("quit()", "/nick x", "hello"):
            screen.type(f"\x1b[200~{line}{end}\x1b[201~")
            await screen.shows(*([f"> {line}", "|"] if line != "hello" else ["> hello"]))
            screen.type("\r")
            await screen.shows(">")

        assert await typed(terminal, 3) == ["quit()\n", "/nick x\n", "hello"]

    play(scene, screen)


@pytest.mark.parametrize("key", ["y\r", "n\r", "E\r", "\x03"])
def test_a_paste_that_is_asked_about_is_sent_only_by_a_yes(screen: Any, key: str) -> None:
    view = PromptView(question_about=lambda draft: "send it?" if "\n" in draft else "")

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("\x1b[200~one\ntwo\x1b[201~\r")
        await screen.shows("send it?")
        screen.type("\r\x1b[200~more\x1b[201~")
        screen.type(key)
        await screen.shows(*(["> one", "| two"] if key == "E\r" else [">"]))
        screen.type("\x15end\r")

        assert await typed(terminal, 2 if key == "y\r" else 1) == (["one\ntwo", "end"] if key == "y\r" else ["end"])

    play(scene, screen, view)


def test_what_somebody_was_typing_answers_no_question_and_is_kept(screen: Any) -> None:
    refused: list[str] = []
    view = PromptView(question_about=lambda draft: "send it?" if "\n" in draft else "", refuse=refused.append)

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("\x1b[200~one\ntwo\x1b[201~\ryes, and now?\rno\r")
        await screen.shows("send it?")
        assert refused == [NO_ANSWER] * 2
        screen.type("nx\x7f\r")
        await screen.shows("> yes, and now?")
        screen.type("\r")
        assert await typed(terminal, 1) == ["yes, and now?"]
        await screen.shows(">")  # with that, the lines for the arrow keys are read
        screen.type("\x1b[A")
        await screen.shows("> yes, and now?")
        screen.type("\x1b[A")
        await screen.shows("> no")

    play(scene, screen, view)


def test_ctrl_c_right_after_a_yes_takes_the_paste_back_or_tells_that_it_is_too_late_but_does_not_leave(
    screen: Any,
) -> None:
    refused: list[str] = []
    view = PromptView(question_about=lambda draft: "send it?" if "\n" in draft else "", refuse=refused.append)

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("\x1b[200~one\ntwo\x1b[201~\ry\r\x03kept\r")
        assert await typed(terminal, 1) == ["kept"]
        assert refused == ["2 lines not sent: taken back"]
        await screen.shows(">")
        screen.type("\x1b[200~one\ntwo\x1b[201~\ry\r")
        assert await typed(terminal, 1) == ["one\ntwo"]
        screen.type("\x03kept\r")
        assert await typed(terminal, 1) == ["kept"]
        assert refused[1:] == [TOO_LATE]
        screen.type("\x03")
        await terminal.stopped.wait()

    play(scene, screen, view)


def test_ctrl_c_stops_a_paste_else_clears_the_draft_else_leaves(screen: Any) -> None:
    pasting = [True]
    view = PromptView(stop_paste=lambda: bool(pasting) and pasting.pop())

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("draft")
        await screen.shows("> draft")
        screen.type("\x03")
        await trio.testing.wait_all_tasks_blocked()
        await screen.shows("> draft")
        while pasting:
            await trio.lowlevel.checkpoint()
        assert not terminal.stopped.is_set()
        screen.type("\x03")
        await screen.shows(">")
        assert not terminal.stopped.is_set()
        screen.type("\x03")
        await terminal.stopped.wait()

    play(scene, screen, view)


def test_a_paste_that_is_too_long_is_refused_and_the_prompt_goes_on(screen: Any) -> None:
    refused: list[str] = []

    async def scene(terminal: Terminal, screen: Any) -> None:
        await trio.to_thread.run_sync(screen.type, "\x1b[200~" + "a" * (DRAFT_CHARS_MAX + 1) + "\x1b[201~")
        screen.type("hi\r")

        assert await typed(terminal, 1) == ["hi"]
        assert refused == [TOO_MUCH]

    play(scene, screen, PromptView(refuse=refused.append))


def test_many_lines_at_once_are_a_paste_where_the_terminal_marks_none(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("/nick x\rquit()\rthree\rfour\r")
        await screen.shows("> /nick x", "| quit()", "| three", "| four", "|")
        screen.type("\r")

        assert await typed(terminal, 1) == ["/nick x\nquit()\nthree\nfour\n"]

    play(scene, screen)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a \x1b[31mred\x1b[0m word", "a red word"),
        ("\x1b[2Jcleared\x1b[H", "cleared"),
        ("\x1b]0;title\x07then", "then"),
        ("x\x1b[Mabc\x1b[<0;1;1Mdef", "xabcdef"),
        ("ab\x1b[38;5;200mcd\x1b[?25lef", "abcdef"),
    ],
)
def test_escape_sequences_among_text_are_no_keys(screen: Any, capfd: Any, raw: str, shown: str) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type(raw)
        await screen.shows(f"> {shown}")
        screen.type(f"\r{raw}\r")

        assert await typed(terminal, 2) == [shown, shown]

    play(scene, screen)

    assert capfd.readouterr().err == ""


FAMILY = "👨\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize("cluster", ["❤️", FAMILY, "🇩🇪", "e\u0301", "👍🏽", "각"])
def test_a_grapheme_cluster_is_one_thing_to_the_cursor(screen: Any, cluster: str) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        for keys, line in (
            (f"a{cluster}b\x1b[D\x1b[D|\r", f"a|{cluster}b"),
            (f"a{cluster}b\x1b[D\x7f\r", "ab"),
            (f"a{cluster}b\x01\x1b[C\x04\r", "ab"),
            (f"{cluster}\x7fc\r", "c"),
        ):
            screen.type(keys)
            assert await typed(terminal, 1) == [line]

    play(scene, screen)


def test_nothing_of_a_cluster_stays_on_the_screen(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type(f"a❤️{FAMILY}b")
        await trio.testing.wait_all_tasks_blocked()
        screen.type("\x15ok")
        await screen.shows("> ok")

    play(scene, screen)


def test_the_prompt_is_in_every_write_that_erases_it(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("half a line")
        await screen.shows("> half a line")
        screen.received = b""
        for number in range(20):
            await terminal.print(f"line {number}\n")
            await screen.shows(f"line {number}", "> half a line")

        frames = [frame.partition(b"\x1b[?2026l")[0] for frame in screen.received.split(b"\x1b[?2026h")[1:]]
        erasing = [frame for frame in frames if b"\x1b[J" in frame or b"\x1b[0J" in frame]
        assert len(erasing) >= 20
        assert all(b"half a line" in frame for frame in erasing)
        assert screen.received.replace(b"\x1b[?2026h", b"").count(b"\x1b[?2026l") == len(frames)

    play(scene, screen)


def test_waiting_messages_stand_dim_above_the_prompt(screen: Any) -> None:
    rows = ["[me]> hello"]
    view = PromptView(waiting_rows=lambda _columns: rows)

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("next")
        await screen.shows("[me]> hello", "> next")
        rows.clear()
        await terminal.print("12:00 [me]> hello\n")
        await screen.shows("12:00 [me]> hello", "> next")

    play(scene, screen, view)

    assert b"\x1b[0;2m[me]> hello" in screen.received


def test_blank_lines_are_not_said(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("\r  \rx\r")

        assert await typed(terminal, 1) == ["x"]

    play(scene, screen)


def test_sent_lines_can_be_brought_back_and_edited(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("one\rtwo\r")
        await typed(terminal, 2)
        await terminal.print("done\n")
        await screen.shows("done", ">")
        screen.type("\x1b[A\x1b[A\x01the \r")

        assert await typed(terminal, 1) == ["the one"]

    play(scene, screen)


def test_tab_completes_what_only_one_word_can_mean(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("a @shi\t")
        await screen.shows("> a @ship")
        screen.type("\r")

        assert await typed(terminal, 1) == ["a @ship"]

    play(scene, screen)


def test_tab_completes_the_last_word_and_keeps_the_rest(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("a 你好服\t")
        await screen.shows("> a 你好服务器")
        screen.type("\r")

        assert await typed(terminal, 1) == ["a 你好服务器"]

    play(scene, screen)


@pytest.mark.parametrize("key", ["\x03", "\x04", "half a line\x03\x03"])
def test_ctrl_c_and_ctrl_d_leave(screen: Any, key: str) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type(key)

        await terminal.stopped.wait()
        assert [line async for line in terminal] == []

    play(scene, screen)

    assert screen.modes == screen.modes_before


@pytest.mark.parametrize("late", ["\x04", "\x03", "late\r"])
def test_keys_pressed_after_leaving_are_not_for_the_next_terminal(screen: Any, late: str) -> None:
    async def leave(terminal: Terminal, screen: Any) -> None:
        screen.type("\x04" + late)
        await terminal.stopped.wait()

    async def come_back(terminal: Terminal, screen: Any) -> None:
        screen.type("hello\r")
        assert await typed(terminal, 1) == ["hello"]

    play(leave, screen)
    play(come_back, screen)


def test_an_end_of_the_loop_ends_the_program_in_it() -> None:
    has_ended = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    async def run() -> None:
        asyncio.get_running_loop().call_soon(interrupt)
        try:
            await trio.sleep_forever()
        finally:
            has_ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        run_on_asyncio(run)

    assert has_ended
    trio.run(trio.lowlevel.checkpoint)


def test_ctrl_d_in_a_line_deletes_and_does_not_leave(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("axb\x1b[D\x1b[D\x04\r")

        assert await typed(terminal, 1) == ["ab"]

    play(scene, screen)


def test_lines_typed_before_leaving_are_still_said(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("one\rtwo\r\x04")

        await terminal.stopped.wait()
        assert [line async for line in terminal] == [["one", "two"]]

    play(scene, screen)


def test_after_the_prompt_has_gone_printing_goes_on(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        await terminal.print("before\n")
        terminal.stop()
        await terminal.print("meanwhile\n")

    play(scene, screen)

    trio.run(partial(screen.shows, "before", "meanwhile"))


def test_the_prompt_follows_the_width_of_the_terminal(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        assert terminal.columns == 60
        screen.resize(30, 12)

        await terminal.print("narrow\n")
        screen.type("x" * 40)

        await screen.shows("narrow", "> " + "x" * 28, "x" * 12)
        assert terminal.columns == 30

    play(scene, screen)


def test_the_terminal_is_restored_when_the_program_fails(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        assert screen.modes != screen.modes_before
        raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        play(scene, screen)

    assert screen.modes == screen.modes_before
    trio.run(partial(screen.shows))
    trio.run(screen.receives, b"\x1b[?2004l")
    assert screen.received.count(b"\x1b[?2004h") == screen.received.count(b"\x1b[?2004l")


def test_a_terminal_that_goes_away_leaves(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.hang_up()

        await terminal.stopped.wait()

    play(scene, screen)


def test_lines_that_are_no_commands_may_be_typed_ahead(screen: Any) -> None:
    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("".join(f"line {number}\r" for number in range(100)))

        assert await typed(terminal, 100) == [f"line {number}" for number in range(100)]

    play(scene, screen)


def test_the_screen_is_never_erased_from_its_first_cell(screen: Any) -> None:
    """tmux would put what stands there into the scrollback: the draft of somebody who has cleared the screen."""
    erased: list[tuple[int, int]] = []

    class Cells(pyte.Screen):
        def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
            if how == 0:
                erased.append((self.cursor.x, self.cursor.y))
            super().erase_in_display(how, *args, **kwargs)

    async def scene(terminal: Terminal, screen: Any) -> None:
        screen.type("draft")
        await screen.shows("> draft")
        screen.type("\x0c!")
        await screen.shows("> draft!")
        await terminal.print("said\n")
        await screen.shows("said", "> draft!")

    play(scene, screen)

    cells = Cells(60, 12)
    pyte.ByteStream(cells).feed(screen.received)
    assert erased
    assert (0, 0) not in erased
