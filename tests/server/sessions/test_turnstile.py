import trio
import trio.testing

from trio_chat.server.sessions.turnstile import Turnstile


async def test_a_few_pass_in_each_turn_in_their_order(nursery: trio.Nursery) -> None:
    turnstile, passed = Turnstile(nursery, per_turn=10), []

    async def leave(number: int) -> None:
        await turnstile.wait_turn()
        passed.append(number)

    tasks = trio.testing.Sequencer()
    async with trio.open_nursery() as leaving:
        async with tasks(0):
            for number in range(35):
                leaving.start_soon(leave, number)
        for most in (10, 10, 20, 20, 30, 30):
            assert len(passed) <= most
            await trio.lowlevel.checkpoint()

    assert sorted(passed) == list(range(35))


async def test_a_lone_search_runs_at_once(nursery: trio.Nursery) -> None:
    turnstile = Turnstile(nursery, per_turn=1)

    for _ in range(3):
        with trio.testing.assert_no_checkpoints():
            await turnstile.wait_turn()
        await trio.testing.wait_all_tasks_blocked()


async def test_a_session_that_was_cancelled_waits_for_its_turn_too() -> None:
    passed = 0
    async with trio.open_nursery() as nursery:
        turnstile = Turnstile(nursery, per_turn=1)

        async def leave() -> None:
            nonlocal passed
            try:
                await trio.sleep_forever()
            finally:
                await turnstile.wait_turn()
                passed += 1

        async with trio.open_nursery() as sessions:
            for _ in range(5):
                sessions.start_soon(leave)
            await trio.testing.wait_all_tasks_blocked()
            sessions.cancel_scope.cancel()

    assert passed == 5


async def test_a_server_that_fails_leaves_nobody_waiting() -> None:
    passed = 0
    async with trio.open_nursery() as server:
        turnstile = Turnstile(server, per_turn=1)

        async def leave() -> None:
            nonlocal passed
            await turnstile.wait_turn()
            passed += 1

        async with trio.open_nursery() as sessions:
            for _ in range(5):
                sessions.start_soon(leave)
            server.cancel_scope.cancel()

    assert passed == 5


async def test_of_many_connections_that_come_at_once_a_few_begin_in_each_turn(
    open_server, autojump_clock, nursery: trio.Nursery
) -> None:
    came = []
    async with open_server() as server:
        server.context.turnstile = Turnstile(nursery, per_turn=10)
        for _ in range(35):
            await server.connect()

        while len(server.changes) < 35:
            await server.came.wait()
            came.append(len(server.changes) - sum(came))

    assert max(came) <= 20  # this task may run before or after the others of a turn
    assert sum(came) == 35
