"""The vigil: plain clients that vanished are let go in time, also if they are spoken to only later.

The system's keep-alive finds who vanishes in silence, and TCP_USER_TIMEOUT who is spoken to from the beginning. But for
one that is spoken to after half a minute, keep-alive ends and the other time only begins: it would be listed for 69 s.
So it is looked at when the system heard of it last. (Those who speak frames are asked; see `pulse`.)
"""

import socket
import struct
import sys

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import Farewell, Outlet
from trio_chat.server.transport.socket_outlet import SocketOutlet

DEAD_AFTER_S = 39.0
LOOK_EVERY_S = 5.0
"""With this, a dead peer is gone within 45 s. 10,000 looks take 20 ms in all."""

LOOKS_PER_TURN = 200

# From struct tcp_info of linux/tcp.h, where fields are only ever added: what is not acknowledged, and the milliseconds
# since data and since an acknowledgement came.
_INFO = struct.Struct("@24x I 24x I I")


async def keep_vigil(chat: Chat, *, dead_after_s: float = DEAD_AFTER_S, look_every_s: float = LOOK_EVERY_S) -> None:
    """Look at all plain clients now and then, until cancelled. Does nothing where the system tells nothing."""
    while sys.platform == "linux":
        await trio.sleep(look_every_s)
        for turn, client in enumerate(tuple(chat.clients), 1):
            if client.mode is Mode.LINES and _unanswered_s(client.outlet) >= dead_after_s:
                client.outlet.hang_up(Farewell.DEAD)
            if turn % LOOKS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()


def _unanswered_s(outlet: Outlet) -> float:
    """-> seconds for which nothing has come from a peer that owes us an acknowledgement; 0 where it owes none."""
    if not isinstance(outlet, SocketOutlet) or (sock := outlet.socket).fileno() < 0:
        return 0.0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        unacknowledged, data_ms, answer_ms = _INFO.unpack(info)
    except (OSError, struct.error):  # a system that only looks like Linux tells less
        return 0.0
    return min(data_ms, answer_ms) / 1000 if unacknowledged else 0.0
