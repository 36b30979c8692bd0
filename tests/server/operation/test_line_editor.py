"""The line of the console, key by key."""

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from trio_chat.server.operation.line_editor import LINE_CHARS, PROMPT, CompletedWord, Entered, Keys, LineEditor, Offered

PIECES = st.sampled_from(
    (
        *("a", "kill ", "\u4e2d", "e\u0301", "\U0001f642", " ", "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B", "\x1b[3~"),
        *("\x7f", "\x01", "\x05", "\x15", "\x17", "\x0b", "\x1bb", "\x1bf", "\r", "\x1b[1;5D", "\x1bOH", "\t"),
        *("\x1b[?1;2c", "\x1b", "\x9b", "\0"),
    )
)


def typed(*keys: str, editor: LineEditor | None = None) -> LineEditor:
    editor = editor or LineEditor()
    for key in Keys().feed("".join(keys).encode()):
        editor.press(key)
    return editor


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("kill 1\x1b[D2", "kill 21"),
        ("kill 1\x1bOD2", "kill 21"),
        ("ill 5\x01k\x05x", "kill 5x"),
        ("ill 5\x1b[Hk\x1b[4~x", "kill 5x"),
        ("kill 57\x7f8", "kill 58"),
        ("kill 57\x15list", "list"),
        ("say one two\x17", "say one "),
        ("say one two \x17\x17", "say "),
        ("one two\x1bb\x1bb\x1b[3~", "ne two"),
        ("one two\x01\x1bf\x0b", "one"),
        ("ab\x1b[D\x1b[D\x1b[D\x1b[C\x04", "a"),
        ("e\u0301\x7fa", "a"),  # a letter goes with its marks
        ("li\x1b[31mst\x1b[200~\x1b[M", "list"),
        ("\x1b[[A\x1b[5~\x1b[24~list", "list"),
        ("li\0\x07st\x9b", "list"),
    ],
)
def test_keys_edit_the_line(keys: str, line: str) -> None:
    assert typed(keys).press("\r") == Entered(line)


def test_the_history_is_walked_and_the_line_being_typed_is_its_end() -> None:
    editor = typed("list\rlist\rkill 5\r \rhel")

    seen = [typed(key, editor=editor).text for key in ("\x1b[A", "\x1b[A", "\x1b[A", "\x1b[B", "\x1b[B", "\x1b[B")]

    assert seen == ["kill 5", "list", "list", "kill 5", "hel", "hel"]


def complete(before: str) -> list[CompletedWord]:
    typed = before.rpartition(" ")[2]
    return [
        CompletedWord(port, nick)
        for port, nick in (("57001", "alice"), ("57002", "alan"), ("48000", "bob"))
        if typed and (port.startswith(typed) or nick.startswith(typed))
    ]


@pytest.mark.parametrize(
    ("keys", "line"),
    [("kill 4\t", "kill 48000 "), ("kill 5\t", "kill 5700"), ("kill bo\t", "kill 48000 "), ("kill 9\t", "kill 9")],
)
def test_tab_completes_as_far_as_it_is_certain(keys: str, line: str) -> None:
    assert typed(keys, editor=LineEditor(complete)).text == line


def test_tab_shows_what_there_is_where_it_is_not() -> None:
    assert typed("kill al", editor=LineEditor(complete)).press("\t") == Offered(["57001  alice", "57002  alan"])
    many = [CompletedWord(str(port)) for port in range(1000)]

    offered = LineEditor(lambda _before: many).press("\t")

    assert isinstance(offered, Offered)
    assert offered.rows[-1] == "and 980 more"
    assert len(offered.rows) == 21


@given(st.lists(PIECES, max_size=60), st.integers(1, 40))
def test_the_row_is_one_row_with_the_cursor_in_it(pieces: list[str], columns: int) -> None:
    editor = typed(*pieces)
    screen = pyte.Screen(columns + len(PROMPT) + 3, 3)
    stream = pyte.Stream(screen)

    stream.feed(f"above\n{editor.row(columns + len(PROMPT) + 3)}")

    assert screen.display[0].startswith("above"[: columns + 5])
    assert screen.cursor.y == 1
    assert screen.display[2].strip() == ""
    assert screen.display[1].startswith(PROMPT)
    assert 0 <= editor.cursor <= len(editor.text) <= LINE_CHARS
    assert wcswidth(editor.text) >= 0  # nothing in it controls the terminal


@given(st.binary(), st.integers(0, 50))
def test_keys_are_the_same_however_their_bytes_are_split(data: bytes, at: int) -> None:
    data = b"\x1b[1;5D\xf0\x9f\x99\x82" + data
    once, split = Keys(), Keys()

    keys = split.feed(data[:at]) + split.feed(data[at:]) + split.feed(b"a")

    assert [key for key in keys if key.isprintable()] == [
        key for key in once.feed(data) + once.feed(b"a") if key.isprintable()
    ]
    assert keys[0] == "\x1b[1;5D"


def test_a_line_and_a_sequence_that_never_end_are_bounded() -> None:
    editor, keys = LineEditor(), Keys()

    for key in keys.feed(b"x" * 10_000 + b"\x1b[" + b"1" * 100_000):
        editor.press(key)
    for key in keys.feed(b"1" * 100):
        editor.press(key)

    assert len(editor.text) == LINE_CHARS
