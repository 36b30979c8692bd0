"""A real redis-server that tests start, pause, kill and start again, on a free port and with files of its own."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

from tests.ports import free_port
from trio_chat.journal.engine import Engine
from trio_chat.journal.redis.engine import ROWS

STARTS_WITHIN_S = 20

SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "bind": "127.0.0.1",
    "repl-diskless-sync-delay": "0",  # else a replica has to wait 5 s for others
}


class RedisServer:
    """A redis-server. Its settings are SETTINGS and those given, by their names in its configuration."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = SETTINGS | {name.replace("_", "-"): value for name, value in settings.items()}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and return once it answers."""
        settings = [word for name, value in self.settings.items() for word in (f"--{name}", value)]
        log = self.folder / "redis.log"
        self._process = subprocess.Popen(["redis-server", *self._arguments(log), *settings])
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.01)

    def _arguments(self, log: Path) -> list[str]:
        return ["--port", str(self.port), "--dir", str(self.folder), "--logfile", str(log)]

    def _answers(self) -> bool:
        try:
            return b"loading" not in self.ask("PING").lower()
        except OSError:
            return False

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask(self, *words: str) -> bytes:
        """Send a command. -> the beginning of the answer, as it is on the wire"""
        with socket.create_connection(("127.0.0.1", self.port), timeout=STARTS_WITHIN_S) as connection:
            if password := self.settings.get("requirepass"):
                connection.sendall(f"AUTH {password}\r\n".encode())
                connection.recv(100)
            parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
            connection.sendall(f"*{len(parts)}\r\n{''.join(parts)}".encode())
            return connection.recv(65536)

    def kill(self) -> None:
        """End it at once, as a power cut does but for the page cache."""
        self.signal(signal.SIGKILL)
        assert self._process
        self._process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal: SIGSTOP pauses it, SIGCONT lets it go on."""
        assert self._process
        os.kill(self._process.pid, number)

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()


@contextmanager
def shared_redis(folder: Path) -> Iterator[Engine]:
    """Start a server for many tests. -> an engine for `redis:`, with a chat of its own for each data folder"""
    with RedisServer(folder) as server:

        def chat_of(data: Path) -> str:
            name = blake2b(os.fsencode(data.resolve()), digest_size=8).hexdigest()
            return f"{server.url.removeprefix('redis:')}?chat={name}"

        redis = ROWS["redis"]

        def with_chat(function: Callable[..., object]) -> Callable[..., object]:
            return lambda _location, data, *rest: function(chat_of(data), data, *rest)

        yield replace(
            redis,
            forms={"redis:": "in a server for tests"},
            accepts=lambda location: not location,
            open=with_chat(redis.open),  # type: ignore[arg-type]
            check=with_chat(redis.check),  # type: ignore[arg-type]
            open_history=with_chat(redis.open_history),  # type: ignore[arg-type]
        )
