"""Watching a server for changes of its health and for refused connections, which become events. Needs no Quart."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import trio

from admin_api.event_log import EventLog
from trio_chat.journal import Journal

HEALTH_INTERVAL_S = 1.0
REFUSED_INTERVAL_S = 10.0

Health = Literal["ok", "degraded", "read-only"]


def health_of(journal: Journal) -> Health:
    """Return the health in one word."""
    return "read-only" if journal.fault else "degraded" if journal.damage else "ok"


def reasons_of(journal: Journal, certificate_warnings: Iterable[str]) -> Iterator[str]:
    """Yield everything that an operator should look at, in sentences or clauses."""
    for reason in (journal.fault, journal.damage, *certificate_warnings):
        if reason:
            yield reason


async def watch_health(log: EventLog, journal: Journal, certificate_warnings: Callable[[], Iterable[str]]) -> None:
    """Append an event whenever the health changes, until cancelled."""
    last: tuple[str, list[str]] = ("ok", [])
    while True:
        health, reasons = health_of(journal), list(reasons_of(journal, certificate_warnings()))
        if (health, reasons) != last:
            last = health, reasons
            log.append_health(health, reasons)
        await trio.sleep(HEALTH_INTERVAL_S)


async def watch_refused(log: EventLog, refused: Mapping[str, int]) -> None:
    """Append an event for the connections refused in each REFUSED_INTERVAL_S, if there were any, until cancelled."""
    last = Counter(refused)
    while True:
        await trio.sleep(REFUSED_INTERVAL_S)
        news, last = Counter(refused) - last, Counter(refused)
        if news:
            log.append_limits(news, REFUSED_INTERVAL_S)
