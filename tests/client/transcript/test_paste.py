"""Drafts of several lines."""

import pytest

from trio_chat.client.transcript.paste import (
    DRAFT_CHARS_MAX,
    DRAFT_LINES_MAX,
    beginning_of,
    clean_paste,
    is_too_much,
    message_of_pipe,
    messages_in,
    question_about,
    with_blank_lines,
)
from trio_chat.wire import frames


@pytest.mark.parametrize(
    ("text", "draft"),
    [
        ("one", "one"),
        ("one\n", "one"),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("/nick x", "/nick x"),
        ("/nick x\n", "/nick x\n"),
        ("quit()\n", "quit()\n"),
        ("\tif x:\n\t\ty\x1b[31m\n", "        if x:\n                y\n"),
    ],
)
def test_a_paste_is_text_with_its_line_breaks(text: str, draft: str) -> None:
    assert clean_paste(text) == draft


def test_lines_become_one_message_with_the_blank_ones_inside() -> None:
    assert messages_in("\n \na\n\n \n  b\n\n", "dev") == [frames.Say(room="dev", lines=["a", "", "", "  b"])]
    assert messages_in("/nick x\n", "dev") == [frames.Say(room="dev", text="/nick x")]
    assert messages_in("\n \n", "dev") == []


def test_a_read_of_a_pipe_keeps_the_blank_lines_inside() -> None:
    lines = ["", "a\tb", " ", "", "/c", *[""] * 100, "d", ""]

    said = [message_of_pipe(line, "dev") for line in with_blank_lines(lines)]

    assert said == [
        frames.Say(room="dev", text="a       b"),
        frames.Say(room="dev", lines=["", "", "/c"]),
        frames.Say(room="dev", lines=[*[""] * (frames.LINES_LIMIT - 1), "d"]),
    ]


@pytest.mark.parametrize("line", ["x", '"' * 2000, "漢" * 4096])
def test_each_message_fits_into_a_frame_and_no_line_is_lost(line: str) -> None:
    lines = [line] * 120

    messages = messages_in("\n".join(lines), "dev")

    assert [text for message in messages for text in (message.lines or [message.text])] == lines
    assert all(len(message.lines) <= frames.LINES_LIMIT for message in messages)
    assert all(len(frames.encode(message)) <= frames.FRAME_LIMIT for message in messages)


@pytest.mark.parametrize(
    ("draft", "question"),
    [
        ("/nick x", ""),
        ("a\nb\nc", ""),
        ("a\nb\nc\n\n", ""),
        ("a\nb\nc\nd", "send these 4 lines to #dev? y/n/e (e: edit), then Enter:"),
        ("/nick x\n", "send this line to #dev as text, not as a command? y/n/e (e: edit), then Enter:"),
        ("quit()\nb", "send these 2 lines to #dev as text, not as a command? y/n/e (e: edit), then Enter:"),
        ("/etc/passwd\n" * 40, "send these 40 lines to #dev as text, not as a command? y/n/e (e: edit), then Enter:"),
    ],
)
def test_many_lines_and_what_would_be_a_command_are_asked_about(draft: str, question: str) -> None:
    assert question_about(draft, "dev") == question


def test_an_excerpt_is_short_and_marks_its_cut() -> None:
    assert beginning_of(["hello"]) == "hello"
    assert beginning_of(["x" * 5000]) == "x" * 60 + "..."
    assert beginning_of(["a", "b", "c"]) == "a (and 2 more lines)"


def test_a_paste_of_too_many_characters_or_lines_is_too_much() -> None:
    assert not is_too_much("a" * DRAFT_CHARS_MAX)
    assert is_too_much("a" * (DRAFT_CHARS_MAX + 1))
    assert not is_too_much("a\r" * DRAFT_LINES_MAX)
    assert is_too_much("a\n" * DRAFT_LINES_MAX + "\r")
