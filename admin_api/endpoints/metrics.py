"""Metrics over HTTP, for Prometheus, made from counters at each request.

To add a metric, count it in `chat/counters.py` with a plain integer and add its line to `_counters` here.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import cast

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from quart import Response

from admin_api.client_counts import ClientCounts, count_clients
from admin_api.http.endpoint import Operation, endpoint
from admin_api.state import AdminState
from trio_chat import __version__
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.events import Kind
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.log import Mode


@endpoint("GET /metrics", Operation({200: None}))
async def show_metrics(state: AdminState) -> Response:
    """Show metrics for Prometheus: clients, lines, deliveries, commit times, delays and refusals."""
    collector = MetricsCollector(state, await count_clients(state.operator.chat))
    made = Response(generate_latest(cast(CollectorRegistry, collector)), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    made.headers["Cache-Control"] = "no-store"
    return made


class MetricsCollector:
    """The part of a prometheus_client registry that `generate_latest` uses. Nothing lives between requests."""

    def __init__(self, state: AdminState, counts: ClientCounts) -> None:
        self._state = state
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        yield from ProcessCollector(registry=None).collect()
        yield from self._gauges()
        yield from self._counters()
        yield _histogram(
            "trio_chat_commit_seconds", "Time to commit a group of entries to the journal.", self._state.journal.commits
        )
        yield _histogram(
            "trio_chat_delivery_seconds",
            "Time from the commit of an entry to its last send, to readers that keep up.",
            self._state.delivery_delay,
        )
        yield _histogram("trio_chat_loop_delay_seconds", "Delay of the event loop.", self._state.loop_delay)

    def _gauges(self) -> Iterator[Metric]:
        chat, journal = self._state.operator.chat, self._state.journal
        yield _labelled(
            GaugeMetricFamily("trio_chat_build_info", "Always 1.", labels=["version"]), {__version__: 1}.items()
        )
        yield _labelled(
            GaugeMetricFamily("trio_chat_clients", "Connected clients.", labels=["mode"]),
            self._counts.by_mode.items(),
        )
        yield GaugeMetricFamily(
            "trio_chat_clients_behind", "Clients that have not been sent all entries.", self._counts.behind
        )
        yield GaugeMetricFamily(
            "trio_chat_clients_away", "Clients whose connection broke and whose session is held.", len(chat.away)
        )
        yield GaugeMetricFamily("trio_chat_rooms", "Rooms.", len(chat.rooms))
        if (expires_at := self._state.certificate_expires_at()) is not None:
            yield GaugeMetricFamily(
                "trio_chat_tls_certificate_expires_timestamp_seconds",
                "End of the validity of the TLS certificate, in seconds since 1970.",
                expires_at,
            )
        budget = chat.rooms.budget
        yield GaugeMetricFamily(
            "trio_chat_window_bytes", "Memory for the newest entries of all rooms.", budget.used_bytes
        )
        yield GaugeMetricFamily("trio_chat_window_limit_bytes", "Maximum of that memory.", budget.limit_bytes)
        yield GaugeMetricFamily(
            "trio_chat_journal_fault", "1 while the journal cannot store entries.", journal.fault is not None
        )
        yield GaugeMetricFamily(
            "trio_chat_journal_damage", "1 once stored entries turned out to be damaged.", journal.damage is not None
        )

    def _counters(self) -> Iterator[Metric]:
        chat = self._state.operator.chat
        counters = chat.counters
        yield _labelled(
            CounterMetricFamily("trio_chat_connects", "Connections that became clients.", labels=["mode"]),
            (dict.fromkeys(Mode, 0) | counters.connects).items(),
        )
        yield _labelled(
            CounterMetricFamily("trio_chat_disconnects", "Connections of clients that ended.", labels=["reason"]),
            (dict.fromkeys(DisconnectReason, 0) | counters.disconnects).items(),
        )
        yield _labelled(
            CounterMetricFamily("trio_chat_refused", "Connections refused.", labels=["reason"]),
            self._state.refused.items(),
        )
        yield _labelled(
            CounterMetricFamily("trio_chat_entries", "Entries committed to the journal.", labels=["kind"]),
            (dict.fromkeys(Kind, 0) | counters.entries).items(),
        )
        yield _labelled(
            CounterMetricFamily("trio_chat_admin_requests", "Requests to the admin API.", labels=["status"]),
            ((str(status), count) for status, count in self._state.requests.items()),
        )
        yield CounterMetricFamily("trio_chat_lines", "Lines and frames received from clients.", counters.lines_in)
        yield CounterMetricFamily(
            "trio_chat_deliveries",
            "Entries delivered, counted once for each member they were for.",
            counters.deliveries,
        )
        yield CounterMetricFamily("trio_chat_sent_bytes", "Bytes sent to clients.", chat.bytes_out)


def _labelled(family: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[str, int]]) -> Metric:
    for label, value in values:
        family.add_metric([label], value)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    bounds = [*map(str, histogram.bounds_s), "+Inf"]
    return HistogramMetricFamily(
        name, text, buckets=list(zip(bounds, accumulate(histogram.counts), strict=True)), sum_value=histogram.total_s
    )
