"""Recognising a way of speaking by the first bytes of a connection."""

import re
from enum import Enum

# Whole, or so long that no more of it can be seen; nobody types that much without a space or a newline. Empty lines may
# come before it (RFC 9112, 2.2).
_REQUEST_LINE = re.compile(
    rb"(?:\r?\n)*[A-Z]{2,16} (?:\S+ (?:HTTP|RTSP|SIP)/[0-9.]{1,3}\r?\n|(?:/|https?://)\S{400,}\Z)"
)
_TLS_HANDSHAKE = b"\x16\x03"
_PROXY_HEADERS = (b"PROXY TCP", b"PROXY UNKNOWN", b"\r\n\r\n\x00\r\nQUIT\n")

_SSH_BANNER = re.compile(rb"SSH-[12]\.[0-9]+-")

# What nobody says: CAP with a subcommand, USER with its four parameters, or NICK or PASS with one of these beside them.
_IRC_LOGIN = re.compile(
    rb"(?:\r?\n)*(?:(?:CAP (?:LS|REQ|LIST|END)\b|USER (\S+) (?:\S+ \S+ :|[0-9]+ \S+ |\1 \S+ \S))"
    rb"|(?:(?:PASS|NICK) \S+\r?\n){1,3}(?:CAP|USER) )"
)
_IRC_BEGINNING = re.compile(rb"(?:\r?\n)*(?:(?:PASS|NICK) \S+\r?\n){1,3}(?:CAP|USER)?\Z")

# A scan for RDP, SMB, DNS, LDAP, X11, MQTT, AMQP, a database or SSL 2: nobody has typed the fourth byte, nor most of
# those before it. Ctrl-Space and other keys may come before a line, and a telnet begins with 0xFF.
_KEY = rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]"
_BINARY = re.compile(rb"(?:KK.|K.K|.KK)[^\t\n\r\x1b-~]|AMQP\x00|\x80.\x01\x00".replace(b"K", _KEY), re.DOTALL)

_SENTENCE = b"This is a chat server, not a web server. Join with: trio-chat join HOST PORT, or nc HOST PORT.\n"


class Greeting(Enum):
    """The ways of speaking of clients that may join. Inside TLS, the first bytes are looked at once more."""

    LINES = "lines"
    FRAMES = "frames"
    TLS = "tls"


class GreetingRefusal(Enum):
    """The ways of speaking of those that must not join, each with its answer in that way of speaking.

    A web page must not be able to talk into the chat, nor an SSH or IRC client by its log-in. A TLS client gets the
    alert `handshake_failure` (RFC 8446, 6.2). A PROXY header from anywhere but a known proxy would be relayed as if
    somebody had said it. BINARY is that of a port scan, which understands no answer. PLAIN is any client without TLS
    where that is required.
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
    SSH = _SENTENCE.replace(b"a web", b"an SSH").replace(b"\n", b"\r\n") + b"Protocol mismatch.\r\n"
    IRC = b"ERROR :Closing link: " + _SENTENCE.replace(b"a web", b"an IRC").replace(b"\n", b"\r\n")
    TLS = b"\x15\x03\x03\x00\x02\x02\x28"
    PROXY = b"*** this server takes no PROXY header from your address: its operator has to name it by --proxy ***\n"
    BINARY = b""
    PLAIN = b"*** this server speaks TLS only: trio-chat join --tls HOST PORT, or ncat --ssl HOST PORT ***\n"


def classify(first: bytes) -> Greeting | GreetingRefusal:
    """Recognise a way of speaking by the first bytes. None at all, or any others, are those of a plain client."""
    if first.startswith(b"{"):
        return Greeting.FRAMES
    if _REQUEST_LINE.match(first):
        return GreetingRefusal.HTTP
    if _SSH_BANNER.match(first):
        return GreetingRefusal.SSH
    if _IRC_LOGIN.match(first):
        return GreetingRefusal.IRC
    if first.startswith(_TLS_HANDSHAKE) or first == _TLS_HANDSHAKE[:1]:
        return Greeting.TLS
    if first.startswith(_PROXY_HEADERS):
        return GreetingRefusal.PROXY
    if _BINARY.match(first):
        return GreetingRefusal.BINARY
    return Greeting.LINES


def may_become_irc(first: bytes) -> bool:
    """Tell whether the log-in of an IRC client may begin so, which often comes in several pieces."""
    return bool(_IRC_BEGINNING.match(first))
