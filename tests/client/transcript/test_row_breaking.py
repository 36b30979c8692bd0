import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from trio_chat.chat.text import clean
from trio_chat.client.transcript.row_breaking import break_row, cut_with_mark, fit_row, row_width, width_of_text
from trio_chat.client.transcript.rows import Part, Row, Style

FAMILY = "👨‍👩‍👧‍👦"
TEXTS = st.lists(
    st.one_of(
        st.sampled_from([" ", "  ", "ab", "a long word", FAMILY, "🇩🇪", "漢字", "❤️", "e\u0301", "שלום"]),
        st.text(max_size=8),
    )
).map(lambda parts: clean("".join(parts)))


def text_of(row: Row) -> str:
    return "".join(part.text for part in row)


@given(TEXTS, st.integers(2, 30))
def test_rows_fit_and_nothing_but_blanks_is_lost(text: str, columns: int) -> None:
    half = len(text) // 2
    rows = break_row((Part(text[:half]), Part(text[half:], Style.MENTION)), columns)

    assert all(row_width(row) <= columns for row in rows)
    assert "".join(map(text_of, rows)).replace(" ", "") == text.replace(" ", "")


@given(TEXTS, st.integers(0, 30))
def test_a_row_fills_its_columns_exactly(text: str, columns: int) -> None:
    assert row_width(fit_row((Part(text),), columns)) == columns


@given(TEXTS, st.integers(1, 30))
def test_what_is_cut_bears_a_mark(text: str, columns: int) -> None:
    cut = cut_with_mark(text, columns)

    assert width_of_text(cut) <= columns
    assert cut == text or cut.endswith("…")


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("on and on and on", 9, ["on and on", "and on"]),
        ("see https://example.org/x", 10, ["see", "https://ex", "ample.org/", "x"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        (f"ab {FAMILY}{FAMILY}", 4, ["ab", f"{FAMILY}{FAMILY}"]),
        ("", 5, [""]),
    ],
)
def test_rows_break_at_words_and_never_within_a_cluster(text: str, columns: int, rows: list[str]) -> None:
    assert [text_of(row) for row in break_row((Part(text),), columns)] == rows


def test_styles_go_on_in_the_next_row() -> None:
    rows = break_row((Part("one "), Part("two three", Style.MENTION)), 7)

    assert rows == [(Part("one "), Part("two", Style.MENTION)), (Part("three", Style.MENTION),)]


def test_a_family_at_the_edge_is_left_out_whole() -> None:
    row = fit_row((Part(f"ab{FAMILY}"),), 3)

    assert text_of(row) == "ab "
    assert len(list(iter_graphemes(FAMILY))) == 1


def test_a_cluster_has_one_style_since_a_terminal_draws_it_whole() -> None:
    (row,) = break_row((Part("e"), Part("\u0301x", Style.MENTION)), 9)

    assert row == (Part("e\u0301"), Part("x", Style.MENTION))
