"""Loss that was announced: entries that a Redis lost, and those that clients missed when they were told so. Pure.

Where Redis has lost entries the chat gets another epoch, and its ids go on a million above those that anybody can have
heard of. So an id in such a jump is that of an entry that was lost, and a client that connects again is told.
"""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from trio_chat.chat.events import MAILBOX_MARK, Kind
from trio_chat.selftest.checker import Recording, ShownEntry

JUMP = 1_000_000
"""See LOST_AT_MOST in open.lua."""

Span = tuple[int, int]
"""Ids between two others."""


@dataclass(frozen=True, slots=True)
class AnnouncedLoss:
    """Numbers of what was lost, and announced: as many times, so many entries that were shown to somebody.

    `acknowledged` are those among them whose senders were told that they are kept, `told` the clients who were told of
    the loss, and `missed` the entries that are kept, and were not shown to one of those. `since` is the first id behind
    the loss, and `places` counts the notices from there on that somebody came or went: places are lost, too.
    """

    times: int
    entries: int
    acknowledged: int
    told: int
    missed: int
    since: int = 0
    places: int = 0


def excuse(
    history: Sequence[ShownEntry], recordings: Sequence[Recording], *, first_id: int = 1
) -> tuple[Sequence[Recording], AnnouncedLoss | None]:
    """Take what was lost and announced out of recordings, and add what was announced to be missed.

    `first_id` is the id of the first entry that counts, which may be lost.

    -> the recordings as if none of that had happened, so that they can be checked as any others; and what it was, or
    None where no id says that entries were lost
    """
    ids = [first_id - 1, *(line.id for line in history)]
    spans = [(before, after) for before, after in pairwise(ids) if after - before > JUMP]
    if not spans:
        return recordings, None
    lost = {line for one in recordings for line in one.shown if _is_within(line.id, spans)}
    texts = {line.text for line in lost}
    kept = {line.text for line in history}
    acknowledged = sum(
        text in texts - kept and key in one.sent for one in recordings for key, text in _messages(one).items()
    )
    excused: list[Recording] = []
    missed = 0
    for one in recordings:
        own = list(_shown_to(one, history))
        breaks = {at: _missed_at(at, one, own) for at in one.breaks}
        missed += sum(map(len, breaks.values()))
        excused.append(_excused(one, spans, {text for text in texts if text not in kept}, breaks))
    loss = AnnouncedLoss(
        len(spans),
        len({line.id for line in lost}),
        acknowledged,
        sum(bool(one.breaks) for one in recordings),
        missed,
        spans[0][1],
    )
    return excused, loss


def _messages(one: Recording) -> dict[str, str]:
    return one.said | {key: text for key, (_, text) in one.told.items()}


def _is_within(number: int, spans: Iterable[Span]) -> bool:
    return any(low < number < high for low, high in spans)


def _shown_to(one: Recording, history: Sequence[ShownEntry]) -> Iterator[ShownEntry]:
    """Yield the entries that are shown to somebody, in the rooms in which they are: not those in others' mailboxes."""
    mail = {line.id for line in one.shown if line.room == MAILBOX_MARK}
    mailboxes = {line.room for line in history if line.id in mail}
    for line in history:
        if line.room in mailboxes:
            yield line._replace(room=MAILBOX_MARK)
        elif not line.room.startswith(MAILBOX_MARK):
            yield line


def _missed_at(at: int, one: Recording, own: Iterable[ShownEntry]) -> list[ShownEntry]:
    """Return the entries behind all that was shown before a break, and before all that was shown after it."""
    seen: dict[str, int] = {}
    for line in one.shown[:at]:
        seen[line.room] = max(line.id, seen.get(line.room, 0))
    before = min((line.id for line in one.shown[at:]), default=sys.maxsize)
    return [line for line in own if seen.get(line.room, 0) < line.id < before]


def _excused(
    one: Recording, spans: Sequence[Span], lost: Collection[str], breaks: Mapping[int, Sequence[ShownEntry]]
) -> Recording:
    """Return a recording without what was lost, and with what was missed. `lost` are the texts that are not kept."""
    shown = [
        line
        for at in range(len(one.shown) + 1)
        for line in (*breaks.get(at, ()), *one.shown[at : at + 1])
        if not _is_within(line.id, spans)
    ]
    told = [line for lines in breaks.values() for line in lines if line.kind == Kind.TOLD]
    twice = Counter(line.text for line in one.shown if line.room == MAILBOX_MARK and _is_within(line.id, spans))
    gone = {key for key, text in _messages(one).items() if text in lost}
    return replace(
        one,
        said={key: text for key, text in one.said.items() if key not in gone},
        told={key: message for key, message in one.told.items() if key not in gone},
        heard=[*(Counter(one.heard) - twice).elements(), *(it.text for it in told if it.author != one.name)],
        echoed=[*(Counter(one.echoed) - twice).elements(), *(it.text for it in told if it.author == one.name)],
        shown=shown,
        sent=[key for key in one.sent if key not in gone],
        failed=[key for key in one.failed if key not in gone],
        missed=one.missed - len(one.breaks),
    )


def describe_loss(loss: AnnouncedLoss, clients: int) -> Iterator[str]:
    """Format a loss, line by line."""
    times = "once" if loss.times == 1 else f"{loss.times} times"
    yield f"lost: {loss.entries} entries that clients had been shown, {loss.acknowledged} of them acknowledged; {times}"
    yield f"announced: {loss.told} of {clients} clients were told, and missed {loss.missed} entries until then"
    if loss.places:
        yield f"places: {loss.places} notices of coming and going, since sessions were lost with the entries"
