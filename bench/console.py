"""Replay what the web console asks for, and print the longest hold of the server's loop: `python -m bench.console`.

A server with 10,000 clients, of whom 200 a second are replaced, is asked as an open page asks: live events, the rows on
the screen every second, the way to the end of the list, searches, the overview. The same seconds without a page come
first. The aim is that no step of a task holds the loop for over 5 ms.
"""

import argparse
import http.client
import json
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CoroutineType
from typing import Any
from urllib.parse import quote, urlsplit

import trio

from bench.loadgen import raise_file_limit
from bench.servers import Command, Server, pin_generator, running
from bench.swarm import Swarm

AIM_MS = 5.0
NOTED_S = 0.001
LEAP = 1000
COLLECTOR = "_collect_garbage"
ADMIN_TASKS = ("handle_", "process_", "_serve", "_tcp_server", "task_wrapper")
"""The beginnings of the names of tasks that serve HTTP, in hypercorn and quart-trio."""

EVENTS = "/events?types=health%2Cclient%2Coperator%2Climit%2Ctopic%2Cnick"


class StepWatch(trio.abc.Instrument):
    """Appends each step of a task that takes over NOTED_S of CPU time to a file: its end, its length and its task."""

    def __init__(self, report: Path) -> None:
        self._file = report.open("a", encoding="utf-8", buffering=1)
        self._began = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note the time."""
        self._began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Report the step if it was long."""
        if (took := time.thread_time() - self._began) > NOTED_S:
            self._file.write(json.dumps([time.monotonic(), 1000 * took, _place(task)]) + "\n")


def _place(task: trio.lowlevel.Task) -> str:
    """Return the name of a task, and the function of ours in which it waits now."""
    coro: Any = task.coro
    place = ""
    while isinstance(coro, CoroutineType) and coro.cr_frame is not None:
        if "site-packages" not in (code := coro.cr_frame.f_code).co_filename:
            place = f"{Path(code.co_filename).name}:{coro.cr_frame.f_lineno} ({code.co_name})"
        coro = coro.cr_await
    return f"{task.name.rpartition('.')[2]} at {place}"


def serve(report: str, *arguments: str) -> None:
    """Run the command line with each long step reported."""
    from trio_chat import cli

    run, watch = trio.run, StepWatch(Path(report))
    trio.run = lambda *given, **options: run(*given, instruments=[watch], **options)
    sys.argv = ["trio-chat", *arguments]
    cli.main()


@dataclass
class Page:
    """An open page: the seconds that each of its requests took, by name, and the events that it got."""

    url: str
    took: dict[str, list[float]] = field(default_factory=dict)
    events: int = 0
    is_over: bool = False

    def ask(self, name: str, path: str) -> dict[str, object]:
        """Make a request, and note how long it took."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        began = time.perf_counter()
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        self.took.setdefault(name, []).append(time.perf_counter() - began)
        connection.close()
        return dict(answer)

    def follow_events(self) -> None:
        """Read the stream of events until the page is over."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        connection.request("GET", EVENTS)
        answer = connection.getresponse()
        while not self.is_over and (line := answer.readline()):
            self.events += line.startswith(b"event:")
        connection.close()

    def look(self, turn: int) -> None:
        """Ask for what a second of looking asks for: both pages, a search, and the leap to the end of the list."""
        self.ask("rows on the screen", "/clients?sort=connected&limit=100")
        self.ask("who is behind", "/clients?behind=1&sort=-behind&limit=5")
        self.ask("busiest rooms", "/rooms?sort=-entries&limit=6")
        self.ask("status", "/status")
        self.ask("series", "/series")
        self.ask("a search", f"/clients?search={turn}&sort=nick&limit=100")
        if turn % 5 == 0:
            self._leap()

    def _leap(self) -> None:
        cursor: object = ""
        while cursor is not None and not self.is_over:
            page = self.ask("a leap", f"/clients?sort=-idle&limit={LEAP}&cursor={quote(str(cursor))}")
            cursor = page["next"]


