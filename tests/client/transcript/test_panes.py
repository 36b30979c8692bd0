import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.transcript.panes import panes_for


@pytest.mark.parametrize(
    ("columns", "rooms", "members"), [(100, True, True), (99, True, False), (60, True, False), (59, False, False)]
)
def test_three_panes_fit_from_100_columns_and_two_from_60(columns: int, rooms: bool, members: bool) -> None:
    panes = panes_for(columns, 24)

    assert (panes.rooms > 0, panes.members > 0) == (rooms, members)


@given(st.integers(1, 300), st.integers(1, 100), st.integers(0, 20), st.integers(0, 5))
def test_the_panes_fill_the_terminal_and_the_draft_is_always_there(
    columns: int, rows: int, typed: int, menu: int
) -> None:
    panes = panes_for(columns, rows, input_rows=typed, menu_rows=menu)

    sides = panes.rooms + (panes.rooms > 0) + panes.members + (panes.members > 0)
    assert sides + panes.transcript == columns
    assert panes.input_rows >= 1
    assert panes.body_rows + panes.rule_rows + 1 + panes.menu_rows + panes.input_rows == max(rows, 2)


def test_forty_columns_and_ten_rows_leave_eight_for_the_transcript() -> None:
    panes = panes_for(40, 10)

    assert (panes.transcript, panes.body_rows - panes.topic_rows) == (40, 8)
