"""A service under systemd, acted out by hand: sockets handed over, a socket for messages, a watchdog."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.protocol.conftest import PATIENCE_S, Peer, Server, watched

# What systemd does between fork and exec: the sockets from descriptor 3 on, and whom they are for.
LAUNCHER = """
import os, sys
fds = [os.dup2(int(fd), 100 + place) for place, fd in enumerate(sys.argv[1].split())]
for place, fd in enumerate(fds):
    os.dup2(fd, 3 + place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""

Start = Callable[..., Server]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Start]:
    """Start a server as a service; `sockets` are handed over, `variables` are set."""
    holds = tmp_path.with_suffix(".holds")
    servers: list[Server] = []
    with ExitStack() as stack:

        def start(*sockets: socket.socket, **variables: str) -> Server:
            fds = [sock.fileno() for sock in sockets]
            flags = ["--data", str(tmp_path), "--admin-port", "0", "--port", "0"]
            process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, " ".join(map(str, fds)), *watched(holds, "serve", *flags)],
                bufsize=0,
                pass_fds=fds,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            servers.append(Server(process, tmp_path, holds))
            stack.callback(servers[-1].close)
            return servers[-1]

        yield start
    assert [server.holds() for server in servers if server.holds()] == []


@pytest.fixture
def notices(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket at which systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(PATIENCE_S)
        yield sock


def listening() -> closing[socket.socket]:
    return closing(socket.create_server(("127.0.0.1", 0)))


def until(notices: socket.socket, wanted: str) -> str:
    """The next message that begins like this."""
    while not (message := notices.recv(4096).decode()).startswith(wanted):
        pass
    return message


def test_it_serves_on_the_sockets_that_were_handed_over_in_their_order(launch: Start) -> None:
    with listening() as chat, listening() as admin:
        server = launch(chat, admin)

        assert server.port == chat.getsockname()[1]
        assert server.admin_port == admin.getsockname()[1]
        assert b'"clients"' in server.http("GET /clients")


def test_it_knows_the_sockets_by_their_names(launch: Start) -> None:
    with listening() as chat, listening() as admin:
        server = launch(admin, chat, LISTEN_FDNAMES="admin:chat")

        assert server.port == chat.getsockname()[1]
        assert server.admin_port == admin.getsockname()[1]


def test_a_restart_refuses_nobody(launch: Start) -> None:
    with listening() as chat:
        server = launch(chat)
        before = server.join()
        before.send(b"before\n/who\n")
        before.until("(you) ***")
        assert server.stop() == 0

        with socket.create_connection(chat.getsockname(), PATIENCE_S) as waiting:
            waiting.sendall(b"/history\n")
            launch(chat)
            lines = Peer(waiting).until("> before")

    assert lines


def test_sockets_for_another_process_are_left_alone(tmp_path: Path) -> None:
    with listening() as other:
        command = [
            sys.executable,
            "-m",
            "trio_chat",
            "serve",
            "--journal",
            "memory:",
            "--port",
            "0",
            "--admin-port",
            "0",
        ]
        variables = {**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1"}
        with subprocess.Popen(command, bufsize=0, env=variables, stdout=subprocess.PIPE) as process:
            server = Server(process, tmp_path)
            assert server.port != other.getsockname()[1]
            server.close()


def test_an_inherited_descriptor_that_does_not_listen_is_one_line() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = subprocess.run(
            [sys.executable, "-c", LAUNCHER, str(ours.fileno()), "-m", "trio_chat", "serve", "--journal", "memory:"],
            pass_fds=[ours.fileno()],
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == (b"trio-chat: descriptor 3 from systemd does not listen for TCP: use ListenStream=PORT\n")


def test_it_tells_when_it_is_ready_reloads_and_stops(launch: Start, notices: socket.socket) -> None:
    began = time.monotonic_ns() // 1000
    server = launch(NOTIFY_SOCKET=notices.getsockname())

    assert notices.recv(4096) == b"READY=1"
    assert server.join()

    server.process.send_signal(signal.SIGHUP)
    state, when = notices.recv(4096).decode().split("\n")
    assert state == "RELOADING=1"
    assert began < int(when.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert notices.recv(4096) == b"READY=1"

    assert server.stop() == 0
    assert notices.recv(4096) == b"STOPPING=1"


def test_it_feeds_the_watchdog_from_the_event_loop(launch: Start, notices: socket.socket) -> None:
    launch(NOTIFY_SOCKET=notices.getsockname(), WATCHDOG_USEC="20000")

    assert until(notices, "WATCHDOG=1") == until(notices, "WATCHDOG=1")
    assert until(notices, "WATCHDOG=1")


def test_a_watchdog_of_another_process_is_not_fed(launch: Start, notices: socket.socket) -> None:
    server = launch(NOTIFY_SOCKET=notices.getsockname(), WATCHDOG_USEC="1000", WATCHDOG_PID="1")

    assert notices.recv(4096) == b"READY=1"
    server.join()
    assert server.stop() == 0
    assert notices.recv(4096) == b"STOPPING=1"


def test_a_service_manager_that_does_not_listen_stops_nothing(launch: Start, tmp_path: Path) -> None:
    server = launch(NOTIFY_SOCKET=str(tmp_path / "nobody"))

    server.join()
    assert server.stop() == 0


def test_several_sockets_may_be_the_chats(launch: Start) -> None:
    with listening() as one, listening() as admin, listening() as other:
        launch(one, admin, other, LISTEN_FDNAMES="chat:admin:chat")

        for chat in (one, other):
            with socket.create_connection(chat.getsockname(), PATIENCE_S) as client:
                client.sendall(b"/who\n")
                assert client.recv(100)
