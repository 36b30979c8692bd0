"""The argument HOST of `trio-chat join`: a host, a saved server or an invite, as people type or paste it."""

import re
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from trio_chat.config.client_file import ClientFile
from trio_chat.config.loading import ConfigError
from trio_chat.config.setting_types import integer

CHAT_PORT = 5555
_HOST_AND_PORT = re.compile(r"(?P<host>[^:]+|\[.*\]):(?P<port>[^:\]]*)")

_INVITE = re.compile(r"(?P<address>[^/]+)/(?P<code>[a-z2-7]{26})/(?P<digest>[0-9A-Fa-f]{64}|-)")
"""The line that `trio-chat invite` prints for `join`."""

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_CHAT_SCHEMES = frozenset(("trio-chat", "chat", "tcp", "telnet", "nc"))

_NO_HOST = re.compile(r"[\x00-\x20\x7f\"#$&'()*+,/;<=>?@\\^`{|}~!\s]")
"""A character that is in no host name and in no address."""

_INVISIBLE = " \t\r\n\xa0\u200b\ufeff"
"""Characters that are copied with an address."""


class HostArgument(NamedTuple):
    """The parts of HOST."""

    server: str
    """The name of a saved server, or HOST or HOST:PORT."""
    nick: str = ""
    """The nick before an `@`."""
    code: str = ""
    """The code of an invite."""
    digest: str = ""
    """SHA-256 of the server's certificate, in hex, from an invite; empty if that names none."""


def read_host_argument(text: str) -> HostArgument:
    """Parse HOST, NICK@HOST or HOST/CODE/DIGEST, also as a URL and with blanks around it. Raises ConfigError."""
    host = _without_scheme(text.strip(_INVISIBLE))
    code = digest = ""
    if invite := _INVITE.fullmatch(host):
        host, code, digest = invite["address"], invite["code"], invite["digest"].lower().removeprefix("-")
    nick, _, server = host.rpartition("@")
    return HostArgument(server, nick, code, digest)


def address_of(server: str, port: str | None, file: ClientFile) -> tuple[str, int]:
    """Return the host and port of a saved server, or of HOST or HOST:PORT; `port` overrides a saved one.

    Raises ConfigError, also for text that can be no host, so that nobody has to wait for a name server to say so.
    """
    if server in file.servers:
        host, saved_port = file.address_of(server)
        return host, _read_port(port) if port else saved_port or CHAT_PORT
    if "/" in server:  # no name of a host has one: a line that was pasted in two
        raise ConfigError("that invite is not whole: copy the line again, to its end")
    host, number = _split_address(server, port)
    _check_host(host)
    return host, number


def _without_scheme(host: str) -> str:
    """Return HOST without the scheme of a URL and the slash at its end."""
    if url := _SCHEME.match(host):
        if url["scheme"].lower() not in _CHAT_SCHEMES:
            raise ConfigError(f"HOST: {url[0]} is no chat's: expected HOST, HOST:PORT or NICK@HOST")
        return host[url.end() :].removesuffix("/")
    return host


def _split_address(host: str, port: str | None) -> tuple[str, int]:
    """Parse host and port. Without `port`, the host may be HOST:PORT; an IPv6 address is in brackets then."""
    if port is None and (parts := _HOST_AND_PORT.fullmatch(host)):
        host, port = parts["host"], parts["port"]
    return host, CHAT_PORT if port is None else _read_port(port)


def _read_port(port: str) -> int:
    try:
        number: int = integer(1, 65535).read(port, is_toml=False)
    except ValueError as error:
        raise ConfigError(f"PORT: {error}") from error
    return number


def _check_host(host: str) -> None:
    address = None
    with suppress(ValueError):
        address = ip_address(host.strip("[]"))
    if not host or _NO_HOST.search(host) or (":" in host and address is None):
        raise ConfigError(f"HOST: expected a name or an address, and its port behind it, got {host!r}")
    if isinstance(address, IPv6Address) and address.is_link_local and not address.scope_id:
        raise ConfigError(f"HOST: {address} needs the interface that leads there, as in {address}%eth0")
