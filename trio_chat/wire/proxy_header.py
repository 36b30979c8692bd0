"""PROXY headers: a proxy tells on whose behalf it connects. Version 1 is a line of text, version 2 is binary.

The protocol: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt. The codec is that of proxy-protocol.
"""

import re
import struct
from ipaddress import IPv6Address

from proxyprotocol import ProxyProtocolIncompleteError
from proxyprotocol.detect import ProxyProtocolDetect
from proxyprotocol.result import ProxyResult, is_ipv4, is_ipv6

from trio_chat.chat.errors import ChatError

HEADER_LIMIT = 4096
"""Bytes in a header. The protocol allows 64 KiB, but what proxies add, such as the names in a certificate, is short."""

_DETECT = ProxyProtocolDetect()

# The codec reads a line as Python reads addresses and numbers: the zone of an IPv6 address may be any characters then,
# an escape sequence among them, and 1_0 is ten. What is read here is shown to everyone.
_PORT = rb"[1-9][0-9]{0,4}"
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: .*)?|(?:TCP4 [0-9.]+ [0-9.]+|TCP6 [0-9A-Fa-f:.]+ [0-9A-Fa-f:.]+) %b %b)\r\n" % (_PORT, _PORT)
)


class ProxyHeader:
    """Takes a header in pieces, and not a byte of what comes after it.

    Once it `is_complete`, `source` is the address and port of the client, or None where the proxy itself is the client
    (it looks whether we are well) or does not know.
    """

    __slots__ = ("_data", "is_complete", "source")

    def __init__(self) -> None:
        self._data = b""
        self.is_complete = False
        self.source: tuple[str, int] | None = None

    def take(self, ahead: bytes) -> int:
        """Look at the bytes that come next. -> how many of them belong to the header. Raises ChatError."""
        taken = 0
        while not self.is_complete:
            try:
                self.source = _source_of(_unpack(self._data))
                self.is_complete = True
            except ProxyProtocolIncompleteError as incomplete:
                if taken == len(ahead):
                    break
                wanted = incomplete.want_read.want_bytes or ahead.find(b"\n", taken) + 1 - taken
                piece = ahead[taken : taken + wanted] if wanted > 0 else ahead[taken:]
                self._data += piece
                taken += len(piece)
                if len(self._data) > HEADER_LIMIT:
                    raise _fault() from None
            except (ValueError, struct.error) as error:
                raise _fault() from error
        return taken


def _unpack(data: bytes) -> ProxyResult:
    result = _DETECT.unpack(data)
    if data.startswith(b"PROXY ") and not _LINE.fullmatch(data):
        raise ValueError("the line has what no address or port is made of")
    return result


def _source_of(result: ProxyResult) -> tuple[str, int] | None:
    if not (is_ipv4(result) or is_ipv6(result)):
        return None
    address, port = result.source
    if port == 0:  # nobody connects from there, and no operator could name it
        raise ValueError("port 0")
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return str(address), port


def _fault() -> ChatError:
    return ChatError("no-proxy-header", "your address is a proxy's here, and no PROXY header came")
