from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.transcript.line_layout import Columns, LineLayout
from trio_chat.client.transcript.room_window import (
    CHARS_MAX,
    HIDDEN_CHARS_MAX,
    HIDDEN_ITEMS_MAX,
    ITEMS_MAX,
    Fold,
    Line,
    NewRule,
    RoomWindow,
)
from trio_chat.client.transcript.rows import Part, Row
from trio_chat.client.transcript.scrolling import Anchor, Scroller
from trio_chat.client.transcript.transcript import SHOWN_MAX, Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.wire import frames

NOON = 1_700_000_000.0


def said(number: int, text: str = "", **fields: Any) -> frames.Said:
    fields = {"kind": "said", "author": "ann", "time": NOON} | fields
    return frames.Said(id=number, room="lobby", text=text or f"line {number}", **fields)


def window_of(*entries: frames.Said) -> RoomWindow:
    window = RoomWindow()
    for entry in entries:
        window.add(entry)
    return window


def ids(window: RoomWindow) -> list[int]:
    return [item.id for item in window.items]


def text_of(row: Row) -> str:
    return "".join(part.text for part in row)


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11)))
def test_entries_stand_in_the_order_of_their_ids_and_once_however_they_come(order: list[int], again: list[int]) -> None:
    window = window_of(*(said(number) for number in (*order, *again)))

    assert ids(window) == list(range(1, 12))


def test_coming_and_going_in_a_row_is_folded_from_the_fourth_on() -> None:
    window = window_of(*(said(number, " ", kind="joined", author=f"p{number}") for number in range(1, 4)))
    (few,) = window.items
    assert isinstance(few, Fold)
    assert few.sum == ""

    for number, kind in ((4, "joined"), (5, "left"), (6, "renamed")):
        window.add(said(number, "q", kind=kind, author=f"p{number}"))
    window.add(said(7))
    window.add(said(8, kind="left"))

    assert ids(window) == [6, 7, 8]
    assert few.sum == "4 came, 1 left, 1 changed names"


def test_a_removed_entry_loses_its_words() -> None:
    window = window_of(said(1, "secret"), said(2, "[op] removed it", kind="removed", removes=1))

    line = window.find(1)
    assert line is not None
    assert (line.entry.kind, "secret" in line.entry.text) == ("removed", False)


def test_older_pages_come_above_and_notices_stay_where_they_were() -> None:
    window = window_of(said(10), said(11))
    window.note([(Part("a notice"),)], NOON)
    window.add(said(12))
    window.set_rule("1 new", 11, NOON)

    window.add_page([said(8), said(9)], has_older=True)

    assert ids(window) == [8, 9, 10, 11, 11, 11, 12]
    assert isinstance(window.items[5], NewRule)
    assert (window.oldest_id, window.newest_id, window.has_older) == (8, 12, True)


def test_a_window_is_bounded_by_items_and_by_characters() -> None:
    window = window_of(*(said(number) for number in range(1, 400)))
    window.trim(is_shown=True)
    assert len(window.items) == 399
    window.trim(is_shown=False)
    assert len(window.items) <= HIDDEN_ITEMS_MAX
    assert (window.newest_id, window.has_older, window.is_live) == (399, True, True)

    for number in range(400, 500):
        window.add(said(number, "x" * 100_000))
    assert max(len(item.entry.text) for item in window.items if isinstance(item, Line)) <= SHOWN_MAX + 2
    window.trim(is_shown=False)
    assert sum(item.chars for item in window.items) <= HIDDEN_CHARS_MAX < CHARS_MAX


def test_who_reads_the_oldest_lines_keeps_them() -> None:
    window = window_of(*(said(number) for number in range(1, ITEMS_MAX + 3)))

    window.trim(is_shown=True, reads_oldest=True)

    assert window.items[0].id == 1
    assert len(window.items) <= ITEMS_MAX
    assert not window.is_live


def scroller(window: RoomWindow, height: int = 4) -> Scroller:
    return Scroller(window, LineLayout(Transcript(Catalogue())), Columns(60), height)


def numbers(rows: list[Row]) -> list[str]:
    return [text_of(row).rpartition(" ")[2] for row in rows]


def test_the_place_is_kept_while_lines_arrive_and_pages_come_above() -> None:
    window = window_of(*(said(number) for number in range(11, 21)))
    anchor, is_top = scroller(window).up(None, 3)
    assert (numbers(scroller(window).visible(anchor)), is_top) == (["14", "15", "16", "17"], False)

    window.add(said(21))
    window.add_page([said(number) for number in range(1, 11)], has_older=False)

    assert numbers(scroller(window).visible(anchor)) == ["14", "15", "16", "17"]


def test_scrolling_ends_at_the_top_and_at_the_bottom() -> None:
    window = window_of(*(said(number) for number in range(1, 11)))
    anchor, is_top = scroller(window).up(None, 100)

    assert (numbers(scroller(window).visible(anchor)), is_top) == (["1", "2", "3", "4"], True)
    assert numbers(scroller(window).visible(scroller(window).down(anchor, 2))) == ["3", "4", "5", "6"]
    assert scroller(window).down(anchor, 6) is None
    assert scroller(window).up(None, 0) == (Anchor(window.items[-1], 0), False)


@given(st.integers(1, 40), st.integers(1, 12), st.lists(st.integers(-15, 15)))
def test_a_pane_is_full_wherever_somebody_scrolls(count: int, height: int, steps: list[int]) -> None:
    window = window_of(*(said(number, "word " * (number * 7 % 40)) for number in range(1, count + 1)))
    pane = scroller(window, height)
    every = len(pane.visible(None, 10_000))
    anchor = None

    for step in steps:
        anchor = pane.down(anchor, step) if step > 0 else pane.up(anchor, -step)[0]
        assert len(pane.visible(anchor)) == min(height, every)


def test_a_place_whose_line_was_dropped_is_the_end() -> None:
    window = window_of(*(said(number) for number in range(1, 11)))
    gone = Anchor(window.items[0], 0)
    window.items = window.items[5:]

    assert numbers(scroller(window).visible(gone)) == ["7", "8", "9", "10"]


def test_the_answer_to_a_command_stands_below_the_page_that_was_asked_for_before() -> None:
    window = window_of(said(103))
    window.start_at((), is_live=True, known_id=103)
    window.note([(Part("an answer"),)], NOON)
    window.add_page([said(102), said(103)], has_older=True)
    window.add(said(104))

    assert [type(item).__name__ for item in window.items] == ["Line", "Line", "Note", "Line"]
