"""Servers as processes: started on a core of their own, measured from outside and stopped."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
_CHAT_LINE = "Chat Server started on port: "
_ADMIN_LINE = "Admin API started on: "
_SCHEDULER_CLOCK = 2
"""The CPU time of a process as its scheduler counts it: see clock_getcpuclockid(3) and CPUCLOCK_SCHED of Linux."""


class StartError(Exception):
    """A server did not start or cannot be compiled; the text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the servers and that of the load generator: the same if there is only one."""

    server: int
    generator: int

    @property
    def are_apart(self) -> bool:
        """True if the two do not share a core."""
        return self.server != self.generator


def pin_generator() -> Cores:
    """Choose the first two cores, and pin this process to the second."""
    cores = sorted(os.sched_getaffinity(0))
    chosen = Cores(cores[0], cores[min(1, len(cores) - 1)])
    os.sched_setaffinity(0, {chosen.generator})
    return chosen


def open_files(pid: int) -> int:
    """Return the number of file descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `ready_s` is the time from its start to the first established connection."""

    pid: int
    port: int
    ready_s: float
    output: Path

    def accepted(self) -> int:
        """Return the number of its file descriptors, which is its connections plus a constant."""
        return open_files(self.pid)

    def rss_bytes(self) -> int:
        """Return its resident memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self) -> float:
        """Return the CPU time of all its threads."""
        return time.clock_gettime(~self.pid << 3 | _SCHEDULER_CLOCK)

    def pause(self) -> None:
        """Let it stand still."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def admin_url(self) -> str:
        """Return the URL of its admin API, once it is printed. Raises StartError."""
        deadline = time.perf_counter() + START_TIMEOUT_S
        while not (url := _rest_of_line(self.output, _ADMIN_LINE)):
            if time.perf_counter() > deadline:
                raise StartError("the server has no admin API")
            time.sleep(0.01)
        return url


@dataclass(frozen=True, slots=True)
class Command:
    """The command of a server, and the folder to run it in. `port` is None if the server prints it."""

    words: Sequence[str]
    port: int | None = None
    folder: Path = ROOT


def ours(data: Path, *, journal: str = "sqlite:", more: Sequence[str] = (), checkout: Path = ROOT) -> Command:
    """Make the command of our server, with some `more` arguments. `checkout` is the folder with its code."""
    serve = (sys.executable, "-m", "trio_chat", "serve", "--no-console", "--rate", "0")
    where = ("--port", "0", "--admin-port", "0", "--data", str(data), "--journal", journal)
    return Command((*serve, *where, *more), folder=checkout)


def bare(data: Path) -> Command:
    """Make the command of the bare server, which keeps its lines in a folder."""
    return Command((sys.executable, "-m", "bench.bare_server", str(data)))


def compile_limit(folder: Path) -> Command:
    """Compile the C limit. -> its command. Raises StartError."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise StartError("no C compiler")
    target = folder / "limit"
    built = subprocess.run([compiler, "-O3", "-o", target, ROOT / "bench" / "limit.c"], capture_output=True, text=True)
    if built.returncode:
        raise StartError(f"limit.c does not compile: {built.stderr.strip().splitlines()[0]}")
    return Command((str(target),))


def redis() -> Command | None:
    """Make the command of Redis as a pub/sub server that stores nothing; None if it is not installed."""
    if not shutil.which("redis-server"):
        return None
    unlimited = "--client-output-buffer-limit 'pubsub 0 0 0' --maxclients 20000"
    return other(f"redis-server --port {{port}} --bind 127.0.0.1 --save '' --appendonly no {unlimited}")


def other(command: str) -> Command:
    """Make the command of another server. `{port}` becomes a free port; without it, the server has to print its own."""
    if "{port}" not in command:
        return Command(shlex.split(command))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Command(shlex.split(command.replace("{port}", str(port))), port)


@contextmanager
def running(command: Command, core: int, folder: Path) -> Iterator[Server]:
    """Run a server on a core during the block. `folder` is for its output. Raises StartError."""
    output = folder / f"output-{time.monotonic_ns()}"
    start = time.perf_counter()
    process = _spawn(command, core, output)
    try:
        port = command.port or _await_port(process, output)
        _await_accept(process, port, output)
        yield Server(process.pid, port, time.perf_counter() - start, output)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _spawn(command: Command, core: int, output: Path) -> subprocess.Popen[bytes]:
    """Start a process on a core. Its output goes to a file, which unlike a pipe needs no reader."""
    own_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # inherited by all its threads
    try:
        with output.open("wb") as file:
            return subprocess.Popen(
                command.words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=command.folder
            )
    except OSError as error:
        raise StartError(f"cannot run {command.words[0]}: {error.strerror}") from error
    finally:
        os.sched_setaffinity(0, own_cores)


def _await_port(process: subprocess.Popen[bytes], output: Path) -> int:
    deadline = time.perf_counter() + START_TIMEOUT_S
    while not (port := _rest_of_line(output, _CHAT_LINE)):
        _check_alive(process, output)
        if time.perf_counter() > deadline:
            raise StartError("the server did not print its port")
        time.sleep(0.001)
    return int(port)


def _await_accept(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.perf_counter() + START_TIMEOUT_S
    while time.perf_counter() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            _check_alive(process, output)
            time.sleep(0.001)
        else:
            return
    raise StartError(f"port {port} does not accept connections")


def _check_alive(process: subprocess.Popen[bytes], output: Path) -> None:
    if process.poll() is not None:
        words = output.read_text().strip().splitlines() or ["without output"]
        raise StartError(f"the server ended: {words[-1]}")


def _rest_of_line(output: Path, beginning: str) -> str:
    """Return the rest of the output's first complete line that begins so, or an empty string."""
    for line in output.read_text().splitlines(keepends=True):
        if line.startswith(beginning) and line.endswith("\n"):
            return line.removeprefix(beginning).strip()
    return ""
