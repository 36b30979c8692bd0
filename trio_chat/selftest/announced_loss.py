"""Announced loss: entries that Redis lost, and those that clients missed when they were told so. Pure.

After Redis has lost entries, the chat gets another epoch, and its ids go on a million above the last known one. So an
id inside such a jump is that of a lost entry, and a client that connects again is told that the epoch has changed.
"""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from trio_chat.chat.events import MAILBOX_MARK, Kind
from trio_chat.selftest.checker import OTHER_EPOCH, Recording, ShownEntry

ID_JUMP = 1_000_000
"""Distance between two ids with a loss between them: LOST_AT_MOST in open.lua."""

IdRange = tuple[int, int]
"""A range of ids, without both of its ends."""


@dataclass(frozen=True, slots=True)
class AnnouncedLoss:
    """The extent of a loss that was announced."""

    times: int
    """Number of jumps in the ids."""
    entries: int
    """Number of lost entries that at least one client had been shown."""
    acknowledged: int
    """Number of them whose senders had been told that they were kept."""
    told: int
    """Number of clients that were told of the loss."""
    missed: int
    """Number of entries that are kept and were not shown to a client that was told, added up over these clients."""
    since: int = 0
    """The first id after the first loss."""
    places: int = 0
    """Number of notices from there on that somebody came or went: Redis lost sessions together with the entries."""


def discount_announced_loss(
    history: Sequence[ShownEntry], recordings: Sequence[Recording], *, first_id: int = 1
) -> tuple[Sequence[Recording], AnnouncedLoss | None]:
    """Remove lost entries from recordings, and add the entries that clients were told they had missed.

    `first_id` is the id of the first entry that counts; that one may be lost too.

    -> recordings that can be checked like those of a run without loss, and the loss; None where no ids were skipped
    """
    ids = [first_id - 1, *(line.id for line in history)]
    ranges = [(before, after) for before, after in pairwise(ids) if after - before > ID_JUMP]
    if not ranges:
        return recordings, None
    lost = {line for one in recordings for line in one.shown if _is_within(line.id, ranges)}
    lost_texts = {line.text for line in lost} - {line.text for line in history}
    acknowledged = sum(
        text in lost_texts and key in one.sent for one in recordings for key, text in _messages(one).items()
    )
    discounted: list[Recording] = []
    missed = 0
    for one in recordings:
        own = list(_shown_to(one, history))
        missed_by_change = {at: _missed_at(at, one, own) for at in one.epoch_changes}
        missed += sum(map(len, missed_by_change.values()))
        discounted.append(_discounted(one, ranges, lost_texts, missed_by_change))
    loss = AnnouncedLoss(
        len(ranges),
        len({line.id for line in lost}),
        acknowledged,
        sum(bool(one.epoch_changes) for one in recordings),
        missed,
        ranges[0][1],
    )
    return discounted, loss


def _messages(one: Recording) -> dict[str, str]:
    return one.said | {key: text for key, (_, text) in one.told.items()}


def _is_within(number: int, ranges: Iterable[IdRange]) -> bool:
    return any(low < number < high for low, high in ranges)


def _shown_to(one: Recording, history: Sequence[ShownEntry]) -> Iterator[ShownEntry]:
    """Yield the entries that are meant for a client: those of all rooms and of its own mailbox."""
    mail = {line.id for line in one.shown if line.room == MAILBOX_MARK}
    mailboxes = {line.room for line in history if line.id in mail}
    for line in history:
        if line.room in mailboxes:
            yield line._replace(room=MAILBOX_MARK)
        elif not line.room.startswith(MAILBOX_MARK):
            yield line


def _missed_at(at: int, one: Recording, own: Iterable[ShownEntry]) -> list[ShownEntry]:
    """Return the entries between those shown before a change of epoch and those shown after it, room by room.

    `at` is the number of entries shown before the change.
    """
    seen: dict[str, int] = {}
    for line in one.shown[:at]:
        seen[line.room] = max(line.id, seen.get(line.room, 0))
    before = min((line.id for line in one.shown[at:]), default=sys.maxsize)
    return [line for line in own if seen.get(line.room, 0) < line.id < before]


def _discounted(
    one: Recording,
    ranges: Sequence[IdRange],
    lost_texts: Collection[str],
    missed_by_change: Mapping[int, Sequence[ShownEntry]],
) -> Recording:
    """Return a recording without lost entries, and with the missed ones, by the number of entries shown before them."""
    shown = [
        line
        for at in range(len(one.shown) + 1)
        for line in (*missed_by_change.get(at, ()), *one.shown[at : at + 1])
        if not _is_within(line.id, ranges)
    ]
    told = [line for lines in missed_by_change.values() for line in lines if line.kind == Kind.TOLD]
    twice = Counter(line.text for line in one.shown if line.room == MAILBOX_MARK and _is_within(line.id, ranges))
    gone = {key for key, text in _messages(one).items() if text in lost_texts}
    return replace(
        one,
        said={key: text for key, text in one.said.items() if key not in gone},
        told={key: message for key, message in one.told.items() if key not in gone},
        heard=[*(Counter(one.heard) - twice).elements(), *(it.text for it in told if it.author != one.name)],
        echoed=[*(Counter(one.echoed) - twice).elements(), *(it.text for it in told if it.author == one.name)],
        shown=shown,
        sent=[key for key in one.sent if key not in gone],
        failed=[key for key in one.failed if key not in gone],
        other_gaps=[gap for gap in one.other_gaps if gap != OTHER_EPOCH],
    )


def describe_loss(loss: AnnouncedLoss, clients: int) -> Iterator[str]:
    """Format a loss, line by line."""
    times = "once" if loss.times == 1 else f"{loss.times} times"
    yield f"lost: {loss.entries} entries that clients had been shown, {loss.acknowledged} of them acknowledged; {times}"
    yield f"announced: {loss.told} of {clients} clients were told, and missed {loss.missed} entries until then"
    if loss.places:
        yield f"places: {loss.places} notices of coming and going, since sessions were lost with the entries"
