"""What came of a fault, and the table of all."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.table import format_columns

_HEADINGS = ("fault", "what was done", "expected", "seen", "verdict")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise that was tried. `is_met` is None where this machine does not let us try: `seen` says why not."""

    fault: str
    done: str
    expected: str
    seen: str
    is_met: bool | None

    @property
    def word(self) -> str:
        """The verdict itself."""
        if self.is_met is None:
            return "not tried"
        return "stood" if self.is_met else "FAILED"


def format_verdicts(verdicts: Iterable[Verdict]) -> str:
    """Lay verdicts out in columns."""
    return format_columns(_HEADINGS, [(v.fault, v.done, v.expected, v.seen, v.word) for v in verdicts])
