"""The state of a running server that operators see and change. Needs no Quart, which is imported later."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from weakref import WeakSet

import trio

from admin_api.confirmations import Confirmations
from admin_api.event_log import EventLog
from admin_api.hook_throttle import HookThrottle
from admin_api.resources import Resources
from admin_api.series import Series
from trio_chat.chat.accounts.accounts import Accounts
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.operators.operator import Operator
from trio_chat.config import Setting
from trio_chat.journal import Journal

BULK_READS_MAX = 2
"""Of the few reads at a time that a journal allows: the others are left to the chat, whatever operators ask for."""

STATUSES = (200, 201, 204, 303, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503)
"""The statuses of answers of the admin app."""


@dataclass(frozen=True, slots=True)
class AdminState:
    """A running server, as every endpoint gets it."""

    operator: Operator
    accounts: Accounts
    journal: Journal
    events: EventLog
    series: Series
    settings: Callable[[], Iterable[tuple[Setting, str, str]]] = tuple
    """Yields each setting with its value, as people read it, and where that was found."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Refused connections, counted by reason."""
    loop_delay: Histogram = field(default_factory=lambda: Histogram(()))
    delivery_delay: Histogram = field(default_factory=lambda: Histogram(()))
    """Times from the commit of entries to their last send."""
    resources: Resources = field(default_factory=Resources)
    stall_timeout_s: Callable[[], float] = lambda: 30.0
    """Returns the time after which a client that takes nothing is disconnected."""
    certificate_expires_at: Callable[[], float | None] = lambda: None
    """Returns the end of the validity of the TLS certificate in use, in seconds since 1970."""
    requests: Counter[int] = field(default_factory=lambda: Counter(dict.fromkeys(STATUSES, 0)))
    """Requests to the admin API, by the status of the answer."""
    bulk_reads: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(BULK_READS_MAX))
    """Reads of many entries: pages, exports and live entries wait for it."""
    exports: WeakSet[object] = field(default_factory=WeakSet)
    """The answers that export something: those that are being sent, or will be."""
    confirmations: Confirmations = field(default_factory=Confirmations)
    certificate_warnings: Callable[[], Iterable[str]] = tuple
    """Returns a sentence about each TLS certificate that has expired or soon will."""
    certificate_digest: Callable[[], str] = str
    """Returns the SHA-256 of the TLS certificate in use, in hex, or ""."""
    chat_port: Callable[[], int] = int
    """Returns the port of the chat."""
    hook_rate: Callable[[], tuple[float, float]] = lambda: (0.0, 1.0)
    """Returns the lines a second, and at once, that a hook may say; 0 a second is no limit."""
    hook_throttle: HookThrottle = field(default_factory=HookThrottle)
    is_stopping: Callable[[], bool] = bool
    is_full: Callable[[], bool] = bool
    """True while no more connections to the chat are admitted."""
    started_at: float = field(default_factory=time.monotonic)
    """By the steady clock."""
    keep_timeout_s: float = 3.0
    """The longest that an answer waits until the journal has stored a change, which applies in any case."""

    @property
    def uptime_s(self) -> int:
        """Whole seconds since the server was started."""
        return int(time.monotonic() - self.started_at)

    async def is_kept(self) -> bool:
        """Wait until the journal has stored the changes so far. -> False where that takes too long"""
        return await self.operator.records.settled(self.keep_timeout_s)
