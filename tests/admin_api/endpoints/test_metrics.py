"""The answers of `GET /metrics`, read by us and by the real Prometheus."""

import json
import re
import subprocess
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from admin_api.http.access import Access
from admin_api.state import STATUSES
from tests.conftest import PATIENCE_S
from trio_chat import __version__
from trio_chat.chat.counters import DisconnectReason
from trio_chat.chat.events import Kind
from trio_chat.chat.log import Mode
from trio_chat.server.transport.admission import REFUSALS

TOKEN = "correct-horse-battery"
DOCS = Path(__file__).parents[3] / "docs"
GRAFANA, PROMETHEUS = DOCS / "grafana.json", DOCS / "compose" / "prometheus.yml"


async def scrape(admin) -> dict[tuple[str, ...], float]:
    answer = await admin.ask("GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def test_it_tells_how_a_server_does_that_has_just_begun(admin) -> None:
    seen = await scrape(admin)

    assert seen["trio_chat_build_info", __version__] == 1
    assert seen["trio_chat_clients", "lines"] == seen["trio_chat_clients", "frames"] == 0
    assert seen["trio_chat_disconnects_total", "stalled"] == 0
    assert seen["trio_chat_journal_fault",] == seen["trio_chat_journal_damage",] == 0
    assert seen["trio_chat_commit_seconds_count",] == 0


async def test_it_counts_connections_and_bytes(admin) -> None:
    first = admin.connect(47634)
    admin.connect(47635)
    admin.chat.record_input(first)
    admin.chat.kick(first)
    admin.refused["banned"] += 3

    seen = await scrape(admin)

    assert seen["trio_chat_clients", "lines"] == 1
    assert seen["trio_chat_connects_total", "lines"] == 2
    assert seen["trio_chat_disconnects_total", "kicked"] == 1
    assert seen["trio_chat_refused_total", "banned"] == 3
    assert seen["trio_chat_lines_total",] == 1
    assert seen["trio_chat_sent_bytes_total",] == 2 * 210  # of the one that is here, and of the one that is gone


async def test_it_shows_times_as_a_histogram(admin) -> None:
    for delay_s in (0.0005, 0.05, 0.07, 3.0):
        admin.loop_delay.observe(delay_s)

    seen = await scrape(admin)

    buckets = [seen["trio_chat_loop_delay_seconds_bucket", bound] for bound in ("0.001", "0.1", "+Inf")]
    assert buckets == [1, 3, 4]
    assert seen["trio_chat_loop_delay_seconds_count",] == 4
    assert seen["trio_chat_loop_delay_seconds_sum",] == 3.1205


async def test_a_journal_that_keeps_nothing_is_seen(admin) -> None:
    admin.journal.fault = "the disk is full"

    assert (await scrape(admin))["trio_chat_journal_fault",] == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("trio_chat_clients", Mode),
        ("trio_chat_connects_total", Mode),
        ("trio_chat_disconnects_total", DisconnectReason),
        ("trio_chat_refused_total", REFUSALS),
        ("trio_chat_entries_total", Kind),
        ("trio_chat_admin_requests_total", [str(status) for status in STATUSES]),
    ],
)
async def test_every_value_of_a_label_is_there_from_the_start(admin, name, values) -> None:
    seen = await scrape(admin)

    assert {label: seen[name, label] for label in values} == dict.fromkeys(values, 0)


async def test_it_counts_requests_by_their_answer(admin) -> None:
    await admin.ask("GET", "/clients/4711")

    assert (await scrape(admin))["trio_chat_admin_requests_total", "404"] == 1


async def test_it_has_the_process(admin) -> None:
    seen = await scrape(admin)

    assert seen["process_resident_memory_bytes",] > 1e6
    assert seen["process_cpu_seconds_total",] > 0
    assert seen["process_open_fds",] > 0


