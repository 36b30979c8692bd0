"""Servers forked from a process that has imported their code already: importing takes most of the CPU time of a start.

That process has read no settings, opened nothing and started no thread. So each of its children does all that a start
does, from `cli.main` on, in a process of its own.
"""

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

from tests import loop_watch

MODULES = ("trio_chat.cli", "trio_chat.serve.app", "trio_chat.journal.sqlite.journal", "admin_api.app")
"""All that every start imports; a module that a server imports later is imported by each child."""

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

    def __init__(self) -> None:
        self.variables = _variables_of_python()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
        root = Path(__file__).parents[1]
        with theirs:
            self._process = subprocess.Popen(
                command, cwd=root, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )

    def start(self, *arguments: str) -> ForkedProcess:
        """Start `python -m tests.loop_watch` with these arguments, in this folder and environment."""
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        request = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode()
        with _adopting_orphans():
            socket.send_fds(self._socket, [request], theirs)
            pid = int(self._socket.recv(ANSWER_BYTES))
        for descriptor in theirs:
            os.close(descriptor)
        return ForkedProcess(pid, pipes[0][1], pipes[1][0], pipes[2][0])

    def close(self) -> None:
        """End the process that is forked; its children go on."""
        self._socket.close()
        self._process.wait()


@cache
def _fork_server() -> ForkServer:
    server = ForkServer()
    atexit.register(server.close)
    return server


def start_watched(*arguments: str) -> Process:
    """Start the command line with its loop watched, see `tests.loop_watch`.

    It is forked, unless its Python is to run with other settings than that which is forked.
    """
    server = _fork_server()
    if server.variables == _variables_of_python():
        return server.start(*arguments)
    # Unbuffered: `select` does not see a line that is in a buffer of ours.
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "tests.loop_watch", *arguments]
    return subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe)


def _variables_of_python() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}


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


def _become(arguments: list[str], folder: str, environment: dict[str, str], pipes: list[int]) -> None:
    """Run the command line in this process, which was just forked."""
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
        os.close(pipe)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    loop_watch.main(*arguments)


def main(descriptor: str) -> None:
    """Fork a child for each request that comes through this socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in MODULES:
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
    _become(*json.loads(request), pipes)


if __name__ == "__main__":
    main(*sys.argv[1:])
