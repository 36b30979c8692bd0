"""The lag: how long the server takes to keep a message. Pure."""

KEPT_SHOWN_S = 5.0
"""Time for which the lag of the last message is shown after that is kept."""


class Lag:
    """The lag of the messages that were sent. Times are in seconds, of a clock that only runs on."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._last_s = 0.0
        self._measured_at = 0.0

    def begin(self, key: str, now: float) -> None:
        """Note that a message was sent."""
        self._since[key] = now

    def begin_again(self, now: float) -> None:
        """Note that all messages that wait are sent again, on another connection."""
        self._since = dict.fromkeys(self._since, now)

    def end(self, key: str, now: float, *, is_kept: bool = True) -> None:
        """Note that a message is kept, or else that nobody waits for that any more."""
        began = self._since.pop(key, None)
        if is_kept and began is not None:
            self._last_s, self._measured_at = now - began, now

    def at(self, now: float) -> float:
        """Return the lag in seconds: of a message that waits, or else of the last one, for KEPT_SHOWN_S."""
        waits = now - min(self._since.values(), default=now)
        return max(waits, self._last_s if now - self._measured_at < KEPT_SHOWN_S else 0.0)
