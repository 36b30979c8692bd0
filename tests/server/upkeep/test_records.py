"""Values that are made of many records: others have their turn meanwhile."""

import pytest
import trio

from trio_chat.server.upkeep import records
from trio_chat.server.upkeep.records import values_of


async def test_others_have_their_turn_once_one_is_over(nursery: trio.Nursery, monkeypatch) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    nursery.start_soon(take_turns)
    await trio.lowlevel.checkpoint()
    monkeypatch.setattr(records, "TURN_S", 0.0)

    made = await values_of("abcdef", lambda letter: (letter, turns))

    assert [letter for letter, _ in made] == list("abcdef")
    assert made[-1][1] - made[0][1] >= 3  # tasks that are ready run in any order
    nursery.cancel_scope.cancel()


async def test_what_making_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await values_of(["1", "x"], int)
