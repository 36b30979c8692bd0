"""Rows of results with their spread, and of ratios beside their targets."""

from collections.abc import Mapping, Sequence
from statistics import median

from bench.phases import Result
from bench.setup import LIMIT, OURS
from bench.table import Row


def ratio_of(values: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """Return the median of the ratios of all turns; NaN if one of the two was not measured."""
    if one not in values or other not in values:
        return float("nan")
    return median(ratios_of(values, one, other))


def ratios_of(values: Mapping[str, Sequence[float]], one: str, other: str) -> Sequence[float]:
    """Return the ratio of each turn."""
    return [a / b if b else float("nan") for a, b in zip(values[one], values[other], strict=True)]


def at_least(what: str, target: float, of: str, measured: str, ratio: float) -> Row:
    """Make the row of a ratio that should not be less than `target`."""
    return Row(what, f"at least {target} {of}", measured, *verdict(ratio, ratio >= target))


def at_most(what: str, target: float, of: str, measured: str, ratio: float) -> Row:
    """Make the row of a ratio that should not be more than `target`."""
    return Row(what, f"at most {target} {of}", measured, *verdict(ratio, ratio <= target))


def verdict(ratio: float, is_met: bool) -> tuple[str, bool | None]:
    """Return a ratio as it is shown, and whether it is as it should be; None where it was not measured."""
    return ("no C compiler", None) if ratio != ratio else (f"{ratio:.2f}", is_met)


def rates_in(results: Mapping[str, Sequence[Result]]) -> str:
    """Return the deliveries a second of each server."""
    return ", ".join(
        f"{name} {spread([r.deliveries_per_s / 1e6 for r in found], 2)} M{missing_in(found)}"
        for name, found in results.items()
    )


def times_in(percentiles: Mapping[str, Sequence[float]], results: Mapping[str, Sequence[Result]]) -> str:
    """Return a percentile of each server, in milliseconds."""
    return ", ".join(f"{name} {spread(ms, 1)} ms{missing_in(results[name])}" for name, ms in percentiles.items())


def spread(found: Sequence[float], digits: int) -> str:
    """Return the median, and the least and the greatest where there are several."""
    middle, least, most = (f"{value:.{digits}f}" for value in (median(found), min(found), max(found)))
    return middle if len(found) == 1 else f"{middle} ({least}-{most})"


def missing_in(results: Sequence[Result]) -> str:
    """Return how many lines were missing; empty for none."""
    missing = sum(result.missing_lines for result in results)
    return f" ({missing} LINES MISSING)" if missing else ""


def cpu_row(what: str, results: Mapping[str, Sequence[Result]], target: float | None = None) -> Row:
    """Compare CPU per delivery: it holds on a machine that has other things to do, where times do not."""
    cpu_us = {name: [r.cpu_us for r in found] for name, found in results.items()}
    measured = ", ".join(f"{name} {spread(found, 2)} us" for name, found in cpu_us.items())
    ratio = ratio_of(cpu_us, OURS, LIMIT)
    if target is None:
        return Row(what, measured=measured, ratio=verdict(ratio, True)[0])
    return at_most(what, target, "times the limit's", measured, ratio)
