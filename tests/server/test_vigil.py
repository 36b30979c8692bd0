"""Plain clients that vanish: in a network of their own, whose cable is pulled."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
import trio

from bench.faults.elsewhere import Elsewhere, NotHereError, elsewhere
from trio_chat.chat.tally import End
from trio_chat.server.vigil import DEAD_AFTER_S, LOOK_EVERY_S, keep_vigil

PATIENCE_S = 20


@pytest.fixture
def network() -> Iterator[Elsewhere]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(elsewhere())
        except NotHereError as error:
            pytest.skip(str(error))
        yield made


async def test_c13_one_that_is_spoken_to_after_it_vanished_is_gone_in_time(open_house, network: Elsewhere) -> None:
    async with open_house(host="") as house, trio.open_nursery() as nursery:
        vanished = network.connect(house.port)
        await house.changed(1)
        network.cut()

        await house.join()
        nursery.start_soon(partial(keep_vigil, house.chat, dead_after_s=0.2, look_every_s=0.05))
        with trio.fail_after(PATIENCE_S):
            while not house.ends:
                await house.came.wait()

        assert house.ends[0] is End.DEAD
        vanished.close()
        nursery.cancel_scope.cancel()


def test_a_look_comes_in_time() -> None:
    assert DEAD_AFTER_S + LOOK_EVERY_S < 45
