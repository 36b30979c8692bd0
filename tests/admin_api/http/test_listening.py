import socket

import pytest

from admin_api.http.listening import open_listeners


@pytest.mark.parametrize("host", ["", "::"])
async def test_every_interface_is_reached_over_ipv4(host: str) -> None:
    listeners = await open_listeners(host, 0)
    ports = [listener.socket.getsockname()[1] for listener in listeners if listener.socket.family == socket.AF_INET]

    for port in ports:
        socket.create_connection(("127.0.0.1", port)).close()
    for listener in listeners:
        await listener.aclose()

    assert ports
