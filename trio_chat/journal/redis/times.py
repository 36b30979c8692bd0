"""The times of a journal in Redis, in one table."""

from dataclasses import dataclass

GONE_S = 15.0
"""A node that is gone is noticed within this time."""


@dataclass(frozen=True, slots=True)
class RedisTimes:
    """The times of a journal in Redis, in seconds."""

    connect_s: float = 3.0
    answer_s: float = 3.0
    """The longest time for an answer, but for what waits inside Redis on purpose."""
    replicas_s: float = 1.0
    """The longest time for replicas to have what was written."""
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
    look_s: float = 1.0
    """Between two looks at whether the sentinels have chosen another primary."""
    watch_s: float = 1.5
    """Between two looks for nodes whose lease has ended."""
    tell_s: float = 0.1
    """Between two reports of the clients of a node to the others."""
    close_max_s: float = 3.0
    """Closing takes no longer."""
    close_min_s: float = 0.2
    """Closing may take this long in any case."""

    @classmethod
    def with_lease(cls, lease_s: float) -> "RedisTimes":
        """Return the times where a node that is gone is noticed after `lease_s`, in seconds, and little more."""
        share = 0.3 * lease_s
        return cls(
            answer_s=min(3.0, share),
            replicas_s=min(1.0, share / 2),
            lease_s=lease_s,
            renew_s=share,
            watch_s=0.15 * lease_s,
        )

    def __post_init__(self) -> None:
        assert self.renew_s + self.answer_s + self.replicas_s < self.lease_s, (
            "a lease is renewed before it ends, even if slowly"
        )


TIMES = RedisTimes()

assert TIMES.lease_s + 2 * TIMES.watch_s < GONE_S
