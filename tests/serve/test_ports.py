"""The ports of a server, and one that is taken."""

import socket
from collections.abc import Iterator

import pytest

from trio_chat.config import ServeSettings
from trio_chat.serve.ports import open_ports
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.systemd import Inherited


@pytest.fixture
def settings() -> Iterator[ServeSettings]:
    """Settings whose admin port is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield ServeSettings(host="127.0.0.1", port=0, admin_port=taken.getsockname()[1])


async def test_a_default_admin_port_that_is_taken_leaves_the_admin_api_off_and_says_how_to_move_it(
    settings: ServeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_ports(settings, Inherited(), needs_admin=False) as (chat_sockets, admin_listeners):
        socket.create_connection(chat_sockets[0].getsockname()).close()

    assert admin_listeners == []
    assert "the admin API is off" in caplog.text
    assert "--admin-port" in caplog.text


async def test_an_admin_port_that_was_asked_for_and_is_taken_ends_the_start(settings: ServeSettings) -> None:
    with pytest.raises(SetupError, match="--admin-port"):
        async with open_ports(settings, Inherited()):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1:5555", "[::1]:5555", "[::1]"])
async def test_an_address_with_a_port_or_brackets_is_refused_with_the_way_to_write_it(host: str) -> None:
    with pytest.raises(SetupError, match=r"choose another with --host, without brackets, and the port with --port$"):
        async with open_ports(ServeSettings(host=host, port=0), Inherited()):
            pass
