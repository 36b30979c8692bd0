"""The verdict on an ordeal: what clients said, saw and were told, held against the history. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple


class Line(NamedTuple):
    """An entry as it is shown, with its id."""

    id: int
    kind: str
    author: str
    text: str


@dataclass(slots=True)
class Transcript:
    """One client's side of it, in its order. What it said goes by the key, with its text.

    `missed` counts how often it was told that something is missing.
    """

    name: str
    said: dict[str, str] = field(default_factory=dict)
    shown: list[Line] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missed: int = 0
    reconnects: int = 0


def judge(history: Sequence[Line], transcripts: Sequence[Transcript]) -> list[str]:
    """Return every broken promise, as a sentence; none is what is hoped for.

    `history` is what all clients were there for: from an entry before which all had come, to one after which nothing
    more was said. What they were shown before and after that counts for nothing. Every text is said only once.
    """
    findings = list(_judge_history(history, transcripts))
    for transcript in transcripts:
        findings += (f"{transcript.name} {what}" for what in _judge_shown(history, transcript))
        findings += (f"{transcript.name} {what}" for what in _judge_said(history, transcript))
    return findings


def _judge_history(history: Sequence[Line], transcripts: Iterable[Transcript]) -> Iterator[str]:
    said = {text for transcript in transcripts for text in transcript.said.values()}
    for text, times in _texts(history).items():
        if text not in said:
            yield f"nobody said {text!r}, but it is in the history"
        elif times > 1:
            yield f"{text!r} was said once and is in the history {times} times"
    for before, after in pairwise(history):
        if before.id >= after.id:
            yield f"the history has entry {after.id} after {before.id}"


def _judge_shown(history: Sequence[Line], transcript: Transcript) -> Iterator[str]:
    first, last = (history[0].id, history[-1].id) if history else (1, 0)
    shown = [line for line in transcript.shown if first <= line.id <= last]
    if shown == list(history):
        return
    kept = {line.id: line for line in history}
    times = Counter(line.id for line in shown)
    yield from (f"was shown entry {number} {count} times" for number, count in times.items() if count > 1)
    yield from (f"was never shown {tuple(line)}" for line in history if line.id not in times)
    yield from (f"was shown {tuple(line)}, which is not in the history" for line in shown if kept.get(line.id) != line)
    yield from (
        f"was shown entry {after.id} after {before.id}" for before, after in pairwise(shown) if before.id > after.id
    )


def _judge_said(history: Sequence[Line], transcript: Transcript) -> Iterator[str]:
    texts = _texts(history)
    sent, failed = Counter(transcript.sent), Counter(transcript.failed)
    for key, text in transcript.said.items():
        answers = sent[key] + failed[key]
        if answers != 1:
            yield f"said {text!r} and was told {answers} times what became of it"
        if sent[key] and text not in texts:
            yield f"was told that {text!r} is kept, but it is not in the history"
        if failed[key] and text in texts:
            yield f"was told that {text!r} failed, but it is in the history"
    for key in (sent | failed).keys() - transcript.said:
        yield f"was told what became of {key!r}, which it never said"
    if transcript.missed:
        yield f"was told {transcript.missed} times that something is missing"


def _texts(history: Iterable[Line]) -> Counter[str]:
    return Counter(line.text for line in history if line.kind == "said")
