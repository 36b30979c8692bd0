"""Rate limits on attempts, by name and by address: a few at once, then one in a while. Pure: it is told the time."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from trio_chat.chat.errors import ChatError

REMEMBERED_MAX = 10_000
"""Names and addresses whose attempts are remembered; of more, those that tried longest ago are forgotten."""

SLOW_DOWN = "too many attempts: try again in a while"


class Attempts:
    """Attempts by key. `burst` are free at once, each of the others `every_s` seconds after the one before."""

    def __init__(self, *, burst: int, every_s: float, wait_max_s: float) -> None:
        """An attempt that would have to wait longer than `wait_max_s` is refused."""
        self._free_s = (burst - 1) * every_s
        self._every_s = every_s
        self._wait_max_s = wait_max_s
        self._paid_at: OrderedDict[Hashable, float] = OrderedDict()
        """The time at which all attempts of a key are paid off."""

    def begin(self, keys: Iterable[Hashable], now: float) -> float:
        """Charge an attempt to each of these keys. -> seconds to wait before it

        Raises ChatError ("slow-down") where that is too long; then nothing is charged.
        """
        paid_at = {key: max(now, self._paid_at.get(key, 0.0)) for key in keys}
        wait_s = max((at - self._free_s - now for at in paid_at.values()), default=0.0)
        if wait_s > self._wait_max_s:
            raise ChatError("slow-down", SLOW_DOWN)
        for key, at in paid_at.items():
            self._paid_at[key] = at + self._every_s
            self._paid_at.move_to_end(key)
        while len(self._paid_at) > REMEMBERED_MAX:
            self._paid_at.popitem(last=False)
        return max(0.0, wait_s)

    def give_back(self, keys: Iterable[Hashable]) -> None:
        """Give back what an attempt was charged: it was a good one."""
        for key in keys:
            if key in self._paid_at:
                self._paid_at[key] -= self._every_s
