"""The claim of a node to a chat: a lease, and the number that goes with each of its appends."""

import secrets
from dataclasses import dataclass
from typing import Any

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.link import RedisLink, RedisRefusedError
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.times import TIMES


@dataclass(frozen=True, slots=True)
class Newest:
    """An entry by its id and time, in microseconds as they are written; `Newest()` for none."""

    id: int = 0
    micros: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A granted claim, and the state of the chat at that moment.

    `last_id` is the last one that was given; the newest entry there is may have a lower one. `batch` is the number of
    the last batch that was kept for the node, in whatever process, and `outcome` its outcome.
    """

    epoch: str
    last_id: int
    newest: Newest
    pruned_to: int
    fence: int
    batch: int
    outcome: str


class HeldError(RedisRefusedError):
    """Another node holds the chat."""


async def claim(link: RedisLink, node: str, known: Newest, *, lease_s: float = TIMES.lease_s) -> Claim:
    """Claim the chat for a node: whatever it has sent before and Redis has not executed yet is refused from now on.

    Where the entry that is `known` to be the newest is not there, entries were lost: the chat gets another epoch, and
    its next id is above that one. Raises JournalError.
    """
    fresh = secrets.token_hex(8)
    answer = await link.call(script("open"), node, round(lease_s * 1000), fresh, known.id, known.micros)
    if answer[0] == b"held":
        raise HeldError(
            f"another server, with the node {_word(answer[1])}, uses the chat {link.address.chat!r}: "
            f"stop it, or wait {max(1, round(answer[2] / 1000))} s if it has ended"
        )
    try:
        epoch, last_id, pruned_to, fence, batch, outcome, newest_id, micros = answer
        newest = Newest(int(newest_id), _word(micros))
        return Claim(_word(epoch), int(last_id), newest, int(pruned_to), int(fence), int(batch), _word(outcome))
    except (ValueError, TypeError) as error:
        raise JournalError(f"the keys of the chat in {link.address} are damaged") from error


async def renew(link: RedisLink, node: str, held: Claim, *, lease_s: float = TIMES.lease_s) -> bool:
    """Renew the lease. -> False where the claim is no longer good. Raises JournalError."""
    answer = await link.call(script("renew"), node, round(lease_s * 1000), held.fence, held.epoch)
    return bool(answer == b"ok")


async def release(link: RedisLink, node: str) -> None:
    """Give the lease back, so that another node need not wait. Raises JournalError."""
    await link.call(script("release"), node)


def _word(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
