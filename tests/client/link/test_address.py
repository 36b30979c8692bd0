import socket
from typing import Any

import pytest
import trio

from trio_chat.client.link import address as module
from trio_chat.client.link.address import CONNECT_TIMEOUT_S, IN_THE_CLEAR, LinkError, TcpAddress, is_loopback


async def why_not(host: str, port: int) -> str:
    with pytest.raises(LinkError) as caught:
        await TcpAddress(host, port).connect(pytest.fail)
    return str(caught.value)


async def test_a_name_that_does_not_exist_is_said_to() -> None:
    assert await why_not("x" * 64, 5555) == f"cannot reach {'x' * 64} port 5555: there is no such name or address"


async def test_a_lookup_that_failed_says_what_to_check() -> None:
    class NoNetwork(trio.abc.HostnameResolver):
        async def getaddrinfo(self, *_: Any) -> Any:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

        async def getnameinfo(self, *_: Any) -> Any:
            raise NotImplementedError

    trio.socket.set_custom_hostname_resolver(NoNetwork())

    assert "the name could not be looked up; is there a network?" in await why_not("chat.example.org", 5555)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection_asks_the_right_questions(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    reason = "the connection was refused; is the server running, and is this its port?"
    assert await why_not(host, port) == f"cannot reach {host} port {port}: {reason}"


@pytest.mark.parametrize("host", ["::1", "[::1]"])
async def test_an_ipv6_address_is_an_address_in_brackets_too(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert "no such name" not in await why_not(host, port)


async def test_a_server_that_does_not_answer_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as first:
        first.connect(server.getsockname())
        start = trio.current_time()

        why = await why_not("127.0.0.1", server.getsockname()[1])

    assert why.endswith(f": no answer within {CONNECT_TIMEOUT_S} s")
    assert trio.current_time() - start == CONNECT_TIMEOUT_S


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1%eth0", False),
        ("10.0.0.1", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(ip: str, expected: bool) -> None:
    assert is_loopback(ip) is expected


@pytest.mark.parametrize(("ip", "told"), [("127.0.0.1", []), ("192.0.2.7", [IN_THE_CLEAR])])
async def test_a_connection_in_the_clear_to_another_machine_is_said_to_be_one_once(
    ip: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ip_of", lambda _address: ip)
    notices: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = TcpAddress("127.0.0.1", server.getsockname()[1])
        for _ in range(2):
            await trio.aclose_forcefully(await address.connect(notices.append))

    assert notices == told
