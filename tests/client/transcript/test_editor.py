from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.transcript.draft_history import DRAFTS_MAX, SentDrafts
from trio_chat.client.transcript.draft_layout import lay_out_draft
from trio_chat.client.transcript.editor import UNDO_CHARS_MAX, Editor

FAMILY = "👨‍👩‍👧‍👦"
MOVES = (
    *(Editor.left, Editor.right, Editor.word_left, Editor.word_right, Editor.line_start, Editor.line_end),
    *(Editor.up, Editor.down),
)
EDITS = (
    *(Editor.delete_left, Editor.delete_right, Editor.cut_word_left, Editor.cut_name_left, Editor.cut_word_right),
    *(Editor.cut_to_end, Editor.cut_all, Editor.yank, Editor.swap),
)
TEXTS = st.lists(st.sampled_from(["a", "b", " ", "\n", "漢", "é", FAMILY, "🇩🇪", "@"]), max_size=20).map("".join)


def typed(text: str) -> Editor:
    """An editor; `|` is where the cursor is."""
    editor = Editor(text.replace("|", ""))
    editor.cursor = text.index("|")
    return editor


def shown(editor: Editor) -> str:
    return f"{editor.text[: editor.cursor]}|{editor.text[editor.cursor :]}"


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (f"a{FAMILY}|", Editor.delete_left, "a|"),
        (f"|{FAMILY}b", Editor.delete_right, "|b"),
        (f"a{FAMILY}|b", Editor.left, f"a|{FAMILY}b"),
        (f"a|{FAMILY}b", Editor.right, f"a{FAMILY}|b"),
        ("e\u0301|", Editor.delete_left, "|"),
        ("🇩🇪🇫🇷|", Editor.delete_left, "🇩🇪|"),
        ("go to /usr/bin|", Editor.cut_word_left, "go to |"),
        ("go to /usr/bin|", Editor.cut_name_left, "go to /usr/|"),
        ("one two  |three", Editor.cut_word_left, "one |three"),
        ("one |two three", Editor.cut_word_right, "one | three"),
        ("one| two", Editor.word_right, "one two|"),
        ("one two|", Editor.word_left, "one |two"),
        ("first\nse|cond", Editor.cut_to_end, "first\nse|"),
        ("fir|st\nsecond", Editor.cut_to_end, "fir|\nsecond"),
        ("fir|\nsecond", Editor.cut_to_end, "fir|second"),
        ("first\nse|cond", Editor.cut_all, "|"),
        ("first\nse|cond", Editor.up, "fi|rst\nsecond"),
        ("a\nse|cond", Editor.up, "a|\nsecond"),
        ("fir|st\nb", Editor.down, "first\nb|"),
        ("first\nse|cond", Editor.line_start, "first\n|second"),
        ("fi|rst\nsecond", Editor.line_end, "first|\nsecond"),
        ("teh|", Editor.swap, "the|"),
    ],
)
def test_keys_edit_by_grapheme_word_and_line(before: str, action: Callable[[Editor], object], after: str) -> None:
    editor = typed(before)

    action(editor)

    assert shown(editor) == after


@given(TEXTS, st.lists(st.sampled_from(MOVES + EDITS)))
def test_the_cursor_stays_in_the_draft_and_undo_brings_everything_back(
    text: str, actions: list[Callable[[Editor], object]]
) -> None:
    editor = Editor(text)

    for action in actions:
        action(editor)
        assert 0 <= editor.cursor <= len(editor.text)
    for _ in actions:
        editor.undo()

    assert editor.text == text


def test_a_word_that_was_typed_is_undone_as_one_and_what_was_cut_comes_back() -> None:
    editor = Editor()
    for letter in "hello world":
        editor.insert(letter, is_typed=True)

    editor.undo()
    assert editor.text == "hello "
    editor.cut_all()
    editor.yank()
    assert editor.text == "hello "


def test_steps_of_large_drafts_are_bounded() -> None:
    editor = Editor("x" * 250_000)

    for _ in range(50):
        editor.insert("y")

    assert sum(len(text) for text, _ in editor._undo) <= UNDO_CHARS_MAX


@given(TEXTS, st.integers(0, 20), st.integers(3, 12), st.integers(1, 5))
def test_the_cursor_is_among_the_rows_that_are_shown(text: str, at: int, columns: int, rows: int) -> None:
    drawn = lay_out_draft(text, min(at, len(text)), columns, rows)

    column, row = drawn.cursor
    assert 0 <= row < len(drawn.rows) <= rows
    assert 0 <= column < columns


def test_a_draft_breaks_at_the_edge_and_scrolls_to_the_cursor() -> None:
    assert lay_out_draft("abcdefgh\nij", 11, 5, 9).rows == ["abcd", "efgh", "ij"]
    assert lay_out_draft("abcdefgh\nij", 11, 5, 9).cursor == (2, 2)
    assert lay_out_draft("a\nb\nc\nd", 7, 5, 2).rows == ["c", "d"]


def test_arrows_bring_back_what_was_sent_and_at_last_the_draft() -> None:
    sent = SentDrafts(["one", "two"])
    sent.add("two")
    sent.add("three")

    assert [sent.older("half"), sent.older(""), sent.older(""), sent.older("")] == ["three", "two", "one", None]
    assert [sent.newer(), sent.newer(), sent.newer(), sent.newer()] == ["two", "three", "half", None]


def test_the_drafts_of_a_room_are_bounded() -> None:
    sent = SentDrafts(str(number) for number in range(2 * DRAFTS_MAX))

    oldest = [draft for _ in range(2 * DRAFTS_MAX) if (draft := sent.older("")) is not None][-1]
    assert oldest == str(DRAFTS_MAX)


def test_no_draft_with_a_password_is_brought_back() -> None:
    sent = SentDrafts()
    for draft in ("hello", "/login bob secret", "/password secret"):
        sent.add(draft)

    assert [sent.older(""), sent.older("")] == ["hello", None]
    assert sent.containing("secret") == []
