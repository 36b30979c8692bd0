"""Liveness: a dead peer is gone within 45 s.

The system's keep-alive finds dead machines, but behind a proxy it finds the proxy: clients that speak frames and are
silent are asked whether they are there, all by one task, since a timer of its own would cost every client a task.

For plain clients, keep-alive finds those that vanish in silence, and TCP_USER_TIMEOUT those that are spoken to from the
beginning. But for one that is spoken to after half a minute, keep-alive ends and the other time only begins: it would
be listed for 69 s. So TCP_INFO is asked for the last acknowledgement.
"""

import socket
import struct
import sys

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.log import Mode
from trio_chat.chat.outlet import CloseReason, Outlet
from trio_chat.server.delivery.pump import Pump
from trio_chat.server.transport.socket_outlet import SocketOutlet
from trio_chat.wire import frames

ASK_AFTER_S = 15
DEAD_AFTER_S = 40
LOOK_EVERY_S = 2.5
"""With this, a dead peer is gone within 45 s."""

LOOKS_PER_TURN = 500

PING = frames.encode(frames.Ping())


class Heartbeat:
    """When one client was heard. Silence counts only while its session waits for it, not while it is slowed down."""

    __slots__ = ("_bytes_out", "client", "is_asked", "is_awaited", "outlet", "since")

    def __init__(self, client: Client, outlet: SocketOutlet) -> None:
        self.client = client
        self.outlet = outlet
        self._bytes_out = 0
        self.is_asked = False
        self.is_awaited = False  # first it is welcomed, and brought what it missed: nobody reads what it says meanwhile
        self.since = trio.current_time()

    def await_word(self) -> None:
        """The session waits for its client from now on."""
        self.is_awaited = True
        self.is_asked = False
        self.since = trio.current_time()

    def silence_s(self) -> float:
        """-> seconds without a sign of life. One that is behind and takes what it is sent gives one."""
        has_taken = self.outlet.is_blocked and self.outlet.bytes_out != self._bytes_out
        self._bytes_out = self.outlet.bytes_out
        if has_taken:
            self.await_word()
        return trio.current_time() - self.since if self.is_awaited else 0.0


class Heartbeats:
    """Feels the pulse of all who speak frames."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._beats: dict[SocketOutlet, Heartbeat] = {}

    def watch(self, client: Client, outlet: SocketOutlet) -> Heartbeat:
        """Ask this client from now on, until `unwatch`."""
        beat = self._beats[outlet] = Heartbeat(client, outlet)
        return beat

    def unwatch(self, outlet: SocketOutlet) -> None:
        """Ask no more."""
        self._beats.pop(outlet, None)

    async def run(self) -> None:
        """Ask, and hang up on who does not answer, until cancelled."""
        while True:
            await trio.sleep(LOOK_EVERY_S)
            for turn, beat in enumerate(tuple(self._beats.values()), 1):
                self._look(beat)
                if turn % LOOKS_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()

    def _look(self, beat: Heartbeat) -> None:
        silence_s = beat.silence_s()
        if silence_s >= DEAD_AFTER_S:
            self.unwatch(beat.outlet)
            beat.outlet.hang_up(CloseReason.DEAD)
        elif silence_s >= ASK_AFTER_S and not beat.is_asked:
            beat.is_asked = True
            beat.outlet.write(PING)
            self._pump.flush(beat.client)


UNACKNOWLEDGED_S = 39.0
UNACKNOWLEDGED_LOOK_EVERY_S = 5.0
"""With this, a dead peer is gone within 45 s. 10,000 looks take 20 ms in all."""

UNACKNOWLEDGED_LOOKS_PER_TURN = 200

# From struct tcp_info of linux/tcp.h, where fields are only ever added: what is not acknowledged, and the milliseconds
# since data and since an acknowledgement came.
_INFO = struct.Struct("@24x I 24x I I")


async def watch_unacknowledged(
    chat: Chat, *, dead_after_s: float = UNACKNOWLEDGED_S, look_every_s: float = UNACKNOWLEDGED_LOOK_EVERY_S
) -> None:
    """Look at all plain clients now and then, until cancelled. Does nothing where the system tells nothing."""
    while sys.platform == "linux":
        await trio.sleep(look_every_s)
        for turn, client in enumerate(tuple(chat.clients), 1):
            if client.mode is Mode.LINES and _unanswered_s(client.outlet) >= dead_after_s:
                client.outlet.hang_up(CloseReason.DEAD)
            if turn % UNACKNOWLEDGED_LOOKS_PER_TURN == 0:
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
