"""The server under test, as a process."""

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
    """The server ended during a test; the text has its exit status and the end of its log."""

    def __init__(self, status: int, log: Path) -> None:
        [*_, last] = ["", *log.read_text().splitlines()]
        super().__init__(f"the server has ended with status {status}" + (f": {last[-200:]}" if last else ""))


@dataclass(frozen=True)
class ServerProcess:
    """A running server on a data folder, which has its log too."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float
    data: Path

    @property
    def log(self) -> Path:
        """The log file."""
        return _log_in(self.data)

    @cached_property
    def admin_port(self) -> int:
        """The port of its admin API, once it is printed."""
        return _port_in(self.process, _ADMIN_LINE, self.log)

    def rss_kib(self) -> int:
        """Return its resident memory. Raises OSError if it has ended."""
        return self._memory_kib("VmRSS")

    def peak_kib(self) -> int:
        """Return the largest resident memory since the last reset. Raises OSError if it has ended."""
        return self._memory_kib("VmHWM")

    def reset_peak_kib(self) -> int:
        """Measure the peak from now on. -> the resident memory. Raises OSError if it has ended."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM
        return self.peak_kib()

    def stop(self) -> int:
        """Stop it by SIGTERM. -> its exit status"""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def faults(self) -> str:
        """Return the number of logged tracebacks in words, or an empty string."""
        tracebacks = self.log.read_text().count("Traceback")
        return f", {tracebacks} TRACEBACKS" if tracebacks else ""

    def _memory_kib(self, field: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith(field):
                return int(line.split()[1])
        raise ProcessLookupError("a process that has ended has no memory")


@contextmanager
def serving(data: Path, *flags: str) -> Iterator[ServerProcess]:
    """Run a server during the block. Raises ServerGoneError if the block fails because the server ended."""
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
        yield ServerProcess(process, port, time.perf_counter() - began, data)
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
    """Read the server's output up to the line with a port."""
    assert process.stdout
    for line in process.stdout:
        if found := re.fullmatch(announcement, line):
            return int(found[1])
    raise RuntimeError(f"the server did not start: {log.read_text()[-300:]}")