async def test_promtool_has_nothing_to_say(admin) -> None:
    admin.connect(47634)
    text = (await admin.ask("GET", "/metrics")).text

    done = await trio.run_process(
        ["promtool", "check", "metrics"], stdin=text.encode(), capture_stdout=True, capture_stderr=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def targets() -> list[dict[str, str]]:
    """The targets of the panels of the dashboard: expressions, and the legends of what they yield."""
    panels = json.loads(GRAFANA.read_text())["panels"]
    return [target for panel in panels for target in panel["targets"]]


def expressions() -> list[str]:
    return [target["expr"] for target in targets()]


def metrics_asked() -> dict[str, set[str]]:
    """The metrics that the dashboard asks for, each with the labels that it is asked by."""
    asked: dict[str, set[str]] = {}
    for expression in expressions():
        sums = {word for words in re.findall(r"by \(([^)]*)\)", expression) for word in re.findall(r"\w+", words)}
        for name, matchers in re.findall(r"\b((?:trio_chat|process)_\w+)\{([^}]*)\}", expression):
            asked.setdefault(name, set()).update(sums, re.findall(r"(\w+)[=!]", matchers))
    return asked


async def test_grafanas_dashboard_asks_for_metrics_and_labels_that_there_are(admin) -> None:
    families = text_string_to_metric_families((await admin.ask("GET", "/metrics")).text)
    there = {sample.name: {*sample.labels} for family in families for sample in family.samples}
    there["trio_chat_tls_certificate_expires_timestamp_seconds"] = set()  # only where there is a certificate
    asked = metrics_asked()

    assert asked.keys() - there.keys() == set()
    assert [name for name, labels in asked.items() if labels - there[name] - {"instance"}] == []
    assert len(asked) > 15


def test_grafanas_dashboard_can_show_each_server_by_itself() -> None:
    assert [it for it in expressions() if it.count('instance=~"$instance"') != len(re.findall(r"\{", it))] == []
    of_each = [
        it["legendFormat"]
        for it in targets()
        if not re.match(r"(sum|max|histogram_quantile)\b(?! by .inst)", it["expr"])
    ]
    assert len(of_each) > 5
    assert all("{{instance}}" in legend for legend in of_each)


@pytest.mark.slow
async def test_prometheus_scrapes_it(open_admin, nursery: trio.Nursery, tmp_path: Path) -> None:
    async with open_admin(Access(TOKEN)) as admin:
        answered = Answers()
        admin.site.app.after_request(answered.note)
        config = tmp_path / "prometheus.yml"
        config.write_text(config_for(admin.site.url.removeprefix("http://"), tmp_path / "token"))
        options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path}", "--web.listen-address=127.0.0.1:0"]
        start = partial(trio.run_process, ["prometheus", *options], stderr=subprocess.PIPE, check=False)
        process = await nursery.start(start)
        with trio.fail_after(PATIENCE_S):
            port = await listening_port(process.stderr)
            asked = [it.replace("$instance", ".*") for it in expressions() if "rate" not in it]
            asked.append('trio_chat_clients{mode="lines",instance="127.0.0.1"}')
            # Nothing is there before the first scrape, and behind one that took too long. There is no certificate.
            while (found := [await query(port, it) for it in asked]).count("") != 1:
                await answered.more()
        process.kill()

    assert len(asked) > 5
    assert found[-1] == "0"


def config_for(target: str, token: Path) -> str:
    """The configuration for operators with this target in it, and very often."""
    token.write_text(TOKEN)
    text = PROMETHEUS.read_text().replace("scrape_interval: 15s", "scrape_interval: 500ms\n  scrape_timeout: 500ms")
    text = re.sub(r"targets: .*", f'targets: ["{target}"]', text)
    return text.replace("/run/secrets/admin-token", str(token))


class Answers:
    """The answers of an app, waited for one after the other."""

    def __init__(self) -> None:
        self._next = trio.Event()

    async def note(self, answer):
        self._next.set()
        self._next = trio.Event()
        return answer

    async def more(self) -> None:
        await self._next.wait()


async def listening_port(log: trio.abc.ReceiveStream) -> int:
    """Read the log of Prometheus up to the line with its port."""
    said = b""
    async for chunk in log:
        said += chunk
        if found := re.search(rb'msg="Listening on" address=127\.0\.0\.1:(\d+)', said):
            return int(found[1])
    raise AssertionError(said.decode())


async def query(port: int, expression: str) -> str:
    """Ask Prometheus for a value. -> "" where it has none, or is not ready"""
    request = f"GET /api/v1/query?query={quote(expression)} HTTP/1.0\r\nHost: localhost\r\n\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(request.encode())
        answer = b"".join([chunk async for chunk in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    found = json.loads(body)["data"]["result"] if b" 200 " in head else []
    return str(found[0]["value"][1]) if found else ""
