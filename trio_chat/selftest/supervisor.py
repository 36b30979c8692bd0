"""A server process on a data folder: started, killed and restarted."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10

_PORT = re.compile(rb"^Chat Server started on port: (\d+)\n", re.MULTILINE)

_ERROR = re.compile(r"^Traceback .*\n(?:[ |+].*\n)*(\S.*)$", re.MULTILINE)


class SelftestError(Exception):
    """The test could not be run; the text says why."""


class Supervisor:
    """Runs at most one server at a time. Its stdout is read up to the port only: a server does not block on it."""

    def __init__(self, data: Path, python: str = sys.executable, flags: Sequence[str] = ()) -> None:
        """`python` is the interpreter that runs the server, `flags` are more of its flags."""
        self.data = data
        self._python, self._flags = python, flags
        self._process: trio.Process | None = None

    async def start(self, *, keep: int | None = None) -> int:
        """Start a server, which prunes all but the `keep` newest entries. -> its port. Raises SelftestError."""
        command = [self._python, "-m", "trio_chat", "serve", "--host", "127.0.0.1", "--port", "0"]
        command += ["--admin-port", "0", "--no-console", "--rate", "0", "--data", str(self.data)]
        command += [] if keep is None else ["--keep", str(keep)]
        command += self._flags
        with (self.data / "server.log").open("ab") as log:
            process = self._process = await trio.lowlevel.open_process(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=_environment()
            )
        assert process.stdout
        said = b""
        with trio.move_on_after(START_TIMEOUT_S):
            async for data in process.stdout:
                said += data
                if found := _PORT.search(said):
                    return int(found[1])
        raise SelftestError(f"the server did not start; the last line of its log: {self._last_log_line()}")

    async def kill(self) -> None:
        """Kill the server with SIGKILL; return when it has exited."""
        if self._process:
            self._process.kill()
            await self._wait_for_exit(self._process)

    def send_signal(self, number: int) -> None:
        """Send the server a signal."""
        assert self._process
        self._process.send_signal(number)

    async def stop(self) -> int:
        """Stop the server with SIGTERM. -> its exit status. Raises SelftestError."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        with trio.move_on_after(STOP_TIMEOUT_S):
            return await self._wait_for_exit(self._process)
        raise SelftestError(f"the server did not stop within {STOP_TIMEOUT_S} s")

    def errors(self) -> list[str]:
        """Return the last line of each traceback in the log, as a sentence."""
        log = (self.data / "server.log").read_text(errors="replace")
        return [f"the server failed: {error}" for error in _ERROR.findall(log)]

    async def _wait_for_exit(self, process: trio.Process) -> int:
        status = await process.wait()
        if process.stdout:
            await process.stdout.aclose()
        self._process = None
        return status

    def _last_log_line(self) -> str:
        log = (self.data / "server.log").read_text(errors="replace").strip().splitlines()
        return log[-1] if log else "(none)"


@asynccontextmanager
async def open_supervisor(
    data: Path, python: str = sys.executable, flags: Sequence[str] = ()
) -> AsyncIterator[Supervisor]:
    """Make a supervisor whose server is killed at the end of the block."""
    supervisor = Supervisor(data, python, flags)
    try:
        yield supervisor
    finally:
        with trio.move_on_after(STOP_TIMEOUT_S, shield=True):
            await supervisor.kill()


def _environment() -> dict[str, str]:
    """Return the environment for the server, without the settings of another one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRIO_CHAT_")}
