"""The table that a run prints: aims beside what was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_HEADINGS = ("what", "aim", "measured", "ratio", "met")
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One aim. `ratio` is what was measured divided by what it is compared with; `is_met` is None without an aim."""

    what: str
    aim: str = _NOTHING
    measured: str = _NOTHING
    ratio: str = _NOTHING
    is_met: bool | None = None


def format_table(rows: Iterable[Row]) -> str:
    """Lay rows out in columns."""
    return format_columns(_HEADINGS, [(row.what, row.aim, row.measured, row.ratio, _verdict(row)) for row in rows])


def format_columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay cells out in columns below their headings."""
    cells = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _verdict(row: Row) -> str:
    if row.is_met is None:
        return _NOTHING
    return "yes" if row.is_met else "NO"
