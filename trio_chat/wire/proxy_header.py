"""PROXY headers, by which a proxy passes on the address of its client. Version 1 is text, version 2 is binary.

The specification: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt. The codec is proxy-protocol's.
"""

import re
import struct
from ipaddress import IPv6Address

from proxyprotocol import ProxyProtocolIncompleteError
from proxyprotocol.detect import ProxyProtocolDetect
from proxyprotocol.result import ProxyResult, is_ipv4, is_ipv6

from trio_chat.chat.errors import ChatError

HEADER_LIMIT = 4096
"""Bytes of a header. The specification allows 64 KiB, but what proxies add, such as certificate names, is short."""

_DETECT = ProxyProtocolDetect()

# The codec parses addresses and numbers as Python does: an IPv6 zone may be any characters, escape sequences included,
# and 1_0 is ten. The address is shown to everyone, so the line has to match this as well.
_PORT = rb"[1-9][0-9]{0,4}"
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: .*)?|(?:TCP4 [0-9.]+ [0-9.]+|TCP6 [0-9A-Fa-f:.]+ [0-9A-Fa-f:.]+) %b %b)\r\n" % (_PORT, _PORT)
)


class ProxyHeader:
    """Parses a header from pieces, without a byte of the data behind it.

    Once it `is_complete`, `source` is the address and port of the client, or None where the proxy itself connects (a
    health check) or does not know the client.
    """

    __slots__ = ("_data", "is_complete", "source")

    def __init__(self) -> None:
        self._data = b""
        self.is_complete = False
        self.source: tuple[str, int] | None = None

    def feed(self, ahead: bytes) -> int:
        """Parse the next bytes. -> the number of them that belong to the header. Raises ChatError."""
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
        raise ValueError("the line has characters that are in no address or port")
    return result


def _source_of(result: ProxyResult) -> tuple[str, int] | None:
    if not (is_ipv4(result) or is_ipv6(result)):
        return None
    address, port = result.source
    if port == 0:  # not a port that a client can have, or an operator can name
        raise ValueError("port 0")
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return str(address), port


def _fault() -> ChatError:
    return ChatError("no-proxy-header", "your address is a proxy's here, and no PROXY header came")
