"""The claim of a node to its name in a chat: a lease, and the number that goes with each of its appends."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.errors import NoAnswerError, RedisRefusedError
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.node_identity import Node
from trio_chat.journal.redis.replies import read_word
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.times import TIMES

FORMAT = 1
"""The format of a chat in Redis. It rises with every change that servers of the version before cannot work beside: see
prelude.lua."""


@dataclass(frozen=True, slots=True)
class NewestEntry:
    """The newest entry that a node knows: id, and time in microseconds as Redis has it. `NewestEntry()` for none."""

    id: int = 0
    micros: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A granted claim, and the state of the chat at that moment.

    `starts` is the number of claims of all nodes so far. `was_adopted`: another node has taken over the clients of this
    one, which had no lease for a while.

    `last_id` is the last one that was given; the newest entry there is may have a lower one. `batch` is the number of
    the last batch that was kept for the node, in whatever process, and `outcome` its outcome.
    """

    epoch: str
    last_id: int
    newest: NewestEntry
    pruned_to: int
    fence: int
    batch: int
    outcome: str
    starts: int = 0
    was_adopted: bool = False


class ChatFormatError(RedisRefusedError):
    """Servers of another version use the chat, which cannot serve it beside this one."""


class NodeInUseError(RedisRefusedError):
    """Another server has the name of this node."""


async def claim(
    link: RedisLink, node: Node, known: NewestEntry, *, epoch: str = "", starts: int = 0, lease_s: float = TIMES.lease_s
) -> Claim:
    """Claim its name for a node: writes under earlier claims that Redis has not executed yet are refused from now on.

    If the newest entry `known` to the node is not there, entries were lost. Then the chat gets a new epoch, unless it
    has another one than the node knows already, and its next id is far above that entry's. Raises JournalError.
    """
    known_state = known.id, known.micros, epoch, node.holder, starts, FORMAT
    answer = await link.keep(script("open"), node.name, round(lease_s * 1000), secrets.token_hex(8), *known_state)
    if answer[0] == b"held":
        raise NodeInUseError(
            f"another server is the node {node.name} of the chat {link.address.chat!r}: give this one another name "
            f"with ?node=NAME, or wait {max(1, round(answer[1] / 1000))} s if the other has ended"
        )
    _check_format(answer, link.address.chat)
    epoch, last_id, pruned_to, fence, batch, outcome, newest_id, micros, starts, adopted = answer
    held = Claim(
        read_word(epoch, "the epoch of the chat"),
        last_id,
        NewestEntry(newest_id, _text(micros)),
        pruned_to,
        fence,
        batch,
        _text(outcome),
        starts,
        adopted == b"1",
    )
    if not await mark_replicated(link, node, held, batch=held.batch, last_id=held.last_id):
        raise NoAnswerError("the claim of this node was lost at once")
    return held


def newer_format(chat: str, number: int) -> ChatFormatError:
    """Return the error that says what to do where a newer version has written a chat."""
    return ChatFormatError(
        f"the chat {chat!r} has the format {number}, of a newer version of trio-chat, and this one knows "
        f"{FORMAT} at most: upgrade it"
    )


def _check_format(answer: Sequence[Any], chat: str) -> None:
    if answer[0] == b"newer":
        raise newer_format(chat, answer[1])
    if answer[0] == b"older":
        raise ChatFormatError(
            f"the node {_text(answer[1])} of the chat {chat!r} is of an earlier version, which cannot serve it beside "
            "this one: stop all servers of that version first"
        )


async def renew(link: RedisLink, node: Node, held: Claim, *, lease_s: float = TIMES.lease_s) -> tuple[int, int] | None:
    """Renew the lease. Returns the highest id that was pruned and the last id that was assigned; None where the claim
    has ended. Raises JournalError.
    """
    answer = await link.keep(script("renew"), node.name, round(lease_s * 1000), held.fence, held.epoch, node.holder)
    outcome, *numbers = answer
    return (numbers[0], numbers[1]) if outcome == b"ok" else None


async def mark_replicated(link: RedisLink, node: Node, held: Claim, *, batch: int, last_id: int) -> bool:
    """Let all nodes read up to an id, which replicas have by now. Does nothing where no replicas are waited for.

    Returns False where the claim has ended, or this Redis does not have the node's `batch`. Raises NoAnswerError.
    """
    if not link.address.replicas or last_id <= 0:
        return True
    try:
        answer = await link.call(script("mark_replicated"), node.name, held.fence, held.epoch, batch, last_id)
    except JournalError as error:
        raise NoAnswerError(str(error)) from error
    return bool(answer == b"ok")


async def release(link: RedisLink, node: Node) -> None:
    """Release the lease, so that others need not wait. Raises JournalError."""
    await link.call(script("release"), node.name, node.holder)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
