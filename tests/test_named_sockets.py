"""Listening at every address of a name. The resolver is made up, since a real one cannot be told names without root."""

import socket

import pytest

from trio_chat.named_sockets import listen_at_name
from trio_chat.server.transport.listener import bind


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch):
    """Let every name have these addresses."""
    real = socket.getaddrinfo

    def with_addresses(*addresses: str) -> None:
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda _host, port, *rest, **kinds: [row for one in addresses for row in real(one, port, *rest, **kinds)],
        )

    return with_addresses


def ends_of(sockets: list[socket.socket]) -> list[tuple[str, int]]:
    return [sock.getsockname()[:2] for sock in sockets]


def connects(end: tuple[str, int]) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(end) == 0


def test_every_address_of_a_name_is_listened_at_on_one_port_and_chat_connections_arrive(resolve) -> None:
    resolve("127.0.0.1", "127.0.0.2", "127.0.0.1")

    sockets = bind("a-name", 0)

    assert [address for address, _ in ends_of(sockets)] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in ends_of(sockets)}) == 1
    for sock, end in zip(sockets, ends_of(sockets), strict=True):
        assert connects(end)
        sock.close()


def test_an_address_that_this_machine_lacks_is_left_out_with_a_warning(resolve, caplog) -> None:
    resolve("127.0.0.1", "203.0.113.77")

    sockets = listen_at_name("a-name", 0)

    assert [address for address, _ in ends_of(sockets)] == ["127.0.0.1"]
    assert "203.0.113.77" in caplog.text
    sockets[0].close()


def test_a_name_without_an_address_of_this_machine_is_an_error(resolve) -> None:
    resolve("203.0.113.77", "203.0.113.78")

    with pytest.raises(OSError, match=r"203\.0\.113\.77"):
        listen_at_name("a-name", 0)


def test_a_port_that_is_taken_at_one_of_the_addresses_is_an_error_and_none_stays_open(resolve) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        resolve("127.0.0.1", "127.0.0.2")

        with pytest.raises(OSError, match="in use"):
            listen_at_name("a-name", port)

        socket.create_server(("127.0.0.1", port)).close()


def test_the_zone_of_a_link_local_address_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = []
    row = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 5555, 0, 7))
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, _port, **_kinds: [row])
    monkeypatch.setattr(
        socket,
        "create_server",
        lambda end, **_options: bound.append(end) or socket.socket(socket.AF_INET6),
    )

    for sock in listen_at_name("fe80::1%eth0", 5555):
        sock.close()

    assert bound == [("fe80::1", 5555, 0, 7)]
