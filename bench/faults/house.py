"""The server that is attacked, as a process."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.servers import ROOT

_CHAT_LINE = rb"Chat Server started on port: (\d+)\n"
_ADMIN_LINE = rb"Admin API started on: http://127\.0\.0\.1:(\d+)\n"


class ServerGoneError(Exception):
    """The server has ended while something was done to it: by this status, and with this at the end of its log."""

    def __init__(self, status: int, log: Path) -> None:
        [*_, last] = ["", *log.read_text().splitlines()]
        super().__init__(f"the server has ended with status {status}" + (f": {last[-200:]}" if last else ""))


@dataclass(frozen=True)
class House:
    """A running server on a data folder. What it logs is in the file `log`."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float
    data: Path

    @property
    def log(self) -> Path:
        """The file that it logs to."""
        return _log_in(self.data)

    @cached_property
    def admin_port(self) -> int:
        """The port of its admin API, once it has said which."""
        return _port_in(self.process, _ADMIN_LINE, self.log)

    def rss_kib(self) -> int:
        """Memory that is resident for it. Raises OSError where it is gone."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        raise ProcessLookupError("a process that has ended has no memory")

    def stop(self) -> int:
        """Ask it to stop. -> its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def faults(self) -> str:
        """What it should never have logged, in short."""
        tracebacks = self.log.read_text().count("Traceback")
        return f", {tracebacks} TRACEBACKS" if tracebacks else ""


@contextmanager
def serving(data: Path, *flags: str) -> Iterator[House]:
    """Run a server until the block is left. Raises ServerGoneError where that fails since the server has ended."""
    command = (sys.executable, "-m", "trio_chat", "serve", "--no-console", "--port", "0", "--admin-port", "0")
    data.mkdir(exist_ok=True)
    began = time.perf_counter()
    with _log_in(data).open("ab") as errors:
        process = subprocess.Popen(
            [*command, "--data", str(data), "--rate", "0", *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
        )
    try:
        port = _port_in(process, _CHAT_LINE, _log_in(data))
        yield House(process, port, time.perf_counter() - began, data)
    except Exception as error:
        with suppress(subprocess.TimeoutExpired):
            raise ServerGoneError(process.wait(1), _log_in(data)) from error
        raise
    finally:
        process.kill()
        process.communicate()


def _log_in(data: Path) -> Path:
    return data / "log"


def _port_in(process: subprocess.Popen[bytes], announcement: bytes, log: Path) -> int:
    """Read what the server prints up to a port."""
    assert process.stdout
    for line in process.stdout:
        if found := re.fullmatch(announcement, line):
            return int(found[1])
    raise RuntimeError(f"the server did not start: {log.read_text()[-300:]}")
