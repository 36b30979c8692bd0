"""The address of a Redis, as the URL of a journal names it. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

DEFAULT_PORT, DEFAULT_SENTINEL_PORT = 6379, 26379

DEFAULT_CHAT = "trio-chat"

NAME_CHARS_MAX = 64

LEASE_MIN_S, LEASE_MAX_S = 2, 300

HOSTS_MAX = 32

REPLICAS_MAX = 16

URL_CHARS_MAX = 4096


class Topology(StrEnum):
    """The way in which the servers of a Redis belong together, as the scheme of the URL has it behind a plus."""

    ALONE = ""
    SENTINEL = "sentinel"
    """Sentinels know the primary, and choose another when it fails."""
    CLUSTER = "cluster"
    """Several primaries share the keys. Those of one chat are all on one."""


class HostPort(NamedTuple):
    """A host, by its name or its address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A Redis, the database in it, how to get in, and the name of the chat: its keys have that in common."""

    hosts: tuple[HostPort, ...]
    """The Redis, or else some of the sentinels or of the nodes of the cluster."""
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    chat: str = DEFAULT_CHAT
    topology: Topology = Topology.ALONE
    primary: str = ""
    """The name by which the sentinels know the Redis."""
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    replicas: int = 0
    """The number of replicas that must have an entry before anyone reads it. The same for all nodes."""
    is_encrypted: bool = False
    certificates: str | None = None
    """A file with the certificates that the server's has to be signed by; None for those of the system."""
    node: str | None = None
    """The name of this node; None for the random one in the data folder."""
    lease_s: int = 10
    """The time for which a node may be silent before others take it for gone. The same for all."""

    @property
    def prefix(self) -> str:
        """The beginning of all keys. The part in braces decides where a cluster has them: all in one place."""
        return f"{{{self.chat}}}:"

    def __str__(self) -> str:
        """Return the URL without passwords: it is for messages and logs."""
        scheme = f"redis{'s' * self.is_encrypted}{self.topology and '+'}{self.topology}"
        hosts = ",".join(map(str, self.hosts))
        path = {
            Topology.ALONE: f"/{self.database}",
            Topology.SENTINEL: f"/{self.primary}/{self.database}",
            Topology.CLUSTER: "",
        }[self.topology]
        chat = "" if self.chat == DEFAULT_CHAT else f"?chat={self.chat}"
        return f"{scheme}://{hosts}{path}{chat}"


def accepts(location: str, *, topology: Topology = Topology.ALONE, is_encrypted: bool = False) -> bool:
    """Tell whether this can be an address: what follows the scheme and its colon."""
    try:
        read_address(location, topology=topology, is_encrypted=is_encrypted)
    except ValueError:
        return False
    return True


def read_address(location: str, *, topology: Topology = Topology.ALONE, is_encrypted: bool = False) -> RedisAddress:
    """Read what follows the scheme and its colon: `//USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS`.

    With sentinels it is `//USER:PASSWORD@HOST:PORT,HOST:PORT/NAME/DATABASE`, as Redis-Sentinel-Url and others have it;
    a cluster has as many hosts, and no database. The options are chat=NAME, node=NAME, lease=SECONDS, replicas=NUMBER;
    where it is encrypted, ca=FILE; with sentinels, sentinel_username=NAME and sentinel_password=PASSWORD.

    Raises ValueError.
    """
    if not location.startswith("//") or "#" in location or len(location) > URL_CHARS_MAX:
        raise ValueError(location)
    rest, _, query = location[2:].partition("?")
    authority, _, path = rest.partition("/")
    login, _, hosts = authority.rpartition("@")
    username, _, password = login.partition(":")
    primary, database = _target(path.strip("/"), topology)
    options = _Options(query)
    address = RedisAddress(
        _host_ports(hosts, topology),
        database,
        unquote(username) or None,
        unquote(password) or None,
        options.name("chat") or DEFAULT_CHAT,
        topology,
        primary,
        options.take("sentinel_username") if topology is Topology.SENTINEL else None,
        options.take("sentinel_password") if topology is Topology.SENTINEL else None,
        options.number("replicas", 0, 0, REPLICAS_MAX),
        is_encrypted,
        options.take("ca") if is_encrypted else None,
        options.name("node"),
        options.number("lease", 10, LEASE_MIN_S, LEASE_MAX_S),
    )
    options.check_empty()
    return address


SCHEMES = {
    f"redis{'s' * is_encrypted}{topology and '+'}{topology}": (topology, is_encrypted)
    for topology in Topology
    for is_encrypted in (False, True)
}
"""The topology and whether it is encrypted, by the scheme of a URL."""


def read_url(url: str) -> RedisAddress:
    """Read a whole URL. Raises ValueError."""
    scheme, _, location = url.partition(":")
    if scheme not in SCHEMES:
        raise ValueError(url)
    topology, is_encrypted = SCHEMES[scheme]
    return read_address(location, topology=topology, is_encrypted=is_encrypted)


class _Options:
    """The options of a URL, each to be taken once. All methods raise ValueError for what cannot be."""

    def __init__(self, query: str) -> None:
        self._left = dict(parse_qsl(query, keep_blank_values=True))

    def take(self, name: str) -> str | None:
        """Return an option; None where it is not there, or empty."""
        return self._left.pop(name, None) or None

    def name(self, name: str) -> str | None:
        """Return an option that is a name."""
        found = self._left.pop(name, None)
        if found is not None and not _is_name(found):
            raise ValueError(name)
        return found

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return an option that is a number between two others."""
        found = _number(self._left.pop(name, str(default)))
        if not least <= found <= most:
            raise ValueError(name)
        return found

    def check_empty(self) -> None:
        """Check that all were taken."""
        if self._left:
            raise ValueError("unknown options")


def _target(path: str, topology: Topology) -> tuple[str, int]:
    """Return the name that the sentinels know, and the number of the database. Raises ValueError."""
    if topology is not Topology.SENTINEL:
        database = _number(path or "0")
        if topology is Topology.CLUSTER and database:
            raise ValueError("a cluster has one database")
        return "", database
    name, _, database_text = path.partition("/")
    if not _is_name(name.replace(".", "-")):  # as the sentinels allow
        raise ValueError("no name")
    return name, _number(database_text or "0")


def _host_ports(text: str, topology: Topology) -> tuple[HostPort, ...]:
    """Read hosts with their ports. Raises ValueError."""
    hosts = text.split(",")
    if len(hosts) > (1 if topology is Topology.ALONE else HOSTS_MAX):
        raise ValueError("too many hosts")
    return tuple(
        _host_port(host, DEFAULT_SENTINEL_PORT if topology is Topology.SENTINEL else DEFAULT_PORT) for host in hosts
    )


def _host_port(text: str, default_port: int) -> HostPort:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not bracket or (rest and colon != ":"):
            raise ValueError("no address")
    else:
        host, colon, port = text.partition(":")
    if not host or not host.isprintable() or _NO_HOST_CHARS & set(host):
        raise ValueError("no host")
    number = _number(port) if port else default_port
    if not 0 < number < 65536:
        raise ValueError("no port")
    return HostPort(host.lower(), number)


_NO_HOST_CHARS = frozenset(' "<>\\^`{|}[]')


def _number(text: str) -> int:
    """Read a number of few digits. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ValueError(text)
    return int(text)


def _is_name(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum() and len(name) <= NAME_CHARS_MAX
