"""Answers that no Redis and no sentinel gives: the caller gets an error, and nothing else ends."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import pytest
import trio

from tests.conftest import PATIENCE_S
from tests.journal.redis.opened import HASTY
from trio_chat.journal import JournalError
from trio_chat.journal.redis.address import read_url
from trio_chat.journal.redis.link import RedisLink

HELLO = b"%3\r\n+version\r\n+7.0.0\r\n+proto\r\n:3\r\n+id\r\n:1\r\n"

NO_REDIRECTION = b"-MOVED x\r\n"
HUGE_NUMBER = b":" + b"9" * 5000 + b"\r\n"
NUMBERS = b"*2\r\n:1\r\n:2\r\n"
SLOTS_OF_NUMBERS = b"*1\r\n*3\r\n:1\r\n:2\r\n*2\r\n:5\r\n:6\r\n"
NOTHING = b"_\r\n"

SELF = b"*2\r\n$9\r\n127.0.0.1\r\n:PORT\r\n"
FACTS = b"%1\r\n+config-epoch\r\n+1\r\n"


def answering(answers: Mapping[bytes, bytes]) -> Callable[[trio.SocketStream], Awaitable[None]]:
    """Make a server that greets as Redis does, and then answers commands by a word in them."""

    async def serve(stream: trio.SocketStream) -> None:
        port = b"%d" % stream.socket.getsockname()[1]
        async with stream:
            async for data in stream:
                answer = next((it for word, it in {b"HELLO": HELLO, **answers}.items() if word in data), NOTHING)
                await stream.send_all(answer.replace(b"PORT", port))

    return serve


async def follow(nursery: trio.Nursery, url: str, answers: Mapping[bytes, bytes]) -> list[object]:
    [listener] = await nursery.start(partial(trio.serve_tcp, answering(answers), 0, host="127.0.0.1"))
    link = RedisLink(read_url(url.format(listener.socket.getsockname()[1])), HASTY)
    await nursery.start(link.run)
    with trio.fail_after(PATIENCE_S):
        return [*await link.follow("log", 0, count=1, block_s=0.1)]


@pytest.mark.parametrize(
    ("url", "answers"),
    [
        ("redis://127.0.0.1:{}", {b"XREAD": NO_REDIRECTION}),
        ("redis://127.0.0.1:{}", {b"XREAD": HUGE_NUMBER}),
        ("redis+sentinel://127.0.0.1:{}/m", {b"GET-MASTER": NO_REDIRECTION}),
        ("redis+sentinel://127.0.0.1:{}/m", {b"GET-MASTER": NUMBERS, b"MASTER": FACTS}),
        ("redis+sentinel://127.0.0.1:{}/m", {b"GET-MASTER": SELF, b"MASTER": HUGE_NUMBER}),
        ("redis+sentinel://127.0.0.1:{}/m", {b"GET-MASTER": SELF, b"MASTER": FACTS, b"ROLE": b":7\r\n"}),
        ("redis+cluster://127.0.0.1:{}", {b"HGET": NO_REDIRECTION}),
    ],
)
async def test_an_answer_that_cannot_be_read_is_an_error_of_the_journal(
    nursery: trio.Nursery, url: str, answers: Mapping[bytes, bytes]
) -> None:
    with pytest.raises(JournalError):
        await follow(nursery, url, answers)
    nursery.cancel_scope.cancel()


async def test_a_cluster_whose_nodes_cannot_be_read_is_used_by_those_that_are_named(nursery: trio.Nursery) -> None:
    assert await follow(nursery, "redis+cluster://127.0.0.1:{}", {b"SLOTS": SLOTS_OF_NUMBERS}) == []
    nursery.cancel_scope.cancel()
