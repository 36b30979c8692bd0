"""A real server, as a process on a data folder: started, killed and started again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

START_S = 30
STOP_S = 10

_PORT = re.compile(rb"^Chat Server started on port: (\d+)\n", re.MULTILINE)

_ERROR = re.compile(r"^Traceback .*\n(?:[ |+].*\n)*(\S.*)$", re.MULTILINE)


class SelftestError(Exception):
    """The test itself could not be made; the text says why."""


class Supervisor:
    """At most one server at a time. Its stdout is read no further than its port: that does not stop a server."""

    def __init__(self, data: Path, python: str = sys.executable) -> None:
        """`python` is the interpreter that runs the server."""
        self.data = data
        self._python = python
        self._process: trio.Process | None = None

    async def start(self) -> int:
        """Start a server. -> its port. Raises SelftestError."""
        command = [self._python, "-m", "trio_chat", "serve", "--host", "127.0.0.1", "--port", "0"]
        command += ["--admin-port", "0", "--no-console", "--rate", "0", "--data", str(self.data)]
        with (self.data / "server.log").open("ab") as log:
            process = self._process = await trio.lowlevel.open_process(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=_environment()
            )
        assert process.stdout
        said = b""
        with trio.move_on_after(START_S):
            async for data in process.stdout:
                said += data
                if found := _PORT.search(said):
                    return int(found[1])
        raise SelftestError(f"the server did not start; it said: {self._last_words()}")

    async def kill(self) -> None:
        """Kill the server as the kernel would; return when it is gone."""
        if self._process:
            self._process.kill()
            await self._end(self._process)

    async def stop(self) -> int:
        """Ask the server to stop. -> its exit status. Raises SelftestError."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        with trio.move_on_after(STOP_S):
            return await self._end(self._process)
        raise SelftestError(f"the server did not stop within {STOP_S} s")

    def errors(self) -> list[str]:
        """What servers here logged that should never happen."""
        words = (self.data / "server.log").read_text(errors="replace")
        return [f"the server failed: {error}" for error in _ERROR.findall(words)]

    async def _end(self, process: trio.Process) -> int:
        status = await process.wait()
        if process.stdout:
            await process.stdout.aclose()
        self._process = None
        return status

    def _last_words(self) -> str:
        words = (self.data / "server.log").read_text(errors="replace").strip().splitlines()
        return words[-1] if words else "nothing"


@asynccontextmanager
async def supervising(data: Path, python: str = sys.executable) -> AsyncIterator[Supervisor]:
    """Make sure that no server is left when the block is."""
    supervisor = Supervisor(data, python)
    try:
        yield supervisor
    finally:
        with trio.move_on_after(STOP_S, shield=True):
            await supervisor.kill()


def _environment() -> dict[str, str]:
    """What a server inherits: not the settings of another one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRIO_CHAT_")}
