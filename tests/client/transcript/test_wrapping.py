import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from tests.work import measured
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.client.transcript.wrapping import wrap

TIME = Part("12:05 ", Style.NOTICE)
ALICE = Part("[alice]> ", Style.NAME_1)


def shown(row: Row, columns: int) -> list[str]:
    return ["".join(part.text for part in wrapped) for wrapped in wrap(row, columns)]


def test_a_line_breaks_at_words_and_is_aligned_behind_the_name() -> None:
    row = (TIME, ALICE, Part("does anyone have the "), Part("bob", Style.MENTION), Part(" drawing at hand"))

    wrapped = wrap(row, 35)

    assert shown(row, 35) == [
        "12:05 [alice]> does anyone have the",
        "               bob drawing at hand",
    ]
    assert wrapped[1] == (Part(" " * 15), Part("bob", Style.MENTION), Part(" drawing at hand"))


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("[alice]> short", 60, ["[alice]> short"]),
        ("* [alice] waves and waves", 20, ["* [alice] waves and", "          waves"]),
        ("*** a notice that is long ***", 20, ["*** a notice that is", "    long ***"]),
        ("#dev [al]> one two", 14, ["#dev [al]> one", "  two"]),
        ("[al]> 今日は天気がいい。", 16, ["[al]> 今日は天気", "      がいい。"]),
        ("[al]> 今日は天気が。", 16, ["[al]> 今日は天気", "      が。"]),
        ("[al]> see https://example.org/a/long/path", 20, ["[al]> see https://example.org/a/long/path"]),
        ("  /me TEXT   say what you do now", 26, ["  /me TEXT   say what you", "             do now"]),
        ("[al]> 👨‍👩‍👧‍👦👨‍👩‍👧‍👦 👨‍👩‍👧‍👦 x", 12, ["[al]> 👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "      👨‍👩‍👧‍👦 x"]),
    ],
)
def test_where_a_row_breaks_and_how_far_the_next_is_moved_in(text: str, columns: int, rows: list[str]) -> None:
    assert shown((Part(text),), columns) == rows


@given(st.text(alphabet="ab \u4eca\u3002\U0001f642e\u0301", max_size=200), st.integers(1, 40))
def test_nothing_is_lost_but_blanks_and_no_row_of_short_words_is_too_wide(text: str, columns: int) -> None:
    rows = shown((Part(f"[al]> {text}"),), columns)

    assert "".join("".join(rows).split()) == "".join(f"[al]>{text}".split())
    words = max((wcswidth(word) for word in text.split()), default=0)
    if words * 2 + 6 < columns:
        assert max(map(wcswidth, rows)) <= columns or any(row.endswith(" ") for row in rows)


@pytest.mark.parametrize("piece", ["x", "x ", "\u4eca", "e\u0301 ", "[a -> ", "#", "* [", "  x y"])
def test_the_longest_line_does_not_take_long(piece: str) -> None:
    row = (Part((piece * 8192)[:8192]),)

    with measured() as work:
        wrap(row, 80)

    assert work.usual_s < 0.2
