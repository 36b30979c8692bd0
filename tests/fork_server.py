"""Servers and clients forked from a process that has imported their code: importing takes most of a start's CPU time.

That process has read no settings, opened nothing and started no thread. So each of its children does all that a start
does, from `cli.main` on, in a process of its own. There is one for servers and one for clients, and one more for each
environment in which Python itself would run otherwise.
"""

import atexit
import gc
import io
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import CDLL
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import IO, Any

from tests import loop_watch

MODULES = MappingProxyType(
    {
        "serve": ("trio_chat.serve.app", "trio_chat.journal.sqlite.journal", "admin_api.app"),
        "join": (
            "trio_chat.client.join",
            "trio_chat.client.line_view.app",
            "trio_chat.client.line_view.terminal",
            "trio_chat.client.screen_view.app",
        ),
    }
)
"""All that every start of a subcommand imports; a module that is imported later is imported by each child."""

OF_PYTHON = ("PYTHON", "LC_", "LANG")
"""Beginnings of the names of variables that Python reads when it begins to run."""

REQUEST_BYTES = 1 << 20

ANSWER_BYTES = 32

PR_SET_CHILD_SUBREAPER = 36
"""From `linux/prctl.h`."""


class ForkedProcess:
    """A running child of this process, in place of `subprocess.Popen`."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        # `communicate` closes these.
        self.stdin: IO[bytes] | None = open(stdin, "wb", buffering=0)  # noqa: SIM115
        self.stdout: IO[bytes] = open(stdout, "rb", buffering=0)  # noqa: SIM115
        self.stderr: IO[bytes] = open(stderr, "rb", buffering=0)  # noqa: SIM115

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. -> exit status"""
        if self.poll() is None:
            with open(os.pidfd_open(self.pid), "rb", buffering=0) as ended, selectors.DefaultSelector() as selector:
                selector.register(ended, selectors.EVENT_READ)
                self._select(selector, None if timeout is None else time.monotonic() + timeout)
        status = self.poll()
        assert status is not None
        return status

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Close stdin and wait for the end. -> the rest of stdout and of stderr"""
        deadline = None if timeout is None else time.monotonic() + timeout
        if self.stdin:
            self.stdin.close()
        read: dict[object, bytes] = {self.stdout: b"", self.stderr: b""}
        with selectors.DefaultSelector() as selector:
            for pipe in (self.stdout, self.stderr):
                if not pipe.closed:
                    selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for pipe in self._select(selector, deadline):
                    data = pipe.read(65536)
                    read[pipe] += data
                    if not data:
                        selector.unregister(pipe)
                        pipe.close()
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return read[self.stdout], read[self.stderr]

    def _select(self, selector: selectors.BaseSelector, deadline: float | None) -> list[IO[bytes]]:
        ready = selector.select(None if deadline is None else max(0.0, deadline - time.monotonic()))
        if not ready:
            raise subprocess.TimeoutExpired(str(self.pid), 0)
        return [key.fileobj for key, _ in ready]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


Process = ForkedProcess | subprocess.Popen[bytes]


class ForkServer:
    """The process that is forked, for as long as this one runs."""

    def __init__(self, subcommand: str, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno()), subcommand]
        with theirs:
            self._process = POPEN(
                command,
                cwd=ROOT,
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def fork(self, pipes: Sequence[int], start: "Start") -> int:
        """Start a child with these as stdin, stdout and stderr. -> its id"""
        with TURN, _adopting_orphans():
            socket.send_fds(self._socket, [json.dumps(start).encode()], pipes)
            return int(self._socket.recv(ANSWER_BYTES))

    def close(self) -> None:
        """End the process that is forked; its children go on."""
        self._socket.close()
        self._process.wait()


PROGRAMS = MappingProxyType({"trio_chat": "trio_chat.cli", "tests.at_a_terminal": "tests.at_a_terminal"})
"""The modules that `python -m` runs, and where the `main` of each is."""

Start = tuple[str, list[str], str, dict[str, str], bool]
"""A module with a `main`; arguments, folder and environment of a child; whether it leads a session of its own."""


@cache
def _fork_server(subcommand: str, of_python: frozenset[tuple[str, str]]) -> ForkServer:
    server = ForkServer(subcommand, {"PATH": os.environ["PATH"], **dict(of_python)})
    atexit.register(server.close)
    return server


def _server_for(subcommand: str, environment: Mapping[str, str]) -> ForkServer:
    return _fork_server(subcommand, _variables_of_python(environment))


def start_watched(*arguments: str) -> Process:
    """Start the command line with its loop watched, see `tests.loop_watch`.

    It is forked, unless its Python is to run with other settings than this one.
    """
    if _variables_of_python(os.environ) != AT_START:
        # Unbuffered: `select` does not see a line that is in a buffer of ours.
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.loop_watch", *arguments]
        return subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe)
    pipes = [os.pipe() for _ in range(3)]
    theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
    start = ("tests.loop_watch", [*arguments], os.getcwd(), dict(os.environ), False)
    pid = _server_for("serve", os.environ).fork(theirs, start)
    for descriptor in theirs:
        os.close(descriptor)
    return ForkedProcess(pid, pipes[0][1], pipes[1][0], pipes[2][0])


class ForkingPopen(subprocess.Popen[Any]):
    """`subprocess.Popen`, but `python -m trio_chat serve` and `join` are forked.

    Everything else is run as ever. `_execute_child` has had these parameters since Python 3.11.
    """

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, *others: Any) -> None:
        pass_fds, cwd, env, _, _, shell, stdin, _, _, stdout, _, stderr, _, *_, new_session, _ = others
        if executable or preexec_fn or pass_fds or shell or not _can_be_forked(args):
            super()._execute_child(args, executable, preexec_fn, close_fds, *others)  # type: ignore[misc]
            return
        _, _, module, subcommand, *options = args
        environment = dict(os.environ if env is None else env)
        folder = os.fspath(cwd or os.getcwd())
        start = (PROGRAMS[module], [subcommand, *options], folder, environment, new_session)
        streams = [own if given == -1 else given for own, given in enumerate((stdin, stdout, stderr))]
        self.pid = _server_for(subcommand, environment).fork(streams, start)
        self._child_created = True
        self._close_pipe_fds(*others[6:12])  # type: ignore[attr-defined]


def _can_be_forked(arguments: Any) -> bool:
    match arguments:
        case [sys.executable, "-m", module, subcommand, *_]:
            return module in PROGRAMS and subcommand in MODULES
    return False


def _variables_of_python(environment: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in environment.items() if name.startswith(OF_PYTHON))


ROOT = Path(__file__).parents[1]

POPEN = subprocess.Popen
"""As it was when this was imported."""

TURN = Lock()
"""Programs are started in threads, too, and this process may adopt orphans of one of them at a time."""

AT_START = _variables_of_python(os.environ)


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Be the parent of a process below this one whose own parent ends."""
    prctl = CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _fork_orphan() -> int:
    """Fork a child whose parent ends at once. -> its id, or 0 in the child itself"""
    answer, question = os.pipe()
    between = os.fork()
    if between == 0 and (child := os.fork()):
        os.write(question, b"%d" % child)
        os._exit(0)
    pid = 0
    if between:
        os.waitpid(between, 0)
        pid = int(os.read(answer, ANSWER_BYTES))
    os.close(answer)
    os.close(question)
    return pid


def _become(start: Start, pipes: list[int]) -> None:
    """Run the command line in this process, which was just forked."""
    module, arguments, folder, environment, has_own_session = start
    if has_own_session:
        os.setsid()
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
        os.close(pipe)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_streams()
    if module == "tests.loop_watch":
        loop_watch.main(*arguments)
    sys.argv = ["trio-chat", *arguments]
    import_module(module).main()


def _open_streams() -> None:
    """Open the streams of this process as Python does: with lines as they come at a terminal, and errors at once."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        is_by_line = name == "stderr" or (name == "stdout" and os.isatty(number))
        raw = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115
        new = io.TextIOWrapper(raw, old.encoding, old.errors, newline="\n", line_buffering=is_by_line)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def main(descriptor: str, subcommand: str) -> None:
    """Fork a child for each request that comes through this socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("trio_chat.cli", *MODULES[subcommand]):
        import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as requests:
        while True:
            request, pipes, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 3)
            if not request:
                return
            pid = _fork_orphan()
            if pid == 0:
                break
            requests.send(b"%d" % pid)
            for pipe in pipes:
                os.close(pipe)
    gc.unfreeze()
    _become(json.loads(request), pipes)


if __name__ == "__main__":
    main(*sys.argv[1:])
