"""Recognising a way of speaking by the first bytes of a connection."""

import re
from enum import Enum

# Whole, or so long that no more of it can be seen; nobody types that much without a space or a newline. Empty lines may
# come before it (RFC 9112, 2.2).
_REQUEST_LINE = re.compile(rb"(?:\r?\n)*[A-Z]{2,16} (?:\S+ HTTP/[0-9.]{1,3}\r?\n|(?:/|https?://)\S{400,}\Z)")
_TLS_HANDSHAKE = b"\x16\x03"
_PROXY_HEADERS = (b"PROXY TCP", b"PROXY UNKNOWN", b"\r\n\r\n\x00\r\nQUIT\n")

_SENTENCE = b"This is a chat server, not a web server. Join with: trio-chat join HOST PORT, or nc HOST PORT.\n"


class Greeting(Enum):
    """The ways of speaking of clients that may join. Inside TLS, the first bytes are looked at once more."""

    LINES = "lines"
    FRAMES = "frames"
    TLS = "tls"


class GreetingRefusal(Enum):
    """The ways of speaking of those that must not join, each with its answer in that way of speaking.

    A web page must not be able to talk into the chat. A TLS client gets the alert `handshake_failure` (RFC 8446, 6.2).
    A PROXY header from anywhere but a known proxy would be relayed as if somebody had said it. PLAIN is any client
    without TLS where that is required.
    """

    HTTP = b"\r\n".join(
        (
            b"HTTP/1.1 400 Bad Request",
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Length: %d" % len(_SENTENCE),
            b"Connection: close",
            b"",
            _SENTENCE,
        )
    )
    TLS = b"\x15\x03\x03\x00\x02\x02\x28"
    PROXY = b"*** this server expects no PROXY header ***\n"
    PLAIN = b"*** this server speaks TLS only: trio-chat join --tls HOST PORT, or ncat --ssl HOST PORT ***\n"


def classify(first: bytes) -> Greeting | GreetingRefusal:
    """Recognise a way of speaking by the first bytes. None at all, or any others, are those of a plain client."""
    if first.startswith(b"{"):
        return Greeting.FRAMES
    if _REQUEST_LINE.match(first):
        return GreetingRefusal.HTTP
    if first.startswith(_TLS_HANDSHAKE) or first == _TLS_HANDSHAKE[:1]:
        return Greeting.TLS
    if first.startswith(_PROXY_HEADERS):
        return GreetingRefusal.PROXY
    return Greeting.LINES
