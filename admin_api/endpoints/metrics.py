"""Metrics over HTTP, for Prometheus: what others have counted, written down when it is asked for.

To show another number, count it in `chat/counters.py` with a plain integer and add its line to `_counters` here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import cast

import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from quart import Response
from quart_trio import QuartTrio

from admin_api.endpoints.clients import CLIENTS_PER_TURN
from admin_api.http.openapi import Operation, describes
from admin_api.state import AdminState
from trio_chat import __version__
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.log import Mode


def add_metrics(app: QuartTrio, premises: AdminState) -> None:
    """Give `app` the endpoint about metrics."""

    @app.get("/metrics")
    @describes(Operation({200: None}))
    async def show_metrics() -> Response:
        """Show what Prometheus collects: clients, lines, deliveries, commit times, delays and refusals."""
        snapshot = Snapshot(premises, await _look_at_clients(premises))
        made = Response(generate_latest(cast(CollectorRegistry, snapshot)), content_type=CONTENT_TYPE_PLAIN_0_0_4)
        made.headers["Cache-Control"] = "no-store"
        return made


@dataclass(slots=True)
class Census:
    """How the clients were when they were last looked at."""

    by_mode: Counter[Mode] = field(default_factory=lambda: Counter(dict.fromkeys(Mode, 0)))
    behind: int = 0


async def _look_at_clients(premises: AdminState) -> Census:
    """Look at every client; others have their turn of the loop meanwhile."""
    census = Census()
    for number, client in enumerate(tuple(premises.operator.chat.clients), 1):
        census.by_mode[client.mode] += 1
        census.behind += client.behind[0] > 0
        if number % CLIENTS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    return census


class Snapshot:
    """What `generate_latest` asks of a registry. There is no registry, and so nothing that lives between requests."""

    def __init__(self, premises: AdminState, census: Census) -> None:
        self._premises = premises
        self._census = census

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        yield from self._gauges()
        yield from self._counters()
        yield _histogram(
            "trio_chat_commit_seconds", "Time to make a group of lines durable.", self._premises.journal.commits
        )
        yield _histogram("trio_chat_loop_delay_seconds", "How late the event loop was.", self._premises.delays)

    def _gauges(self) -> Iterator[Metric]:
        chat, journal = self._premises.operator.chat, self._premises.journal
        yield _labelled(
            GaugeMetricFamily("trio_chat_build_info", "Always 1.", labels=["version"]), {__version__: 1}.items()
        )
        yield _labelled(
            GaugeMetricFamily("trio_chat_clients", "Clients that are connected.", labels=["mode"]),
            self._census.by_mode.items(),
        )
        yield GaugeMetricFamily("trio_chat_clients_behind", "Clients that have not been sent all.", self._census.behind)
        yield GaugeMetricFamily("trio_chat_rooms", "Rooms that are known.", len(chat.rooms))
        yield GaugeMetricFamily("trio_chat_journal_fault", "1 while nothing can be kept.", journal.fault is not None)
        yield GaugeMetricFamily(
            "trio_chat_journal_damage", "1 once kept entries turned out to be damaged.", journal.damage is not None
        )

    def _counters(self) -> Iterator[Metric]:
        chat = self._premises.operator.chat
        tally = chat.counters
        sent = tally.bytes_out + sum(client.outlet.bytes_out for client in chat.clients)
        yield _labelled(
            CounterMetricFamily("trio_chat_connects", "Connections that became a client.", labels=["mode"]),
            (dict.fromkeys(Mode, 0) | tally.connects).items(),
        )
        yield _labelled(
            CounterMetricFamily("trio_chat_disconnects", "Connections of clients that ended.", labels=["reason"]),
            (dict.fromkeys(DisconnectReason, 0) | tally.ends).items(),
        )
        yield _labelled(
            CounterMetricFamily("trio_chat_refused", "Connections that were not let in.", labels=["reason"]),
            self._premises.refused.items(),
        )
        yield _labelled(
            CounterMetricFamily("trio_chat_entries", "Entries that became durable.", labels=["kind"]),
            tally.entries.items(),
        )
        yield CounterMetricFamily("trio_chat_lines", "Lines and frames that clients sent.", tally.lines_in)
        yield CounterMetricFamily("trio_chat_deliveries", "Entries times members they were for.", tally.deliveries)
        yield CounterMetricFamily("trio_chat_sent_bytes", "Bytes sent to clients.", sent)


def _labelled(family: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[str, int]]) -> Metric:
    for label, value in values:
        family.add_metric([label], value)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    bounds = [*map(str, histogram.bounds_s), "+Inf"]
    return HistogramMetricFamily(
        name, text, buckets=list(zip(bounds, accumulate(histogram.counts), strict=True)), sum_value=histogram.total_s
    )
