"""A real HAProxy that tests start, with what it says of the servers behind it."""

import csv
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import PATIENCE_S
from tests.ports import free_port

PROGRAM = shutil.which("haproxy", path=f"{os.defpath}:/usr/sbin") or "haproxy"

COMPOSE = Path(__file__).parents[1] / "docs" / "compose"

CHECKS = ("inter 1s fastinter 200ms downinter 500ms", "inter 200ms fastinter 50ms downinter 50ms")
"""Intervals of the checks of nodes, in the configuration for operators and in tests."""

Row = dict[str, str]


class HaProxy:
    """HAProxy with a configuration in which `fd@NAME` stands for a listening socket of that name."""

    def __init__(self, folder: Path, config: str) -> None:
        self._stats = folder / "stats"
        self._sockets = ExitStack()
        self.ports: dict[str, int] = {}
        fds = {name: self._listen(name) for name in re.findall(r"fd@([a-z]+)", config)}
        file = folder / "haproxy.cfg"
        file.write_text(
            f"global\n    stats socket {self._stats} level admin\n"
            + re.sub(r"fd@([a-z]+)", lambda match: f"fd@{fds[match[1]]}", config)
        )
        self._process = subprocess.Popen([PROGRAM, "-db", "-q", "-f", str(file)], pass_fds=[*fds.values()])

    def _listen(self, name: str) -> int:
        listener = self._sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.ports[name] = listener.getsockname()[1]
        return listener.fileno()

    def until(self, backend: str, server: str, status: str) -> Row:
        """Wait until a check has found a server to be so. -> what is said of it"""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < deadline
            row = self._row(backend, server)
            if row.get("status") == status and row["check_status"].startswith("L"):  # it says UP before its first check
                return row
            time.sleep(0.01)

    def _row(self, backend: str, server: str) -> Row:
        try:
            text = self._ask(b"show stat\n").removeprefix("# ")
        except (FileNotFoundError, ConnectionRefusedError):  # it has not started yet
            return {}
        rows = csv.DictReader(text.splitlines())
        return next(row for row in rows if (row["pxname"], row["svname"]) == (backend, server))

    def _ask(self, command: bytes) -> str:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(self._stats))
            sock.sendall(command)
            return b"".join(iter(lambda: sock.recv(65536), b"")).decode()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._sockets.close()


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """The place of a node. It keeps its ports when it is started again, and nobody else takes them meanwhile.

    For that each process of tests has an address of this machine for itself.
    """

    host: str
    port: int
    admin_port: int

    @classmethod
    def choose(cls) -> "NodeAddress":
        """Choose one where nobody listens."""
        pid = os.getpid()
        host = f"127.{64 | pid >> 16}.{pid >> 8 & 255}.{pid & 255}"
        return cls(host, free_port(host), free_port(host))

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags with which a server is there, behind HAProxy."""
        chat = ("--host", self.host, "--port", str(self.port), "--proxy", "127.0.0.0/8")
        return *chat, "--admin-host", self.host, "--admin-port", str(self.admin_port)


def config_for(nodes: Mapping[str, NodeAddress]) -> str:
    """Return the configuration for operators with these nodes in it, and sockets `chat` and `admin`."""
    config = (COMPOSE / "haproxy.cfg").read_text()
    config = config.replace("bind :5555", "bind fd@chat").replace("bind :8080", "bind fd@admin")
    config = config.replace(*CHECKS).replace(" check port 8080 ", " check ")
    for name, at in nodes.items():
        config = config.replace(f"{name}:5555", f"{at.host}:{at.port} port {at.admin_port}")
        config = config.replace(f"{name}:8080", f"{at.host}:{at.admin_port}")
    return re.sub(r"^ *server .*[a-z0-9]:(?:5555|8080).*\n", "", config, flags=re.MULTILINE)  # of which there is none


def redis_settings() -> dict[str, str]:
    """Return the settings of Redis for operators, by their names."""
    lines = (COMPOSE / "redis.conf").read_text().splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}
