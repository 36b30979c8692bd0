"""What came of a fault, and the table of all."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.table import format_columns

_HEADINGS = ("fault", "what was done", "expected", "seen", "verdict")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise that was tried."""

    fault: str
    done: str
    expected: str
    seen: str
    is_met: bool


def format_verdicts(verdicts: Iterable[Verdict]) -> str:
    """Lay verdicts out in columns."""
    rows = [(v.fault, v.done, v.expected, v.seen, "stood" if v.is_met else "FAILED") for v in verdicts]
    return format_columns(_HEADINGS, rows)
