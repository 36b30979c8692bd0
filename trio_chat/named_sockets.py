"""Listening at every address of a host name, on one port."""

import errno
import logging
import socket
from collections.abc import Sequence

FREE_PORT_TRIES = 20
"""Attempts to find a port that is free at every address of a name, where the port is 0."""

_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

logger = logging.getLogger(__name__)


def listen_at_name(host: str, port: int, *, backlog: int | None = None) -> list[socket.socket]:
    """Listen at every address that `host` has, all on one port (0: any that is free at all of them). Raises OSError.

    Addresses that this machine does not have are left out with a warning, unless it has none of them: a name in
    /etc/hosts often has an IPv6 address on machines without IPv6. The zone of a link-local address is kept. The caller
    closes the sockets.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = list(dict.fromkeys((family, address) for family, _kind, _protocol, _name, address in found))
    for _ in range(FREE_PORT_TRIES - 1 if port == 0 and len(addresses) > 1 else 0):
        try:
            return _listen(addresses, port, backlog)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    return _listen(addresses, port, backlog)


def _listen(addresses: Sequence[tuple[int, tuple[object, ...]]], port: int, backlog: int | None) -> list[socket.socket]:
    opened: list[socket.socket] = []
    missing: list[OSError] = []
    try:
        for family, address in addresses:
            try:
                with_port = (address[0], port, *address[2:])
                opened.append(socket.create_server(with_port, family=family, backlog=backlog))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing.append(error)
                continue
            port = opened[0].getsockname()[1]
        if not opened:
            raise missing[0]
    except OSError:
        for sock in opened:
            sock.close()
        raise
    for failure in missing:
        logger.warning("this machine does not have one of the addresses to listen at: %s", failure)
    return opened
