"""Addresses and networks: reading and showing them.

A mapped IPv4 address, such as `::ffff:10.1.2.3`, is read as IPv4, and the zone of an address is dropped, so that equal
addresses compare as equal.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from trio_chat.chat.errors import ChatError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

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
def address_of(written: str) -> Address:
    """Read an address as the operating system writes it; a mapped IPv4 address is IPv4, and the zone goes.

    In a storm of connections many have one address, and reading it would be a twentieth of what each costs.
    """
    if ":" not in written:
        return IPv4Address(written)
    address = IPv6Address(written.partition("%")[0])
    return address.ipv4_mapped or address


def show_network(network: Network) -> str:
    """Write a network; one of a single address is that address."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
