"""The server that is attacked, as a process."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.servers import ROOT

_CHAT_LINE = b"Chat Server started on port: "


@dataclass(frozen=True, slots=True)
class House:
    """A running server. What it logs is in the file `log`."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float
    log: Path

    def rss_kib(self) -> int:
        """Memory that is resident for it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

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
    """Run a server until the block is left."""
    command = (sys.executable, "-m", "trio_chat", "serve", "--no-console", "--port", "0", "--admin-port", "0")
    data.mkdir(exist_ok=True)
    log = data / "log"
    began = time.perf_counter()
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [*command, "--data", str(data), "--rate", "0", *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
        )
    try:
        assert process.stdout
        port = _port_in(process.stdout, log)
        yield House(process, port, time.perf_counter() - began, log)
    finally:
        process.kill()
        process.communicate()


def _port_in(output: IO[bytes], log: Path) -> int:
    for line in output:
        if line.startswith(_CHAT_LINE):
            return int(line.removeprefix(_CHAT_LINE))
    raise RuntimeError(f"the server did not start: {log.read_text()[-300:]}")
