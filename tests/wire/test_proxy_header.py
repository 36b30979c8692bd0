"""PROXY headers, whole and in pieces, good and bad."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.errors import ChatError
from trio_chat.wire.proxy_header import HEADER_LIMIT, ProxyHeader

V2 = b"\r\n\r\n\x00\r\nQUIT\n"


def v1(address: str, port: int) -> bytes:
    family, here = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {address} {here} {port} 5555\r\n".encode()


def v2(address: str, port: int, extra: bytes = b"") -> bytes:
    source = ip_address(address)
    body = source.packed + source.packed + struct.pack("!HH", port, 5555) + extra
    return V2 + struct.pack("!BBH", 0x21, 0x11 if source.version == 4 else 0x21, len(body)) + body


def read(data: bytes, sizes: list[int] | None = None) -> tuple[ProxyHeader, bytes]:
    """Give a header what arrives, in pieces of these sizes and then all of it; -> it, and what it left."""
    header = ProxyHeader()
    at = 0
    for size in [*(sizes or ()), len(data)]:
        at += header.feed(data[at : at + size])
    return header, data[at:]


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(st.sampled_from([v1, v2]), ADDRESSES, st.integers(1, 65535), st.binary(), st.lists(st.integers(0, 9)))
def test_a_header_is_read_however_it_is_split_and_not_a_byte_more(make, address, port, rest, sizes) -> None:
    header, left = read(make(address, port) + rest, sizes)

    expected = getattr(ip_address(address), "ipv4_mapped", None) or ip_address(address)
    assert header.source == (str(expected), port)
    assert left == rest


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
        V2 + b"\x20\x00\x00\x00",
        V2 + b"\x20\x11\x00\x0c" + bytes(12),
        V2 + b"\x21\x00\x00\x00",
    ],
)
def test_a_proxy_that_speaks_for_itself_or_does_not_know_names_nobody(data: bytes) -> None:
    header, left = read(data + b"hello\n")

    assert header.is_complete
    assert header.source is None
    assert left == b"hello\n"


def test_extensions_of_a_proxy_header_are_skipped() -> None:
    header, left = read(v2("192.0.2.1", 7, extra=b"\x02\x00\x04host") + b"hi")

    assert header.source == ("192.0.2.1", 7)
    assert left == b"hi"


@pytest.mark.parametrize(
    "data",
    [
        b"hello everyone\n",
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 192.0.2.1 x 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 0 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 0\r\n",
        v2("192.0.2.1", 0),
        v2("2001:db8::1", 0),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1_0 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2_2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP6 fe80::1%\x1b]0;pwn\x07 ::1 1 2\r\n",
        b"PROXY TCP6 fe80::1 fe80::2%\x1b[2J 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        b"PROXY " + b"x" * HEADER_LIMIT,
        V2 + b"\x31\x11\x00\x0c" + bytes(12),
        V2 + b"\x21\x11\x00\x04" + bytes(4),
        V2 + b"\x21\x11\xff\xff" + bytes(65535),
        V2 + b"\x21\x31\x00\x02" + bytes(2),
        V2 + b"\x21\x31\x00\xd8" + b"\xff" * 216,
    ],
)
def test_a_bad_header_is_refused(data: bytes) -> None:
    with pytest.raises(ChatError, match="no PROXY header came"):
        read(data)


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2, V2 + b"\x21\x11", V2 + b"\x21\x21\x00"]), st.binary())
def test_rubbish_is_refused_or_awaits_more_and_nothing_else(start: bytes, rubbish: bytes) -> None:
    try:
        header, _ = read(start + rubbish)
    except ChatError:
        return
    assert header.is_complete or len(start + rubbish) < HEADER_LIMIT
