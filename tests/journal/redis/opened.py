"""Opening journals in a server of a test."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import trio

from tests.conftest import PATIENCE_S
from tests.redis_server import RedisServer
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal.redis.address import read_address
from trio_chat.journal.redis.journal import RedisJournal, open_redis
from trio_chat.journal.redis.node_identity import FILE
from trio_chat.journal.redis.times import RedisTimes

HASTY = RedisTimes(connect_s=0.3, answer_s=0.3, patience_s=0.5, retry_s=0.02, block_s=0.2, renew_s=0.1)
"""Times for tests: everything is noticed soon, and given up soon."""

PATIENT = RedisTimes(answer_s=3.0, patience_s=PATIENCE_S, retry_s=0.02, block_s=0.2, renew_s=0.1)
"""Times for tests in which nothing is given up."""


def opened(server: RedisServer, data: Path, times: RedisTimes = PATIENT) -> AbstractAsyncContextManager[RedisJournal]:
    return open_redis(read_address(server.url.removeprefix("redis:")), data, times=times)


def node_of(data: Path) -> str:
    """The name of the node that was opened with this folder."""
    return (data / FILE).read_text(encoding="ascii").strip()


def said(text: str, *, key: str = "", room: str = "lobby") -> Draft:
    return Draft(room, Kind.SAID, "alice", text, session="s" * 32 if key else "", key=key)


async def texts(journal: RedisJournal) -> list[str]:
    return [it.draft.text for it in await journal.read("lobby", limit=10_000) if isinstance(it, Entry)]


async def until_well(journal: RedisJournal, *, is_well: bool = True) -> None:
    with trio.fail_after(PATIENCE_S):
        while (journal.fault is None) is not is_well:  # noqa: ASYNC110
            await trio.sleep(0.01)


async def speak(journal: RedisJournal, sender: int, kept: list[str], scope: trio.CancelScope) -> None:
    """Say lines, one after the other, and note those that were kept."""
    number = 0
    while not scope.cancel_called:
        text = f"{sender}.{number}"
        await journal.post(said(text)).kept()
        kept.append(text)
        number += 1


async def until_more(kept: list[str]) -> None:
    """Return once a hundred more lines are kept."""
    before = len(kept)
    with trio.fail_after(PATIENCE_S):
        while len(kept) < before + 100:  # noqa: ASYNC110
            await trio.sleep(0.005)
