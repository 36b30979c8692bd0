"""Ports of programs that cannot choose one themselves, or whose output cannot be read."""

import socket

_reserved: list[socket.socket] = []
"""Bound, and not listening: no other program is given these ports, and whoever asks for one by its number gets it."""


def free_port(host: str = "127.0.0.1") -> int:
    """Reserve a port until the tests end, for a program that sets SO_REUSEADDR, as all servers here do."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, 0))
    _reserved.append(sock)
    return int(sock.getsockname()[1])
