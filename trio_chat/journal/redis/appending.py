"""A batch as arguments of the script that keeps it, and the outcome of the script. It must not know any connection."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import trio

from trio_chat.chat.events import Draft, Entry
from trio_chat.chat.removal import target_of, tombstone_for
from trio_chat.chat.session_record import SessionChange, SessionRecord
from trio_chat.journal.batch import Batch
from trio_chat.journal.records import Damaged, Past
from trio_chat.journal.redis.replies import DamagedKeyError
from trio_chat.journal.redis.rows import class_of, digest_of, to_payload

LOG_MAX = 20_000
"""Entries in the log that nodes follow, about 4 MB. A node further behind reads the rooms instead."""

ARGUMENTS_PER_TURN = 3000
"""Arguments made between two checkpoints, in some 5 ms: those of 400 drafts."""

Argument = str | bytes | int

_OUTCOME = re.compile(r"[0-9]{1,18} (?:-?[0-9]{1,16}(?:,-?[0-9]{1,16})*)?")


def targets_of(batch: Batch) -> list[int]:
    """Return the ids of the entries that the notices of a batch remove."""
    return [target for target in map(target_of, batch.drafts) if target]


async def arguments_of(
    batch: Batch, found: dict[int, Past], encode: Callable[[SessionRecord], bytes]
) -> list[Argument]:
    """Return the arguments of the script for a batch. `found` has the entries that its notices remove.

    Other tasks run now and then, since a large batch takes long.
    """
    checked_at = 0
    arguments: list[Argument] = [LOG_MAX, len(batch.sessions)]
    arguments += chain.from_iterable(_session(change, encode) for change in batch.sessions.values())
    for group in batch.groups():
        if len(arguments) > checked_at + ARGUMENTS_PER_TURN:
            checked_at = len(arguments)
            await trio.lowlevel.checkpoint()
        for number, draft in enumerate(group):
            arguments += draft.room, class_of(draft), digest_of(draft.session, draft.key), to_payload(draft)
            arguments += len(group) if number == 0 else 0, *_removal(draft, found), draft.client
    return arguments


def _session(change: SessionChange, encode: Callable[[SessionRecord], bytes]) -> tuple[str, bytes]:
    return change.owner, encode(change) if isinstance(change, SessionRecord) else b""


def _removal(draft: Draft, found: dict[int, Past]) -> tuple[Argument, bytes]:
    target = target_of(draft)
    tombstone = tombstone_for(draft, found.get(target)) if target else None
    return (target or "", to_payload(tombstone.draft)) if tombstone else ("", b"")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a batch: its time, and for each draft its id, or that of the entry it repeats as a negative."""

    micros: str
    ids: Sequence[int]

    @property
    def last_id(self) -> int:
        """The highest id that was given; 0 for none."""
        return max(self.ids, default=0)

    @property
    def repeated_ids(self) -> list[int]:
        """The ids of the entries that were repeated."""
        return [-number for number in self.ids if number < 0]


def read_outcome(text: str) -> Outcome:
    """Parse an outcome as the script writes it. Raises DamagedKeyError."""
    if not _OUTCOME.fullmatch(text):
        raise DamagedKeyError("the outcome of the last batch of this node")
    micros, _, ids = text.partition(" ")
    return Outcome(micros, [int(number) for number in ids.split(",") if number])


def fill(batch: Batch, outcome: Outcome, repeated: dict[int, Past]) -> None:
    """Set the entries of a batch, and the entries that its drafts repeat. `repeated` has the latter, by id."""
    time = int(outcome.micros) / 1e6
    drafts = list(_in_order(batch.groups()))
    batch.entries = [
        Entry(number, time, draft) for draft, number in zip(drafts, outcome.ids, strict=True) if number > 0
    ]
    for draft, number in zip(drafts, outcome.ids, strict=True):
        if number < 0:
            first = repeated.get(-number, Damaged(-number))
            # A damaged entry was kept none the less, and the repeat has its text.
            batch.repeats[draft.session, draft.key] = first if isinstance(first, Entry) else Entry(-number, time, draft)


def _in_order(groups: Iterable[Sequence[Draft]]) -> Iterator[Draft]:
    return chain.from_iterable(groups)
