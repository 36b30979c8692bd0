"""Addresses and networks, as they are written, compared and shown."""

import pytest

from trio_chat.chat.errors import ChatError
from trio_chat.chat.operators.networks import read_home, read_network, show_network


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("[2001:db8::1]", "2001:db8::1/128"),
        ("[::1]", "::1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.0/120", "10.1.2.0/24"),
    ],
)
def test_networks_are_read_as_people_write_them(written: str, shown: str) -> None:
    assert show_network(read_network(written)) == shown


ZONES = ["fe80::1%eth0", "[fe80::1%1]", "fe80::1%eth0/64", "fe80::%\x1b]0;pwn\x07\nClient [192.0.2.1:5] kicked"]


@pytest.mark.parametrize("written", ["", "x", "10.1.2", "10.1.2.3/33", "10.1.2.3:5", "１０.1.2.3", "01.2.3.4", *ZONES])
def test_an_invalid_network_is_refused(written: str) -> None:
    with pytest.raises(ChatError, match="expected an address or a network"):
        read_network(written)


@pytest.mark.parametrize(
    ("written", "home"),
    [
        ("2001:db8::1", "2001:db8::/64"),
        ("[2001:db8:0:1::7]", "2001:db8:0:1::/64"),
        ("2001:db8::1/128", "2001:db8::1/128"),
        ("2001:db8::1/96", "2001:db8::/96"),
        ("fe80::1", "fe80::1"),
        ("::1", "::1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3"),
    ],
)
def test_one_ipv6_address_is_kept_out_with_all_of_its_home(written: str, home: str) -> None:
    assert show_network(read_home(written)) == home


@pytest.mark.parametrize("written", ["2001:db8::1/128", "2001:db8::/64", "fe80::1", "::1", "10.1.2.3", "10.0.0.0/8"])
def test_a_network_is_read_as_the_one_that_was_shown(written: str) -> None:
    network = read_network(written)

    assert read_home(show_network(network)) == network
