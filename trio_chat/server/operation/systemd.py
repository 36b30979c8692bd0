"""systemd: socket activation, readiness and watchdog.

Both protocols are public and stable: sd_listen_fds(3), sd_notify(3). Without systemd nothing here has any effect.
"""

import logging
import os
import socket
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field

import trio

from trio_chat.server.errors import SetupError

FIRST_FD = 3
"""The first inherited descriptor (SD_LISTEN_FDS_START)."""

CHAT, ADMIN = "chat", "admin"

logger = logging.getLogger(__name__)

Environment = MutableMapping[str, str]


@dataclass(slots=True)
class Inherited:
    """Listening sockets inherited from systemd. The caller closes them."""

    chat: list[socket.socket] = field(default_factory=list)
    admin: list[socket.socket] = field(default_factory=list)


def inherited_sockets(environment: Environment, first_fd: int = FIRST_FD) -> Inherited:
    """Take the inherited sockets: those named `chat` and `admin`; without these names, the first is the chat's.

    Removes the variables from the environment: they are for this process only. Raises SetupError.
    """
    pid, count, names = (environment.pop(f"LISTEN_{name}", "") for name in ("PID", "FDS", "FDNAMES"))
    if pid != str(os.getpid()) or not count.isdecimal():
        return Inherited()
    listeners = [_adopt(fd) for fd in range(first_fd, first_fd + int(count))]
    labels = names.split(":")
    if {*labels} - {CHAT, ADMIN}:
        labels = [CHAT, *[ADMIN] * (len(listeners) - 1)]
    found = Inherited()
    for listener, label in zip(listeners, labels, strict=False):
        (found.chat if label == CHAT else found.admin).append(listener)
    return found


def _adopt(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
        is_listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SetupError(f"descriptor {fd} from systemd is not a socket: {error.strerror}") from error
    if not is_listening or sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6):
        sock.close()
        raise SetupError(f"descriptor {fd} from systemd does not listen for TCP: use ListenStream=PORT")
    os.set_inheritable(fd, False)
    sock.setblocking(False)
    return sock


class ServiceManager:
    """Notifies systemd of the state of the server. A message that cannot be sent is logged and dropped."""

    def __init__(self, environment: Environment) -> None:
        """Take the variables for this process out of the environment."""
        self._address = environment.pop("NOTIFY_SOCKET", "")
        self._watchdog_s = _watchdog_s(environment)

    def ready(self) -> None:
        """Report that all ports are open, or that a reload is over."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Report that a reload has begun; `ready` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Report that the server is stopping."""
        self._send("STOPPING=1")

    async def watch(self) -> None:
        """Send the watchdog a sign of life twice per period, until cancelled; return if there is no watchdog."""
        while self._watchdog_s:
            self._send("WATCHDOG=1")
            await trio.sleep(self._watchdog_s / 2)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
                sock.sendto(message.encode(), address)
        except OSError as error:
            logger.warning("cannot tell systemd %s: %s", message.partition("\n")[0], error)


def _watchdog_s(environment: Environment) -> float:
    period_us, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    if pid not in ("", str(os.getpid())) or not period_us.isdecimal():
        return 0.0
    return int(period_us) / 1_000_000
