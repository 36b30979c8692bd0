"""The first bytes of a server, and explanations of those that are not a welcome."""

import re
from collections.abc import Iterable

import trio

from trio_chat import __version__
from trio_chat.chat.text import clean
from trio_chat.chat.wording import LATE_HELLO, notice
from trio_chat.client.link.address import LinkError
from trio_chat.wire.frame_decoder import FrameFault
from trio_chat.wire.frames import PROTOCOL, AnyReply, Welcome

_GREETING_MAX_BYTES = 4096
_GREETING_TIMEOUT_S = 2

_LATE = notice(LATE_HELLO).encode()
_PLAIN_CHAT = (b"*** ", b"* [", b"[")
"""Beginnings of lines for plain clients."""

_CHAT_NOTICE = re.compile(
    r"joined|left|is now|took another name|was kicked|\d were kicked|topic|was removed|password: "
)
"""Words of notices of the chat itself; a notice without any of them refuses the connection."""

_TLS_ALERT = b"\x15\x03"

GIVE_PASSWORD = "give it with --password-file FILE, or in the variable TRIO_CHAT_PASSWORD"
WRONG_PORT = "is that the port of a trio-chat server?"
VERSIONS = f"is it another version? Then join with a client of that version; this is trio-chat {__version__}"


class LateHelloError(LinkError):
    """The server took us for a plain client, since our hello was late: one lost packet is enough for that."""


async def read_greeting(stream: trio.abc.ReceiveStream, receive_bytes: int) -> bytes:
    """Return the first bytes that a server sends.

    Raises LinkError if it just hangs up, or sends something other than a frame: it is another kind of server, refuses
    us, or our hello was late. The error quotes it.
    """
    data = bytes(await stream.receive_some(receive_bytes))
    if not data:
        raise LinkError(f"the server closed the connection without a word; {WRONG_PORT}", is_mute=True)
    if data.startswith(b"{"):
        return data
    with trio.move_on_after(_GREETING_TIMEOUT_S):
        more = data
        while more and not _is_enough(data):
            more = bytes(await stream.receive_some(_GREETING_MAX_BYTES))
            data += more
    raise _explain(data)


def explain_frames(replies: Iterable[AnyReply | FrameFault]) -> LinkError | None:
    """Explain frames that come in place of a welcome. -> None if nothing is wrong

    A frame of an unknown type is ignored: a later server may begin with one.
    """
    for reply in replies:
        match reply:
            case Welcome(protocol=protocol) if protocol != PROTOCOL:
                what = f"a welcome of protocol {protocol}, and this client speaks protocol {PROTOCOL} alone"
                return LinkError(f"the server sent {what}; {VERSIONS}", is_final=True)
            case FrameFault(kind="welcome", text=text):
                return LinkError(
                    f"the server sent a welcome that this client cannot read: {text}; {VERSIONS}", is_final=True
                )
            case FrameFault(code=code, text=text) if code != "unknown-type":
                return LinkError(
                    f"the server sent a frame that this client cannot read: {text}; {WRONG_PORT}", is_stranger=True
                )
    return None


def _explain(data: bytes) -> LinkError:
    """Explain a beginning that is not a frame."""
    if _LATE in data:  # after notices for plain clients, and lines that were said meanwhile
        return LateHelloError(LATE_HELLO)
    if refusal := refusal_in(data):
        return LinkError(f"the server refuses: {refusal}")
    said = _first_line(data)
    if is_plain_chat(data):
        what = f"the server does not speak frames, it may be too old for this client; it says: {said[:200]}"
    elif data.startswith(_TLS_ALERT):
        what = "the server speaks TLS only: join with --tls, if it is a trio-chat server"
    else:
        what = f"this is no trio-chat server: it says {said[:200]!r}; is the port right?"
    return LinkError(what, is_stranger=True)


def is_plain_chat(data: bytes) -> bool:
    """Tell whether a server greeted us as ours greets a plain client."""
    return data.startswith(_PLAIN_CHAT)


def refusal_in(data: bytes) -> str:
    """Return the sentence with which our server refused the connection; empty where it did not."""
    said = _first_line(data)
    is_notice = said.startswith("*** ") and said.endswith(" ***")
    return said[4:-4] if is_notice and not _CHAT_NOTICE.search(said) else ""


def _first_line(data: bytes) -> str:
    return clean(data.partition(b"\n")[0][:_GREETING_MAX_BYTES].decode(errors="replace")).strip()


def _is_enough(data: bytes) -> bool:
    if is_plain_chat(data):
        return _LATE in data or len(data) >= _GREETING_MAX_BYTES
    return b"\n" in data or len(data) >= _GREETING_MAX_BYTES or data.startswith(_TLS_ALERT)
