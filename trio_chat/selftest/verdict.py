"""The verdict on an ordeal: what clients said, saw and were told, held against the history. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from trio_chat.chat.events import Kind

SHOWN_MAX = 40


class Line(NamedTuple):
    """An entry as it is shown, with its id."""

    id: int
    room: str
    kind: str
    author: str
    text: str

    def __str__(self) -> str:
        return f"entry {self.id} in #{self.room}: {self.author} {self.kind} {_short(self.text)}"


@dataclass(slots=True)
class Recording:
    """One client's side of it, in its order. What it said goes by the key, with its text.

    `missed` counts how often it was told that something is missing; `ended` says why it gave up, where it did.
    """

    name: str
    said: dict[str, str] = field(default_factory=dict)
    shown: list[Line] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missed: int = 0
    reconnects: int = 0
    ended: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether it was told of everything that it said what became of it."""
        return len(self.sent) + len(self.failed) >= len(self.said)


def judge(history: Sequence[Line], transcripts: Sequence[Recording]) -> list[str]:
    """Return every broken promise, as a sentence; none is what is hoped for.

    `history` is what all clients were there for: from an entry before which all had come, to one after which nothing
    more was said. What they were shown before and after that counts for nothing. Every text is said only once. All were
    in all the rooms; each room has an order of its own.
    """
    findings = list(_judge_history(history, transcripts))
    for transcript in transcripts:
        findings += (f"{transcript.name} {what}" for what in _judge_all_shown(history, transcript))
        findings += (f"{transcript.name} {what}" for what in _judge_said(history, transcript))
    return findings


def _judge_history(history: Sequence[Line], transcripts: Iterable[Recording]) -> Iterator[str]:
    said = {text for transcript in transcripts for text in transcript.said.values()}
    for text, times in _texts(history).items():
        if text not in said:
            yield f"nobody said {_short(text)}, but it is in the history"
        elif times > 1:
            yield f"{_short(text)} was said once and is in the history {times} times"
    for before, after in pairwise(history):
        if before.id >= after.id:
            yield f"the history has entry {after.id} after {before.id}"


def _judge_all_shown(history: Sequence[Line], transcript: Recording) -> Iterator[str]:
    first, last = (history[0].id, history[-1].id) if history else (1, 0)
    shown = [line for line in transcript.shown if first <= line.id <= last]
    for room in sorted({line.room for line in (*history, *shown)}):
        yield from _judge_shown(_of_room(history, room), _of_room(shown, room))


def _judge_shown(history: Sequence[Line], shown: Sequence[Line]) -> Iterator[str]:
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


def _judge_said(history: Sequence[Line], transcript: Recording) -> Iterator[str]:
    texts = _texts(history)
    sent, failed = Counter(transcript.sent), Counter(transcript.failed)
    for key, text in transcript.said.items():
        answers = sent[key] + failed[key]
        if answers != 1:
            yield f"said {_short(text)} and was told {answers} times what became of it"
        if sent[key] and text not in texts:
            yield f"was told that {_short(text)} is kept, but it is not in the history"
        if failed[key] and text in texts:
            yield f"was told that {_short(text)} failed, but it is in the history"
    for key in (sent | failed).keys() - transcript.said:
        yield f"was told what became of {key!r}, which it never said"
    if transcript.ended:
        yield f"gave up: {transcript.ended}"
    if transcript.missed:
        yield f"was told {transcript.missed} times that something is missing"


def _of_room(lines: Iterable[Line], room: str) -> list[Line]:
    return [line for line in lines if line.room == room]


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…")


def _texts(history: Iterable[Line]) -> Counter[str]:
    return Counter(line.text for line in history if line.kind == Kind.SAID)
