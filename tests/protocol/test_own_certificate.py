"""`serve --tls`: a server with a certificate of its own, and clients that know it by its fingerprint."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trio_chat.cli import run
from trio_chat.client.link.known_servers import KnownServers


def join(state: Path, *arguments: str, said: str = "hello\n") -> subprocess.CompletedProcess[str]:
    """Join from a pipe, as somebody whose state is in this folder."""
    command = [sys.executable, "-m", "trio_chat", "join", *arguments]
    variables = {**os.environ, "XDG_STATE_HOME": str(state)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, input=said, check=False)


def test_clients_know_it_by_the_fingerprint_that_the_server_prints(start, tmp_path: Path) -> None:
    state = tmp_path / "state"
    server = start("--tls")
    fingerprint = server.console(r"^TLS certificate: (SHA-256 [0-9A-F:]{95})$").group(1)

    first = join(state, "localhost", str(server.port), "--tls")
    again = join(state, "localhost", str(server.port))

    assert first.returncode == again.returncode == 0
    assert f"from now on only this one is accepted: {fingerprint}" in first.stderr
    assert again.stderr == ""
    assert KnownServers(state / "trio-chat" / "known-servers").load("localhost", server.port) == fingerprint


def test_it_stays_the_same_when_the_server_is_restarted(start, tmp_path: Path) -> None:
    printed = []
    for _ in range(2):
        server = start("--tls", "--tls-required")
        printed.append(server.console(r"^TLS certificate: (.*)$").group(1))
        assert server.connect(b"hello\n").line().startswith("*** this server speaks TLS only")
        assert server.stop() == 0

    assert printed[0] == printed[1]


def test_a_server_that_had_tls_is_never_spoken_to_in_the_clear(tmp_path: Path) -> None:
    """Somebody on the way could answer in its place."""
    state = tmp_path / "state"
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        port = impostor.getsockname()[1]
        KnownServers(state / "trio-chat" / "known-servers").save("localhost", port, "SHA-256 " + ":".join(["00"] * 32))
        command = [sys.executable, "-m", "trio_chat", "join", "localhost", str(port)]
        variables = {**os.environ, "XDG_STATE_HOME": str(state)}
        process = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with process, impostor.accept()[0] as connection:
            first = connection.recv(2)
            process.kill()

    assert first == b"\x16\x03"  # a handshake of TLS, not a hello


def test_a_certificate_that_is_named_goes_first_and_none_is_made(start, certificate: Path, tmp_path: Path) -> None:
    server = start("--tls", "--tls-cert", str(certificate))

    server.connect_by_tls().send(b"hello\n")

    assert not (tmp_path / "tls.pem").exists()


def test_the_admin_api_takes_it_too(start) -> None:
    server = start("--tls", "--admin-tls")

    with socket.create_connection(("127.0.0.1", server.admin_port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert not sock.recv(100).startswith(b"HTTP/")


@pytest.mark.parametrize("is_there", [False, True])
def test_check_config_makes_none(is_there: bool, tmp_path: Path, start) -> None:
    data = tmp_path if is_there else tmp_path / "data"
    if is_there:
        start("--tls").stop()
    before = sorted(tmp_path.rglob("*"))

    assert run(["check-config", "--quiet", "--tls", "--tls-required", "--admin-tls", "--data", str(data)]) == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_reload_that_asks_for_it_waits_for_a_restart(start, tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text("")
    server = start("--config", str(file))
    file.write_text("tls = true\n")

    server.type("reload")
    server.console(r"^tls needs a restart: still false, not true$")

    assert not (tmp_path / "tls.pem").exists()
    assert server.join()
