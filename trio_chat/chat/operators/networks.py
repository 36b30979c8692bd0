"""Addresses and networks: reading and showing them.

A mapped IPv4 address, such as `::ffff:10.1.2.3`, is read as IPv4, and the zone of an address is dropped, so that equal
addresses compare as equal.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Generic, TypeVar

from trio_chat.chat.errors import ChatError

IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
V = TypeVar("V")

_Key = tuple[int, int, int]
"""Version, length of the prefix, first address."""

WRITTEN_MAX = 64
"""Characters of a network as somebody may write it. The longest are IPv6 with an IPv4 part, brackets and a prefix."""


def parse_network(written: str, *, strict: bool) -> Network:
    """Read an address or a network; one that is `strict` has no bits behind the mask. Raises ValueError.

    The zone of an IPv6 address is refused: it would have no effect, and Python takes any characters for one.
    """
    if len(written) > WRITTEN_MAX:
        raise ValueError("too long")
    if "%" in written:
        raise ValueError("a zone")
    network = ip_network(written, strict=strict)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and (inner := network.network_address.ipv4_mapped):
        return IPv4Network((inner, network.prefixlen - 96))
    return network


def read_network(written: str) -> Network:
    """Read what an operator typed: an address or a network. Bits behind the mask are ignored. Raises ChatError."""
    try:
        return parse_network(written.strip().removeprefix("[").removesuffix("]"), strict=False)
    except ValueError as error:
        raise ChatError("bad-network", "expected an address or a network, such as 10.1.2.3 or 2001:db8::/64") from error


@lru_cache(maxsize=1024)
def address_of(written: str) -> IpAddress:
    """Read an address as the operating system writes it; a mapped IPv4 address is IPv4, and the zone goes.

    In a storm of connections many have one address, and reading it would be a twentieth of what each costs.
    """
    if ":" not in written:
        return IPv4Address(written)
    address = IPv6Address(written.partition("%")[0])
    return address.ipv4_mapped or address


def read_home(written: str) -> Network:
    """Read whom an operator keeps out or silences: an address or a network. Raises ChatError.

    One IPv6 address stands for its /64, which is one home (see `network_of`), and `ADDRESS/128` for itself alone.
    """
    return home_written(written, read_network(written))


def home_written(written: str, network: Network) -> Network:
    """Return the network that `written`, which was read as `network`, stands for where somebody is kept out."""
    return network_of(network.network_address) if "/" not in written and _has_home(network) else network


def named_networks(written: str, network: Network) -> tuple[Network, ...]:
    """Return the networks that `written`, read as `network`, may name in a list of restrictions, itself first."""
    return tuple(dict.fromkeys((network, home_written(written, network))))


def show_network(network: Network) -> str:
    """Write a network, so that it is read as the same one; one of a single address is that address."""
    is_address = network.prefixlen == network.max_prefixlen and not _has_home(network)
    return str(network.network_address) if is_address else str(network)


def _has_home(network: Network) -> bool:
    """True for one IPv6 address whose /64 is one home. Addresses of one link, or of this machine, have none."""
    address = network.network_address
    return network.version == 6 and network.prefixlen == 128 and not (address.is_link_local or address.is_loopback)


def network_of(address: IpAddress) -> Network:
    """Return the network that counts as one address: for IPv6 its /64, since whoever has one address has all of it."""
    return IPv4Network(address) if isinstance(address, IPv4Address) else IPv6Network((address, 64), strict=False)


class NetworkTable(Generic[V]):
    """Values by network, found by address in a time that does not grow with their number."""

    def __init__(self) -> None:
        self._values: dict[_Key, V] = {}
        self._lengths: Counter[tuple[int, int]] = Counter()

    def get(self, network: Network) -> V | None:
        """Return the value of exactly this network."""
        return self._values.get(_key(network))

    def put(self, network: Network, value: V) -> None:
        """Set the value of a network."""
        key = _key(network)
        if key not in self._values:
            self._lengths[key[:2]] += 1
        self._values[key] = value

    def remove(self, network: Network) -> None:
        """Remove the value of exactly this network. Raises KeyError."""
        key = _key(network)
        del self._values[key]
        self._lengths[key[:2]] -= 1
        self._lengths += Counter()  # which drops what is zero

    def matching(self, address: IpAddress) -> Iterator[V]:
        """Yield the values of all networks that an address is in."""
        for version, length in self._lengths:
            if version == address.version:
                rest = address.max_prefixlen - length
                if value := self._values.get((version, length, int(address) >> rest << rest)):
                    yield value


def _key(network: Network) -> _Key:
    return network.version, network.prefixlen, int(network.network_address)
