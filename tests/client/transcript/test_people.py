"""The number of members of a room, as it is shown."""

import pytest

from tests.client.transcript.test_completion import heard, members, people
from trio_chat.client.transcript.people import PEOPLE_MAX


@pytest.mark.parametrize(
    ("kind", "author", "count"),
    [("joined", "zoe", 3), ("joined", "me", 2), ("left", "ann", 1), ("kicked", "ann", 1), ("left", "zoe", 2)],
)
def test_somebody_whom_the_server_has_counted_already_is_not_counted_again(kind: str, author: str, count: int) -> None:
    known = people(members("ann", "me"), heard(author, kind))

    assert known.count("lobby") == count


def test_of_a_crowd_that_is_not_known_by_name_everybody_who_leaves_is_counted() -> None:
    crowd = [f"g{number}" for number in range(PEOPLE_MAX + 2)]

    known = people(members(*crowd), heard(crowd[0], "left"))

    assert known.count("lobby") == len(crowd) - 1
