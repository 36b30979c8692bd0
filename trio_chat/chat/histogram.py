"""Histograms of durations, for metrics."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts of durations by upper bounds in seconds. Whoever measures calls `observe`; nothing is computed until read.

    It may be observed in one thread and read in another: what is read then may be one observation apart.
    """

    __slots__ = ("bounds_s", "counts", "total_s")

    def __init__(self, bounds_s: Sequence[float]) -> None:
        """`bounds_s` are the upper bounds, ascending; what took longer than the last is counted too."""
        self.bounds_s = tuple(bounds_s)
        self.counts = [0] * (len(self.bounds_s) + 1)
        self.total_s = 0.0

    def observe(self, took_s: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds_s, took_s)] += 1
        self.total_s += took_s