@contextmanager
def in_thread(work: Callable[[], None]) -> Iterator[None]:
    """Run a function beside the block."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(30)


def churn(server: Server, per_s: int, is_over: threading.Event) -> None:
    """Let so many clients a second come, say nothing, and go after a second, until the event is set."""
    staying: deque[socket.socket] = deque()
    while not is_over.wait(1 / per_s):
        newcomer = socket.create_connection(("127.0.0.1", server.port))
        newcomer.sendall(b"\n")  # so that nobody waits whether it speaks frames
        staying.append(newcomer)
        if len(staying) > per_s:
            staying.popleft().close()
    for one in staying:
        one.close()


def measure(page: Page, report: Path, seconds: float, *, is_open: bool) -> list[tuple[float, str]]:
    """Let some seconds pass, with the page open or not. -> the long steps in them: milliseconds, and whose"""
    began, turn = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        due = time.monotonic() + 1
        if is_open:
            page.look(turn)
        turn += 1
        time.sleep(max(0.0, due - time.monotonic()))
    steps = [json.loads(line) for line in report.read_text().splitlines()]
    # The collector runs once a minute, with a page open or not.
    return sorted(((ms, name) for at, ms, name in steps if at >= began and COLLECTOR not in name), reverse=True)


def show(title: str, steps: Sequence[tuple[float, str]]) -> None:
    """Print the longest steps of a measurement."""
    for kind, its in (("HTTP", of_http(steps)), ("the chat", [one for one in steps if one not in of_http(steps)])):
        longest = f"{its[0][0]:.1f} ms, {its[0][1]}" if its else f"under {1000 * NOTED_S:.0f} ms"
        print(f"{title}: longest hold by {kind} {longest}; {sum(ms > AIM_MS for ms, _ in its)} over {AIM_MS:.0f} ms")


def of_http(steps: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the steps that belong to answers over HTTP."""
    return [one for one in steps if one[1].startswith(ADMIN_TASKS)]


def main() -> None:
    """Measure and print. The exit status is 1 if a step for the page took longer than the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--per-second", type=int, default=200, help="clients that come, and as many that go")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="trio-chat-console-") as folder:
        steps = run(Path(folder), options)
    sys.exit(any(ms > AIM_MS for ms, _ in of_http(steps)))


def run(folder: Path, options: argparse.Namespace) -> list[tuple[float, str]]:
    """Measure with and without a page. -> the long steps with the page open"""
    cores, report = pin_generator(), folder / "steps"
    report.touch()
    words = [sys.executable, "-m", "bench.console", "--serve", str(report), "serve", "--no-console", "--port", "0"]
    limits = ["--max-clients", "0", "--max-per-address", "0", "--admin-port", "0", "--data", str(folder / "data")]
    with running(Command([*words, *limits]), cores.server, folder) as server:
        page = Page(server.admin_url())
        swarm = Swarm(server.port, accepted=server.accepted)
        print(f"{options.clients} clients in {swarm.connect(options.clients):.1f} s")
        is_over = threading.Event()
        with in_thread(lambda: churn(server, options.per_second, is_over)):
            show("without a page", measure(page, report, options.seconds, is_open=False))
            with in_thread(page.follow_events):
                steps = measure(page, report, options.seconds, is_open=True)
                page.is_over = True
            is_over.set()
        show("with a page open", steps)
        for ms, name in of_http(steps)[1:6]:
            print(f"  {ms:.1f} ms, {name}")
        for name, took in page.took.items():
            median, worst = 1000 * sorted(took)[len(took) // 2], 1000 * max(took)
            print(f"  {name}: {len(took)} times, median {median:.0f} ms, worst {worst:.0f} ms")
        print(f"  {page.events} events")
        swarm.close()
    return steps


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
    else:
        main()
