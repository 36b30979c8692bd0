"""Slices of background work on the writing thread: their size, and the pauses between them."""

SLICE_S = 0.002
"""The CPU time that a slice may take; one in a hundred takes twice as much."""

PAUSE_RATIO = 20
"""The pause after a slice is this many times its duration, so that entries are not delayed."""


class SliceSize:
    """The size of slices, adapted to the CPU time that they take."""

    def __init__(self, initial: int, *, least: int, most: int) -> None:
        self.value = initial
        self._least, self._most = least, most

    def adapt(self, took_s: float) -> None:
        """Adapt the size to the CPU time of the last slice."""
        if took_s > SLICE_S:
            self.value = max(self._least, self.value // 2)
        elif took_s < SLICE_S / 2:
            self.value = min(self._most, self.value * 2)
