"""The address of a server, and connecting to it by TCP. Each error is one sentence."""

import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from trio_chat.exception_groups import leaf_exceptions

CONNECT_TIMEOUT_S = 10

ALTERNATIVE_TIMEOUT_S = 2.5
"""Time for an answer from one of several addresses of a host, before another is tried."""

IN_THE_CLEAR = "the connection is not encrypted: anyone on the way can read it (--tls, if the server has it)"

Notify = Callable[[str], None]
"""Called with a notice about the connection, for the person."""

# A server that vanished is noticed within 45 s, as the server notices us.
_KEEPALIVE = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 15),
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 15),  # the name of TCP_KEEPIDLE on macOS
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 8),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 38_000),
)


class LinkError(Exception):
    """The server cannot be reached, or refuses us; the text is one sentence that says why.

    `is_final`: trying again cannot help. `retry_s`: the time after which the server said it can. `is_stranger`: the
    other end is no trio-chat server, so most likely the address is wrong. `wants_password`: the password is missing or
    wrong; `wants_name_password`: that of the name may be. `is_mute`: somebody accepted the connection, and was silent.
    """

    def __init__(
        self,
        text: str,
        *,
        is_final: bool = False,
        is_stranger: bool = False,
        wants_password: bool = False,
        wants_name_password: bool = False,
        is_mute: bool = False,
        retry_s: float | None = None,
    ) -> None:
        super().__init__(text)
        self.wants_password = wants_password
        self.wants_name_password = wants_name_password
        self.is_mute = is_mute
        self.is_stranger = is_stranger
        self.is_final = is_final
        self.retry_s = retry_s


class Address(Protocol):
    """The address of a server, and the way to connect to it."""

    async def connect(self, notify: Notify) -> trio.abc.Stream:
        """Connect; `notify` is called with notices for the person. The caller closes the stream. Raises LinkError."""

    @property
    def has_alternative(self) -> bool:
        """True if the host has another address than the one connected to last, and that is not known to be mute."""

    def avoid(self) -> bool:
        """Avoid the address connected to last, which is mute. -> False if all are: then none is avoided any more"""


@dataclass(slots=True)
class TcpAddress:
    """The address of a server without TLS. The host may have several, which are tried until one answers."""

    host: str
    port: int
    _resolved: tuple[str, ...] = field(default=(), init=False, repr=False, compare=False)
    _mute: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _used: str = field(default="", init=False, repr=False, compare=False)
    _has_warned: bool = field(default=False, init=False, repr=False, compare=False)
    """True if the person was told that others can read what is sent."""

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"

    @property
    def bare_host(self) -> str:
        """The host without the brackets that an IPv6 address may be written in."""
        return self.host.removeprefix("[").removesuffix("]")

    async def connect(self, notify: Notify) -> trio.SocketStream:
        """Connect. The caller closes the stream. Raises LinkError.

        `notify` is called once, where others can read what is sent.
        """
        stream = await self.open()
        if not self._has_warned and not is_loopback(self._used):
            self._has_warned = True
            notify(IN_THE_CLEAR)
        return stream

    async def open(self) -> trio.SocketStream:
        """Connect, for whoever encrypts it. The caller closes the stream. Raises LinkError."""
        stream = await self._open_tcp()
        self._used = _ip_of(stream.socket.getpeername())
        for level, name, value in _KEEPALIVE:
            if hasattr(socket, name):
                stream.setsockopt(level, getattr(socket, name), value)
        return stream

    async def _open_tcp(self) -> trio.SocketStream:
        trouble = f"cannot reach {self}"
        try:
            with trio.fail_after(CONNECT_TIMEOUT_S):
                return await self._open_any()
        except trio.TooSlowError as error:
            raise LinkError(f"{trouble}: no answer within {CONNECT_TIMEOUT_S} s") from error
        except (socket.gaierror, UnicodeError) as error:  # UnicodeError: no name can be like that
            raise LinkError(f"{trouble}: {_explain_lookup_error(error)}") from error
        except OSError as error:
            raise LinkError(f"{trouble}: {_explain_connect_error(error)}") from error

    @property
    def has_alternative(self) -> bool:
        """True if the host has another address than the one connected to last, and that is not known to be mute."""
        return not self._mute.issuperset(ip for ip in self._resolved if ip != self._used)

    def avoid(self) -> bool:
        """Avoid the address connected to last, which is mute. -> False if all are: then none is avoided any more"""
        self._mute.add(self._used)
        if not self._mute.issuperset(self._resolved):
            return True
        self._mute.clear()
        return False

    async def _open_any(self) -> trio.SocketStream:
        """Connect to whichever address is first to accept; to one that is mute only if no other accepts."""
        found = await trio.socket.getaddrinfo(self.bare_host, self.port, type=socket.SOCK_STREAM)
        self._resolved = tuple(dict.fromkeys(_ip_of(address) for *_, address in found))
        if self._mute.isdisjoint(self._resolved):
            return await trio.open_tcp_stream(self.bare_host, self.port)
        return await self._open_first(sorted(self._resolved, key=self._mute.__contains__))

    async def _open_first(self, ips: Sequence[str]) -> trio.SocketStream:
        """Connect to the first of these that accepts. Raises OSError of the last one."""
        *others, last = ips
        for ip in others:
            with trio.move_on_after(ALTERNATIVE_TIMEOUT_S), suppress(OSError):
                return await trio.open_tcp_stream(ip, self.port)
        return await trio.open_tcp_stream(last, self.port)


def is_loopback(ip: str) -> bool:
    """Tell whether an address is one of this machine alone, so that nobody is on the way to it."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _ip_of(address: Any) -> str:
    """Return the IP address of a socket's address, with its zone if it has one."""
    ip, _, *rest = address
    zone = rest[1] if len(rest) > 1 else 0
    return f"{ip}%{zone}" if zone and "%" not in ip else str(ip)


def reason_of(error: BaseException | None) -> str:
    """Explain an error of the operating system in a few words."""
    if isinstance(error, TimeoutError) and error.errno in (None, errno.ETIMEDOUT):
        return "no answer"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error)


def _explain_lookup_error(error: socket.gaierror | UnicodeError) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "the name could not be looked up; is there a network?"
    return "there is no such name or address"


def _explain_connect_error(error: OSError) -> str:
    """Explain the most useful error where a name has several addresses: refused rather than unreachable."""
    cause = error.__cause__
    failures = leaf_exceptions(cause or error)
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return "the connection was refused; is the server running, and is this its port?"
    return reason_of(failures[0])
