"""The ways in which a server is found, and what is said where it is not."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest
import trustme

from tests.http_server import Handler, http_server
from tests.operate.conftest import Operate
from tests.protocol.conftest import Server
from trio_chat.config import read_address

TOKEN = "a-token-of-an-operator"


def test_a_server_is_found_by_its_data_folder_and_by_the_variable(
    server: Server, trio_chat: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_flag = trio_chat("status", "--data", str(server.data), "--json").json
    monkeypatch.setenv("TRIO_CHAT_DATA", str(server.data))

    assert trio_chat("status", "--json").json["name"] == by_flag["name"]


def test_a_server_is_found_in_the_folder_that_it_takes_by_default(
    server: Server, trio_chat: Operate, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "trio-chat").symlink_to(server.data)

    assert trio_chat("status").status == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "127.0.0.1:{}", "http://localhost:{}/"])
def test_a_server_is_named_by_its_url(server: Server, trio_chat: Operate, url: str) -> None:
    assert trio_chat("status", "--admin", url.format(server.admin_port)).status == 0


def test_a_server_is_found_by_its_own_settings_file(server: Server, trio_chat: Operate, tmp_path: Path) -> None:
    file = tmp_path / "chat.toml"
    file.write_text(f"admin-port = {server.admin_port}\nport = 5555\n")

    assert trio_chat("status", "--config", str(file)).status == 0
    file.write_text(f"data = '{server.data}'\nadmin-port = 1\n")
    assert trio_chat("status", "--config", str(file)).status == 0


def test_a_file_may_name_the_server_for_operators(server: Server, trio_chat: Operate, tmp_path: Path) -> None:
    file = tmp_path / "operator.toml"
    file.write_text(f"admin = 'http://127.0.0.1:{server.admin_port}'\n")

    assert trio_chat("status", "--config", str(file)).status == 0


def test_a_name_before_the_host_is_shown_in_the_audit(server: Server, trio_chat: Operate) -> None:
    url = f"http://ann@127.0.0.1:{server.admin_port}"

    trio_chat("ban", "192.0.2.99", "--admin", url)

    assert trio_chat("bans", "--admin", url, "--json").json["bans"][-1]["by"] == "http ann@127.0.0.1"


def test_a_folder_without_a_server_is_status_4_and_no_other_server_is_taken(trio_chat: Operate, tmp_path: Path) -> None:
    done = trio_chat("clients", "--data", str(tmp_path))

    assert (done.status, done.out) == (4, "")
    assert done.err == f"trio-chat: no server runs on {tmp_path}: start one, or name one with --admin URL\n"


def test_where_nobody_listens_is_status_4(trio_chat: Operate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        url = f"http://127.0.0.1:{holder.getsockname()[1]}"
    done = trio_chat("clients", "--admin", url)

    assert (done.status, done.out) == (4, "")
    assert done.err.startswith(f"trio-chat: no answer from {url}: Connection refused; ")


@pytest.mark.parametrize(
    "url", ["ftp://host", "http://", "http://host:99999", "http://host:0", "http://a:b@host", "://"]
)
def test_a_url_that_is_none_is_status_2(trio_chat: Operate, url: str) -> None:
    done = trio_chat("clients", "--admin", url)

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("trio-chat: --admin: expected http:// or https:// with a host")


class Other(Handler):
    """A server of something else."""

    def respond(self) -> tuple[int, bytes]:
        return self.server.status, b"<html>"  # type: ignore[attr-defined]


@pytest.fixture
def other() -> Iterator[HTTPServer]:
    with http_server(Other) as running:
        yield running


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_a_server_of_something_else_is_status_4(other: HTTPServer, trio_chat: Operate, status: int) -> None:
    other.status = status  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{other.server_port}"

    done = trio_chat("clients", "--admin", url)

    assert (done.status, done.out) == (4, "")
    assert done.err.startswith(f"trio-chat: {url} is no admin API of trio-chat: it answered {status} ")


def test_a_token_is_found_beside_the_server_and_asked_for_elsewhere(
    start: Callable[..., Server], trio_chat: Operate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    server = start("--admin-token-file", str(file))
    url = f"http://127.0.0.1:{server.admin_port}"

    found = trio_chat("clients", "--data", str(tmp_path))
    missing = trio_chat("clients", "--admin", url)
    given = trio_chat("clients", "--admin", url, "--admin-token-file", str(file))
    monkeypatch.setenv("TRIO_CHAT_ADMIN_TOKEN", "a-token-that-is-wrong")
    wrong = trio_chat("clients", "--data", str(tmp_path))

    assert (found.status, given.status) == (0, 0)
    assert (missing.status, missing.err) == (
        5,
        f"trio-chat: a token is needed by {url}: give it with --admin-token-file FILE, or in TRIO_CHAT_ADMIN_TOKEN\n",
    )
    assert wrong.status == 5
    assert wrong.err.startswith("trio-chat: this is not the token of ")
    monkeypatch.delenv("TRIO_CHAT_ADMIN_TOKEN")
    assert trio_chat("clients", "--admin", url, "--admin-token-file", "/no/such").status == 5


def test_a_token_of_a_variable_is_not_written_down(
    start: Callable[..., Server], trio_chat: Operate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIO_CHAT_ADMIN_TOKEN", TOKEN)
    start()

    address = read_address(tmp_path)
    with_token = trio_chat("clients", "--data", str(tmp_path))
    monkeypatch.delenv("TRIO_CHAT_ADMIN_TOKEN")
    without = trio_chat("clients", "--data", str(tmp_path))

    assert address is not None
    assert (address.needs_token, address.token_file) == (True, None)
    assert TOKEN not in (tmp_path / "admin.json").read_text()
    assert (with_token.status, without.status) == (0, 5)


def test_tls_is_verified_unless_the_server_is_on_this_machine(
    start: Callable[..., Server], trio_chat: Operate, tmp_path: Path
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    certificate = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    for name, ca in (("ca.pem", authority), ("other.pem", other)):
        ca.cert_pem.write_to_path(tmp_path / name)
    server = start("--tls-cert", str(certificate), "--admin-tls")
    url = f"https://127.0.0.1:{server.admin_port}"

    assert trio_chat("status", "--data", str(tmp_path)).status == 0
    assert trio_chat("status", "--admin", url).status == 0
    assert trio_chat("status", "--admin", url, "--admin-ca", str(tmp_path / "ca.pem")).status == 0
    refused = trio_chat("status", "--admin", url, "--admin-ca", str(tmp_path / "other.pem"))
    plain = trio_chat("status", "--admin", url.replace("https", "http"))

    assert refused.status == 4
    assert "cannot be trusted" in refused.err
    assert "--admin-ca FILE" in refused.err
    assert plain.status == 4
    assert "https://" in plain.err


def test_the_file_goes_with_the_server_and_is_stale_once_it_was_killed(
    start: Callable[..., Server], trio_chat: Operate, tmp_path: Path
) -> None:
    first = start()
    assert (tmp_path / "admin.json").stat().st_mode & 0o777 == 0o600
    assert first.stop() == 0
    assert not (tmp_path / "admin.json").exists()

    second = start()
    second.process.kill()
    second.process.wait()

    assert (tmp_path / "admin.json").exists()
    assert trio_chat("clients", "--data", str(tmp_path)).status == 4
    third = start()
    with contextlib.closing(third.join()):
        assert trio_chat("clients", "--data", str(tmp_path), "--json").json["total"] == 1
