"""Servers as processes: started on a core of their own, asked for a port, measured from outside, ended."""

import os
import shlex
import shutil
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
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """A server did not come up, or cannot be built; the text says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The core that servers run on and the one that loads them: the same where there is only one."""

    server: int
    generator: int

    @property
    def are_apart(self) -> bool:
        """Whether the two do not share a core."""
        return self.server != self.generator


def pin_generator() -> Cores:
    """Choose the first two cores that there are, and move this process to the second."""
    cores = sorted(os.sched_getaffinity(0))
    chosen = Cores(cores[0], cores[min(1, len(cores) - 1)])
    os.sched_setaffinity(0, {chosen.generator})
    return chosen


def open_files(pid: int) -> int:
    """How many file descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `ready_s` is how long it took from its start until a connection was established."""

    pid: int
    port: int
    ready_s: float
    output: Path

    def accepted(self) -> int:
        """How many file descriptors it has: less a constant, its connections."""
        return open_files(self.pid)

    def rss_bytes(self) -> int:
        """The memory that is resident for it."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self) -> float:
        """The CPU time that all its threads have used, to a hundredth of a second."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def admin_url(self) -> str:
        """Where its admin API is, once it has said so."""
        deadline = time.perf_counter() + START_TIMEOUT_S
        while not (url := _said(self.output, _ADMIN_LINE)):
            if time.perf_counter() > deadline:
                raise StartError("the server has no admin API")
            time.sleep(0.01)
        return url


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a server. `port` is given where the server does not tell its own."""

    words: Sequence[str]
    port: int | None = None


def ours(data: Path, *, journal: str = "sqlite:") -> Command:
    """Our server."""
    serve = (sys.executable, "-m", "trio_chat", "serve", "--no-console", "--rate", "0")
    return Command((*serve, "--port", "0", "--admin-port", "0", "--data", str(data), "--journal", journal))


def compile_limit(folder: Path) -> Command:
    """The C limit. Raises StartError where it cannot be compiled."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise StartError("no C compiler")
    target = folder / "limit"
    built = subprocess.run([compiler, "-O3", "-o", target, ROOT / "bench" / "limit.c"], capture_output=True, text=True)
    if built.returncode:
        raise StartError(f"limit.c does not compile: {built.stderr.strip().splitlines()[0]}")
    return Command((str(target),))


def redis() -> Command | None:
    """Redis, of whose channels every room of ours could be one; None where it is not installed. It keeps nothing."""
    if not shutil.which("redis-server"):
        return None
    unlimited = "--client-output-buffer-limit 'pubsub 0 0 0' --maxclients 20000"
    return other(f"redis-server --port {{port}} --bind 127.0.0.1 --save '' --appendonly no {unlimited}")


def other(command: str) -> Command:
    """Any other server: `{port}` in the command becomes a free port; without it the server must print its own."""
    if "{port}" not in command:
        return Command(shlex.split(command))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Command(shlex.split(command.replace("{port}", str(port))), port)


@contextmanager
def running(command: Command, cores: Cores, folder: Path) -> Iterator[Server]:
    """Run a server until the block is left. Raises StartError."""
    output = folder / f"output-{time.monotonic_ns()}"
    start = time.perf_counter()
    process = _spawn(command.words, cores.server, output)
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


def _spawn(command: Sequence[str], core: int, output: Path) -> subprocess.Popen[bytes]:
    """Start a process on a core. It writes into a file: nobody has to keep reading that, as from a pipe."""
    own_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # inherited, by every thread it will have
    try:
        with output.open("wb") as file:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=ROOT)
    except OSError as error:
        raise StartError(f"cannot run {command[0]}: {error.strerror}") from error
    finally:
        os.sched_setaffinity(0, own_cores)


def _await_port(process: subprocess.Popen[bytes], output: Path) -> int:
    deadline = time.perf_counter() + START_TIMEOUT_S
    while not (port := _said(output, _CHAT_LINE)):
        _check_alive(process, output)
        if time.perf_counter() > deadline:
            raise StartError("the server did not say which port it has")
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
    raise StartError(f"nobody accepts at port {port}")


def _check_alive(process: subprocess.Popen[bytes], output: Path) -> None:
    if process.poll() is not None:
        words = output.read_text().strip().splitlines() or ["without a word"]
        raise StartError(f"the server ended: {words[-1]}")


def _said(output: Path, beginning: str) -> str:
    """What stands behind `beginning` in a whole line of the output."""
    for line in output.read_text().splitlines(keepends=True):
        if line.startswith(beginning) and line.endswith("\n"):
            return line.removeprefix(beginning).strip()
    return ""
