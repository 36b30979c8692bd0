"""The check of a chaos test: what clients sent and were shown, compared with the history. Pure."""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from trio_chat.chat.events import MAILBOX_MARK, Kind

QUOTED_CHARS_MAX = 40

OTHER_EPOCH = "another epoch"


class ShownEntry(NamedTuple):
    """An entry as a client shows it, with its id."""

    id: int
    room: str
    kind: str
    author: str
    text: str

    def __str__(self) -> str:
        return f"entry {self.id} in #{self.room}: {self.author} {self.kind} {_quote(self.text)}"


class AnnouncedGap(NamedTuple):
    """Entries of a room were announced as pruned: between the id `after` and the next one that was shown."""

    room: str
    after: int


@dataclass(slots=True)
class Recording:
    """Everything that one client sent and was shown, in order."""

    name: str
    place: str = ""
    """Suffix that tells the clients of one member apart."""
    said: dict[str, str] = field(default_factory=dict)
    """Texts of the lines that it said in rooms, by their keys."""
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Recipients and texts of the private messages that it sent, by their keys."""
    heard: list[str] = field(default_factory=list)
    """Texts of the private messages that it received."""
    echoed: list[str] = field(default_factory=list)
    """Texts of the private messages that it was shown as sent: by itself, or by another place of the same member."""
    shown: list[ShownEntry] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """Keys of the lines and messages that were acknowledged."""
    failed: list[str] = field(default_factory=list)
    """Keys of the lines and messages that were refused."""
    gaps: list[AnnouncedGap] = field(default_factory=list)
    """Gaps that were announced because entries were pruned."""
    other_gaps: list[str] = field(default_factory=list)
    """Gaps that were announced for any other reason: OTHER_EPOCH, or the room, the id before it and the reason."""
    waits: int = 0
    """Number of its private messages whose recipient was away."""
    epoch_changes: list[int] = field(default_factory=list)
    """For each change of epoch that it was told of, the number of entries that it had been shown by then."""
    reconnects: int = 0
    ended: str = ""
    """The reason why it gave up; empty if it did not."""

    @property
    def title(self) -> str:
        """The name that no other client has."""
        return f"{self.name}{self.place}"

    @property
    def is_settled(self) -> bool:
        """True if each line that it sent was acknowledged or failed."""
        return len(self.sent) + len(self.failed) >= len(self.said) + len(self.told)


def check_history(
    history: Sequence[ShownEntry],
    recordings: Sequence[Recording],
    *,
    pruned_ids: Collection[int] = (),
    movers: Sequence[Recording] = (),
    elsewhere: Collection[str] = (),
    mail: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[str]:
    """Return every broken promise, as a sentence.

    `history` begins with an entry before which all clients had joined, and ends with one after which nothing was said;
    what they were shown before and after is ignored. Every text is unique. All clients are in all rooms; each room has
    its own order. A client that was not shown an entry of `pruned_ids` must have been told of a gap.
    `movers` come and go: they are judged by what they said, and else by `check_visits`. Nobody else is in the rooms
    `elsewhere`. `mail` has, by name, the private messages kept for those members who were not always there, as
    they found them at the end.
    """
    recordings = (*recordings, *movers)
    pruned_texts = {line.text for line in history if line.id in pruned_ids}
    violations = list(_check_texts_and_order(history, recordings))
    for recording in recordings:
        if recording not in movers:
            violations += (
                f"{recording.title} {what}" for what in _check_all_shown(history, recording, pruned_ids, elsewhere)
            )
        violations += (f"{recording.title} {what}" for what in _check_said(history, recording))
        violations += (f"{recording.title} {what}" for what in _check_own_order(history, recording))
        violations += (f"{recording.title} {what}" for what in _check_told(recording, recordings, mail, pruned_texts))
    return [*violations, *_check_heard_once(recordings, mail)]


def _check_texts_and_order(history: Sequence[ShownEntry], recordings: Iterable[Recording]) -> Iterator[str]:
    said = {text for recording in recordings for text in recording.said.values()}
    for text, times in _texts(history).items():
        if text not in said:
            yield f"nobody said {_quote(text)}, but it is in the history"
        elif times > 1:
            yield f"{_quote(text)} was said once and is in the history {times} times"
    for before, after in pairwise(history):
        if before.id >= after.id:
            yield f"the history has entry {after.id} after {before.id}"


def _check_all_shown(
    history: Sequence[ShownEntry], recording: Recording, pruned_ids: Collection[int], elsewhere: Collection[str]
) -> Iterator[str]:
    first, last = (history[0].id, history[-1].id) if history else (1, 0)
    shown = [line for line in recording.shown if first <= line.id <= last]
    rooms = {line.room for line in (*history, *shown)} | {gap.room for gap in recording.gaps}
    rooms = {room for room in rooms.difference(elsewhere) if not room.startswith(MAILBOX_MARK)}
    for room in sorted(rooms):
        yield from check_shown(_of_room(history, room), _of_room(shown, room), _gaps_in(recording, room), pruned_ids)
    mine = {line.id for line in shown if line.room == MAILBOX_MARK}
    names = {line.room for line in history if line.id in mine}
    mailbox = [line._replace(room=MAILBOX_MARK) for line in history if line.room in names]
    yield from check_shown(mailbox, _of_room(shown, MAILBOX_MARK), _gaps_in(recording, MAILBOX_MARK), pruned_ids)


def _gaps_in(recording: Recording, room: str) -> list[AnnouncedGap]:
    return [gap for gap in recording.gaps if gap.room == room]


def check_shown(
    history: Sequence[ShownEntry],
    shown: Sequence[ShownEntry],
    gaps: Sequence[AnnouncedGap],
    pruned_ids: Collection[int],
) -> Iterator[str]:
    """Find entries of one room that a client was shown wrongly, twice, never or out of order, and unfounded gaps."""
    if shown == history and not gaps:
        return
    kept = {line.id: line for line in history}
    times = Counter(line.id for line in shown)
    missing = [line for line in history if line.id not in times]
    spans = [(gap.after, _next_id(shown, gap)) for gap in gaps]
    yield from (f"was shown entry {number} {count} times" for number, count in times.items() if count > 1)
    for line in missing:
        if line.id not in pruned_ids or not any(after < line.id < until for after, until in spans):
            yield f"was never shown {line}"
    for gap, (after, until) in zip(gaps, spans, strict=True):
        if not any(after < line.id < until and line.id in pruned_ids for line in missing):
            yield f"was told of a gap in #{gap.room} after entry {after}, where nothing is missing"
    yield from (f"was shown {line}, which is not in the history" for line in shown if kept.get(line.id) != line)
    yield from (
        f"was shown entry {after.id} after {before.id}" for before, after in pairwise(shown) if before.id > after.id
    )


def _next_id(shown: Sequence[ShownEntry], gap: AnnouncedGap) -> int:
    """Return the id of the first entry that was shown behind a gap."""
    return next((line.id for line in shown if line.id > gap.after), sys.maxsize)


def _check_said(history: Sequence[ShownEntry], recording: Recording) -> Iterator[str]:
    texts = _texts(history)
    sent, failed = Counter(recording.sent), Counter(recording.failed)
    for key, text in recording.said.items():
        answers = sent[key] + failed[key]
        if answers != 1:
            yield f"said {_quote(text)} and got {answers} answers"
        if sent[key] and text not in texts:
            yield f"was told that {_quote(text)} is kept, but it is not in the history"
        if failed[key] and text in texts:
            yield f"was told that {_quote(text)} failed, but it is in the history"
    for key in (sent | failed).keys() - recording.said.keys() - recording.told.keys():
        yield f"got an answer for {key!r}, which it never said"
    if recording.ended:
        yield f"gave up: {recording.ended}"
    yield from (f"had a gap announced: {gap}" for gap in recording.other_gaps)


def _check_own_order(history: Sequence[ShownEntry], recording: Recording) -> Iterator[str]:
    """Find lines of one client that are not in the order in which it said them, over all rooms."""
    numbers = {text: number for number, text in enumerate(recording.said.values())}
    texts = [text for text in _texts(history) if text in numbers]  # by their first occurrence
    yield from (
        f"said {_quote(after)} before {_quote(before)}, but the history has it behind that"
        for before, after in pairwise(texts)
        if numbers[before] > numbers[after]
    )


def _check_told(
    recording: Recording,
    recordings: Iterable[Recording],
    mail: Mapping[str, Sequence[str]],
    pruned_texts: Collection[str],
) -> Iterator[str]:
    """Find private messages that did not come once to each place of their recipient, or are not in its mail once."""
    heard = [(one.name, one.title, Counter(one.heard)) for one in recordings if one.name not in mail]
    echoed = [(one.name, one.title, Counter(one.echoed)) for one in recordings if one.name not in mail]
    heard += [(name, name, Counter(texts)) for name, texts in mail.items()]
    sent, failed = Counter(recording.sent), Counter(recording.failed)
    for key, (to, text) in recording.told.items():
        for title, times in [(title, texts[text]) for name, title, texts in heard if name == to]:
            if sent[key] and times != 1 and not (times == 0 and text in pruned_texts):
                yield f"was told that {_quote(text)} is kept for {title}, who received it {times} times"
            if failed[key] and times:
                yield f"was told that {_quote(text)} for {title} failed, but it was received"
        for title, times in [(title, texts[text]) for name, title, texts in echoed if name == recording.name]:
            if sent[key] and times != 1 and not (times == 0 and text in pruned_texts):
                yield f"sent {_quote(text)} to {to}, which was shown to {title} {times} times"
        if (answers := sent[key] + failed[key]) != 1:
            yield f"sent {_quote(text)} to {to} and got {answers} answers"


def _check_heard_once(recordings: Iterable[Recording], mail: Collection[str]) -> Iterator[str]:
    """Find messages that came more than once to a place of a member that was not always there, over all its stays."""
    heard = Counter((one.title, text) for one in recordings if one.name in mail for text in one.heard)
    yield from (f"{title} received {_quote(text)} {times} times" for (title, text), times in heard.items() if times > 1)


def _of_room(lines: Iterable[ShownEntry], room: str) -> list[ShownEntry]:
    return [line for line in lines if line.room == room]


def _quote(text: str) -> str:
    return repr(text if len(text) <= QUOTED_CHARS_MAX else f"{text[:QUOTED_CHARS_MAX]}…")


def _texts(history: Iterable[ShownEntry]) -> Counter[str]:
    return Counter(line.text for line in history if line.kind == Kind.SAID)
