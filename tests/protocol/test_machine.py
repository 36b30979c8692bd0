"""Signals, descriptors and other acts of the machine and its operator, seen from outside."""

import os
import re
import select
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.faults.stop import stop_under_load
from tests.journal.sqlite.schemas import set_back
from tests.ports import free_port
from tests.protocol.conftest import PATIENCE_S, Peer, running_server

COMMAND = [sys.executable, "-m", "trio_chat", "serve", "--port", "0", "--admin-port", "0"]


def test_m5_out_of_file_descriptors_those_inside_go_on_and_others_come_in_later(start) -> None:
    server = start()
    alice, bob = server.join(), server.join()
    alice.line()
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    subprocess.run(["prlimit", "--pid", str(server.process.pid), f"--nofile={used + 2}"], check=True)

    extra = [server.connect() for _ in range(10)]
    bob.send(b"still here\n")
    assert alice.until("still here")
    for peer in extra:
        peer.close()
    carol = server.join()
    carol.send(b"me too\n")

    assert alice.until("me too")
    server.process.terminate()
    _, errors = server.process.communicate(timeout=PATIENCE_S)
    assert errors.count(b"cannot accept connections") in (1, 2)
    assert b"Traceback" not in errors


def test_m6_a_server_under_load_with_stuck_readers_and_http_clients_stops_in_order_and_tells_everyone(server) -> None:
    stop = stop_under_load(server, clients=200, stuck=20, talkers=4)

    assert stop.is_in_order, stop


def test_m6_a_second_signal_ends_it_at_once(server) -> None:
    stuck = server.join()
    stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    writer = server.join()
    for _ in range(300):
        writer.send(b"x" * 4000 + b"\n")
    writer.send(b"/who\n")
    writer.until("(you) ***")

    server.process.send_signal(signal.SIGTERM)
    writer.until("shutting down ***")  # it waits for the other one now
    server.process.send_signal(signal.SIGINT)

    assert server.process.wait(PATIENCE_S) in (0, 130)  # 0 where that was so late that it had stopped already


@pytest.mark.parametrize("moment", [b"trio_chat.config", b"trio_chat.serve.app", b"admin_api.http.serving"])
def test_m6_a_signal_while_starting_is_obeyed(moment: bytes) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "--journal", "memory:"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    for line in process.stderr:
        if moment in line:
            break

    process.terminate()

    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in ((0, -signal.SIGTERM) if moment == b"trio_chat.config" else (0,))
    assert b"Traceback" not in errors


