"""The verdict on a fault, and the table of verdicts."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.table import format_columns

_HEADINGS = ("fault", "done", "expected", "seen", "verdict")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one test. `is_met` is None if this machine cannot run it; `seen` says why."""

    fault: str
    done: str
    expected: str
    seen: str
    is_met: bool | None

    @property
    def word(self) -> str:
        """The verdict in a word."""
        if self.is_met is None:
            return "not run"
        return "passed" if self.is_met else "FAILED"


def format_verdicts(verdicts: Iterable[Verdict]) -> str:
    """Lay verdicts out in columns."""
    return format_columns(_HEADINGS, [(v.fault, v.done, v.expected, v.seen, v.word) for v in verdicts])
