"""The table of results beside their targets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_HEADINGS = ("what", "target", "measured", "ratio", "met")
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """A result and its target. `ratio` is the result divided by its reference; `is_met` is None without a target."""

    what: str
    target: str = _NOTHING
    measured: str = _NOTHING
    ratio: str = _NOTHING
    is_met: bool | None = None


def format_table(rows: Iterable[Row]) -> str:
    """Lay rows out in columns."""
    return format_columns(_HEADINGS, [(row.what, row.target, row.measured, row.ratio, _verdict(row)) for row in rows])


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
