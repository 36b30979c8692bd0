"""The first bytes of a server: does it speak frames, or words to a person?"""

import trio

from trio_chat.chat.text import clean
from trio_chat.chat.wording import LATE_HELLO, notice
from trio_chat.client.connect import LinkError

_TEXT_MAX_BYTES = 4096
_TEXT_TIMEOUT_S = 2

_LATE = notice(LATE_HELLO).encode()


class LateHelloError(LinkError):
    """The server took us for a plain client, since our hello was late: one packet that was lost is enough for that."""


async def read_greeting(stream: trio.abc.ReceiveStream, receive_bytes: int) -> bytes:
    """Return the first bytes that a server sends, or none if it just hangs up.

    Raises LinkError with what it says, if that is no frame: it refuses us, or knows no frames, or our hello was late.
    """
    data = bytes(await stream.receive_some(receive_bytes))
    if not data or data.startswith(b"{"):
        return data
    with trio.move_on_after(_TEXT_TIMEOUT_S):
        more = data
        while more and _LATE not in data and len(data) < _TEXT_MAX_BYTES:
            more = bytes(await stream.receive_some(_TEXT_MAX_BYTES))
            data += more
    if _LATE in data:  # behind what plain clients are told, such as what was said meanwhile
        raise LateHelloError(LATE_HELLO)
    said = clean(data.partition(b"\n")[0][:_TEXT_MAX_BYTES].decode(errors="replace")).strip()
    if said.startswith("*** ") and said.endswith(" ***") and "joined" not in said:
        raise LinkError(f"the server refuses: {said[4:-4]}")
    raise LinkError(f"the server does not speak frames, it may be too old for this client; it says: {said[:200]}")
