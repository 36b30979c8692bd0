"""The check of clients that move between rooms, on visits that are wrong in one way each."""

import pytest

from trio_chat.selftest.checker import AnnouncedGap, ShownEntry
from trio_chat.selftest.visits import Visit, check_visits

HISTORY = [
    ShownEntry(2, "attic", "said", "bob", "before"),
    ShownEntry(3, "attic", "joined", "gina1", ""),
    ShownEntry(4, "yard", "said", "bob", "elsewhere"),
    ShownEntry(5, "attic", "renamed", "gina1", "gina2"),
    ShownEntry(6, "attic", "said", "bob", "one"),
    ShownEntry(7, "attic", "said", "gina2", "two"),
    ShownEntry(8, "attic", "left", "gina2", "#attic"),
    ShownEntry(9, "attic", "said", "bob", "after"),
]
ATTIC = [line for line in HISTORY if line.room == "attic"]


@pytest.mark.parametrize(
    ("shown", "changes", "violations"),
    [
        (ATTIC[1:5], {"is_whole": True}, []),
        (ATTIC[1:4], {"is_whole": False}, []),
        (ATTIC[1:4], {"is_whole": True}, ["gina was never shown entry 7 in #attic: gina2 said 'two'"]),
        ([ATTIC[1], *ATTIC[3:5]], {}, ["gina was never shown entry 5 in #attic: gina1 renamed 'gina2'"]),
        ([ATTIC[1], *ATTIC[3:5]], {"gaps": [AnnouncedGap("attic", 3)]}, []),
        (
            ATTIC[1:5],
            {"gaps": [AnnouncedGap("attic", 3)]},
            ["gina was told of a gap in #attic after entry 3, where nothing is missing"],
        ),
        ([ATTIC[2], ATTIC[1]], {}, ["gina was shown entry 3 after 5"]),
    ],
)
def test_a_visit_is_shown_whole_and_in_order_up_to_its_end(
    shown: list[ShownEntry], changes: dict[str, object], violations: list[str]
) -> None:
    visit = Visit("attic", shown=shown, **changes)

    assert sorted(check_visits("gina", [visit], HISTORY, [5] if "gaps" in changes else [])) == sorted(violations)


def test_a_visit_of_which_nothing_was_shown_is_none() -> None:
    assert list(check_visits("gina", [Visit("attic", is_whole=True)], HISTORY, [])) == []
