"""The check of a chaos test: what clients sent and were shown, compared with the history. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from trio_chat.chat.events import Kind

QUOTED_CHARS_MAX = 40


class ShownEntry(NamedTuple):
    """An entry as a client shows it, with its id."""

    id: int
    room: str
    kind: str
    author: str
    text: str

    def __str__(self) -> str:
        return f"entry {self.id} in #{self.room}: {self.author} {self.kind} {_quote(self.text)}"


@dataclass(slots=True)
class Recording:
    """The lines that one client sent and was shown, in order. `said` has the texts by their keys.

    `told` has the recipients and texts of its private messages by their keys, and `heard` those that it received.
    `missed` counts the gaps that were announced to it; `ended` is the reason why it gave up, if it did.
    """

    name: str
    said: dict[str, str] = field(default_factory=dict)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    shown: list[ShownEntry] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missed: int = 0
    reconnects: int = 0
    ended: str = ""

    @property
    def is_settled(self) -> bool:
        """True if each line that it sent was acknowledged or failed."""
        return len(self.sent) + len(self.failed) >= len(self.said) + len(self.told)


def check_history(history: Sequence[ShownEntry], recordings: Sequence[Recording]) -> list[str]:
    """Return every broken promise, as a sentence.

    `history` begins with an entry before which all clients had joined, and ends with one after which nothing was said;
    what they were shown before and after is ignored. Every text is unique. All clients are in all rooms; each room has
    its own order.
    """
    violations = list(_check_texts_and_order(history, recordings))
    for recording in recordings:
        violations += (f"{recording.name} {what}" for what in _check_all_shown(history, recording))
        violations += (f"{recording.name} {what}" for what in _check_said(history, recording))
        violations += (f"{recording.name} {what}" for what in _check_own_order(history, recording))
        violations += (f"{recording.name} {what}" for what in _check_told(recording, recordings))
    return violations


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


def _check_all_shown(history: Sequence[ShownEntry], recording: Recording) -> Iterator[str]:
    first, last = (history[0].id, history[-1].id) if history else (1, 0)
    shown = [line for line in recording.shown if first <= line.id <= last]
    for room in sorted({line.room for line in (*history, *shown)}):
        yield from _check_shown(_of_room(history, room), _of_room(shown, room))


def _check_shown(history: Sequence[ShownEntry], shown: Sequence[ShownEntry]) -> Iterator[str]:
    if shown == history:
        return
    kept = {line.id: line for line in history}
    times = Counter(line.id for line in shown)
    yield from (f"was shown entry {number} {count} times" for number, count in times.items() if count > 1)
    yield from (f"was never shown {line}" for line in history if line.id not in times)
    yield from (f"was shown {line}, which is not in the history" for line in shown if kept.get(line.id) != line)
    yield from (
        f"was shown entry {after.id} after {before.id}" for before, after in pairwise(shown) if before.id > after.id
    )


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
    if recording.missed:
        yield f"had {recording.missed} gaps announced"


def _check_own_order(history: Sequence[ShownEntry], recording: Recording) -> Iterator[str]:
    """Find lines of one client that are not in the order in which it said them, over all rooms."""
    numbers = {text: number for number, text in enumerate(recording.said.values())}
    texts = [text for text in _texts(history) if text in numbers]  # by their first occurrence
    yield from (
        f"said {_quote(after)} before {_quote(before)}, but the history has it behind that"
        for before, after in pairwise(texts)
        if numbers[before] > numbers[after]
    )


def _check_told(recording: Recording, recordings: Iterable[Recording]) -> Iterator[str]:
    heard = {one.name: Counter(one.heard) for one in recordings}
    sent, failed = Counter(recording.sent), Counter(recording.failed)
    for key, (name, text) in recording.told.items():
        times = heard[name][text]
        if sent[key] and times != 1:
            yield f"was told that {_quote(text)} is kept for {name}, who received it {times} times"
        if failed[key] and times:
            yield f"was told that {_quote(text)} for {name} failed, but it was received"
        if (answers := sent[key] + failed[key]) != 1:
            yield f"sent {_quote(text)} to {name} and got {answers} answers"


def _of_room(lines: Iterable[ShownEntry], room: str) -> list[ShownEntry]:
    return [line for line in lines if line.room == room]


def _quote(text: str) -> str:
    return repr(text if len(text) <= QUOTED_CHARS_MAX else f"{text[:QUOTED_CHARS_MAX]}…")


def _texts(history: Iterable[ShownEntry]) -> Counter[str]:
    return Counter(line.text for line in history if line.kind == Kind.SAID)
