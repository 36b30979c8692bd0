"""A way to a Redis that can be cut: a TCP proxy that passes nothing on for a while."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class RedisWay:
    """A way to a port of this machine. While it is cut, connections stay, and new ones hang."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._is_open = threading.Event()
        self._is_open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        self._start(self._accept)

    def cut(self) -> None:
        """Pass nothing on from now on."""
        self._is_open.clear()

    def mend(self) -> None:
        """Pass on what has waited, and all that comes."""
        self._is_open.set()

    def close(self) -> None:
        """End all connections."""
        self.mend()
        for one in self._sockets:
            one.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # Redis is down
                    near.close()
                    continue
                self._sockets += near, far
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # one of them was reset: the other must not wait for what does not come any more
            while data := source.recv(65536):
                self._is_open.wait()
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
