"""The times of a journal in Redis, in one table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RedisTimes:
    """The times of a journal in Redis, in seconds."""

    connect_s: float = 3.0
    answer_s: float = 3.0
    """The longest time for an answer, but for what waits inside Redis on purpose."""
    patience_s: float = 4.0
    """A batch waits this long for Redis to come back when it was well before: a restart takes about one second."""
    retry_s: float = 0.25
    """Between two attempts to reach Redis."""
    block_s: float = 5.0
    """Redis answers whoever follows the log after this long though there is nothing new."""
    lease_s: float = 10.0
    """A node that has not renewed its lease for this long may be followed by another."""
    renew_s: float = 3.0
    """Between two renewals of the lease."""
    close_max_s: float = 3.0
    """Closing takes no longer."""
    close_min_s: float = 0.2
    """Closing may take this long in any case."""

    def __post_init__(self) -> None:
        assert self.renew_s + self.answer_s < self.lease_s, "a lease is renewed before it ends, even if slowly"


TIMES = RedisTimes()