def test_m6_a_signal_while_an_earlier_journal_is_brought_up_to_date_is_obeyed(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        assert server.stop() == 0
    row = "'lobby', 'said', 'alice', 'hello', '', 0, '', '', 0"
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute(
            f"""WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 300000)
            INSERT INTO entry (id, room, kind, author, text, "to", time, session, key, crc) SELECT id, {row} FROM n"""
        )
        set_back(db, 3)
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "--data", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    for line in process.stderr:
        if b"trio_chat.journal.sqlite.journal" in line:
            break

    process.terminate()

    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert b"trio-chat: " not in errors
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        assert db.execute("SELECT count(*) FROM entry").fetchone() == (300_000,)


@pytest.mark.parametrize("setting", ["--password-file", "--tls-cert", "--admin-token-file"])
def test_m6_a_signal_is_obeyed_while_a_file_of_the_settings_never_answers(tmp_path: Path, setting: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [*COMMAND, "--journal", "memory:", setting, str(pipe)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = os.open(pipe, os.O_WRONLY)  # waits until somebody reads

    process.terminate()

    try:
        assert process.communicate(timeout=PATIENCE_S) == (b"", b"")
    finally:
        process.kill()
        os.close(end)
    assert process.returncode == 0


def test_m7_what_keeps_it_from_starting_is_one_line(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("rubbish")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        runs = [
            [*COMMAND, "--data", str(tmp_path / "a"), "--host", "127.0.0.1", "--port", port],
            [*COMMAND, "--data", "/proc/nowhere"],
            [*COMMAND, "--journal", "mysql:"],
            [*COMMAND, "--host", "no such host"],
            [*COMMAND, "--data", str(tmp_path / "b"), "--tls-cert", str(rubbish)],
            [*COMMAND, "--data", str(tmp_path / "c"), "--password-file", str(tmp_path)],
            [*COMMAND, "--data", str(rubbish)],
        ]
        for run in runs:
            done = subprocess.run(run, capture_output=True, timeout=PATIENCE_S, check=False)

            assert done.returncode == 1
            assert done.stderr.count(b"\n") == 1, done.stderr
            assert done.stderr.startswith(b"trio-chat: ")


def test_m7_a_malformed_file_is_one_line_that_names_the_place(tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("rate = 5\nburst = \n")

    done = subprocess.run(
        [*COMMAND, "--config", str(file)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"trio-chat: {file}: not valid TOML: Invalid value (at line 2, column 9)\n"


@pytest.fixture
def shared_path() -> Iterator[Path]:
    """A temporary folder that other users may enter. Every run of pytest takes the folder of `tmp_path` for itself."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o700, 0o600), (0o777, 0o600)], ids=["folder", "file"])
def test_m7_data_of_another_user_is_one_line(shared_path: Path, folder_mode: int, file_mode: int) -> None:
    done = start_as_nobody(shared_path / "data", folder_mode, file_mode)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("trio-chat: cannot ")
    assert "choose another" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_m2_a_journal_that_may_only_be_read_is_refused_by_name_and_left_as_it_is(shared_path: Path) -> None:
    file = shared_path / "data" / "journal.db"

    done = start_as_nobody(shared_path / "data", 0o777, 0o444)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"trio-chat: cannot write to the journal {file}: ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o444


def start_as_nobody(data: Path, folder_mode: int, file_mode: int) -> subprocess.CompletedProcess[str]:
    """Start a server, as a user who owns nothing, on what a server of root left there."""
    with running_server(data) as server:
        assert server.stop() == 0
    data.chmod(folder_mode)
    (data / "journal.db").chmod(file_mode)

    # It gives up being root when all is imported: nobody else may be able to read Python here.
    code = (
        "import encodings.idna, os, sys, trio_chat.serve.app, trio_chat.journal.sqlite.journal; "
        "from trio_chat.cli import run; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(run(sys.argv[1:]))"
    )
    flags = ["serve", "--port", "0", "--admin-port", "0", "--data", str(data)]
    return subprocess.run(
        [sys.executable, "-c", code, *flags],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("redirection", ["1>&-", "0<&-", "0<&- 1>&- 2>&-", "</dev/null", "1>/dev/full", "2>/dev/full"])
def test_m8_closed_and_full_standard_streams_do_not_matter(tmp_path: Path, redirection: str) -> None:
    port = free_port()
    flags = f"serve --host 127.0.0.1 --port {port} --admin-port 0 --data {tmp_path}"
    process = subprocess.Popen(["sh", "-c", f"exec {sys.executable} -m trio_chat {flags} {redirection}"])
    try:
        with closing(Peer(connect_when_up(port))) as alice:
            alice.send(b"/me listens\n/who\n")
            assert alice.line().startswith("*** 1 in #lobby")
            with closing(Peer(socket.create_connection(("127.0.0.1", port), PATIENCE_S))) as bob:
                bob.send(b"/nick bob\nhello\n")
                alice.until("[bob]> hello")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_m8_a_stdout_that_nobody_reads_does_not_stop_the_server(server) -> None:
    peers = [server.connect() for _ in range(50)]
    for _ in range(40):
        for peer in peers[:50]:
            peer.send(b"/nick n\n/quit\n")
        for peer in peers:
            peer.rest()
            peer.close()
        peers = [server.connect() for _ in range(50)]

    peers[0].send(b"/who\n")

    while not re.match(r"\*\*\* \d+ in #lobby: ", peers[0].line()):
        pass


def test_m8_a_stdout_whose_reader_is_gone_does_not_stop_the_server(server) -> None:
    alice = server.join()
    server.process.stdout.close()

    for _ in range(20):
        visitor = server.connect()
        visitor.send(b"/quit\n")
        visitor.rest()
    bob = server.connect()
    bob.send(b"still here\n")

    assert alice.until("> still here")
    assert server.stop() == 0


def connect_when_up(port: int) -> socket.socket:
    """Connect as soon as the server listens."""
    for _ in range(2000):
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        except ConnectionRefusedError:
            select.select([], [], [], 0.01)  # leave the processor to the server
    raise AssertionError("the server did not start")


def test_a_run_in_the_development_mode_of_python_warns_of_nothing(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDEVMODE", "1")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    with running_server(tmp_path, "--log-level", "error", "--tls-cert", str(certificate)) as server:
        alice = server.join()
        alice.send(b"/nick alice\n/history\n/search hello\n")
        command = [sys.executable, "-m", "trio_chat", "join", "--tls-ca", certificate, "localhost", str(server.port)]
        bob = subprocess.run(command, input=b"hello\n", capture_output=True, timeout=PATIENCE_S)
        alice.until("hello")
        assert b"200" in server.http("GET /clients")
        assert b"200" in server.http(f"DELETE /clients/{alice.port}")
        server.type("list\nquit()")
        _, warned = server.process.communicate(timeout=PATIENCE_S)

    assert (server.process.returncode, warned) == (0, b"")
    assert (bob.returncode, bob.stderr) == (0, b"")
