"""Liveness: finding dead peers where the system's own keep-alive does not.

Two mechanisms, each one task for all its clients, since a timer of its own would cost every client a task. Heartbeats
are for clients that speak frames: behind a proxy, keep-alive only finds the proxy, so a silent client is sent a `ping`.
`watch_unacknowledged` is for plain clients, which answer no ping. Without it, one that is sent data half a minute after
it vanished would be listed for 69 s: keep-alive is suspended then, and TCP_USER_TIMEOUT only begins.

Their times, and those of the system's, are in `server/liveness_timeouts.py`.
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
from trio_chat.server.liveness_timeouts import (
    HEARTBEAT_LOOK_EVERY_S,
    NO_PONG_S,
    PING_AFTER_S,
    UNACKNOWLEDGED_LOOK_EVERY_S,
    UNACKNOWLEDGED_S,
)
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire import frames

HEARTBEATS_PER_TURN = 500
SYSTEM_CALLS_PER_TURN = 200
"""Clients checked between two checkpoints."""

PING = frames.encode(frames.Ping())

# From struct tcp_info of linux/tcp.h, where fields are only ever added: the number of unacknowledged segments, and the
# milliseconds since data and since an acknowledgement came.
_TCP_INFO = struct.Struct("@24x I 24x I I")


class Heartbeat:
    """The time of the last sign of life from one client.

    Silence counts only while the session waits for its client. It reads nothing while it replays missed entries or
    slows a fast client down.
    """

    __slots__ = ("_bytes_out", "client", "is_awaited", "is_pinged", "outlet", "since")

    def __init__(self, client: Client, outlet: PeerOutlet) -> None:
        self.client = client
        self.outlet = outlet
        self._bytes_out = 0
        self.is_awaited = False
        self.is_pinged = False
        self.since = trio.current_time()

    def start_waiting(self) -> None:
        """Count silence from now on."""
        self.is_awaited = True
        self.is_pinged = False
        self.since = trio.current_time()

    def stop_waiting(self) -> None:
        """Count no silence until `start_waiting`."""
        self.is_awaited = False

    def silence_s(self, *, is_draining: bool) -> float:
        """Return the seconds without a sign of life. A client whose socket is full gives one by taking some bytes."""
        has_taken = is_draining and self.outlet.bytes_out != self._bytes_out
        self._bytes_out = self.outlet.bytes_out
        if has_taken:
            self.start_waiting()
        return trio.current_time() - self.since if self.is_awaited else 0.0


class Heartbeats:
    """The heartbeats of all clients that speak frames."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._heartbeats: dict[PeerOutlet, Heartbeat] = {}

    def watch(self, client: Client, outlet: PeerOutlet) -> Heartbeat:
        """Watch this connection of a client until `unwatch`."""
        heartbeat = self._heartbeats[outlet] = Heartbeat(client, outlet)
        return heartbeat

    def unwatch(self, outlet: PeerOutlet) -> None:
        """Stop watching a connection. Does nothing for one that is not watched."""
        self._heartbeats.pop(outlet, None)

    def ping(self, client: Client, outlet: PeerOutlet) -> None:
        """Send a client a `ping`, unless its socket is full."""
        if not outlet.is_paused:
            outlet.write(PING)
            self._pump.flush(client)

    async def run(self) -> None:
        """Ping silent clients and hang up on dead ones, until cancelled."""
        while True:
            await trio.sleep(HEARTBEAT_LOOK_EVERY_S)
            for turn, heartbeat in enumerate(tuple(self._heartbeats.values()), 1):
                self._check(heartbeat)
                if turn % HEARTBEATS_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()

    def _check(self, heartbeat: Heartbeat) -> None:
        silence_s = heartbeat.silence_s(is_draining=self._pump.is_draining(heartbeat.outlet))
        if silence_s >= NO_PONG_S:
            self.unwatch(heartbeat.outlet)
            heartbeat.outlet.hang_up(CloseReason.DEAD)
        elif silence_s >= PING_AFTER_S and not heartbeat.is_pinged:
            heartbeat.is_pinged = True
            self.ping(heartbeat.client, heartbeat.outlet)


async def watch_unacknowledged(
    chat: Chat, *, dead_after_s: float = UNACKNOWLEDGED_S, look_every_s: float = UNACKNOWLEDGED_LOOK_EVERY_S
) -> None:
    """Hang up on plain clients that acknowledge nothing, until cancelled. Returns at once except on Linux."""
    while sys.platform == "linux":
        await trio.sleep(look_every_s)
        for turn, client in enumerate(tuple(chat.clients), 1):
            if client.mode is Mode.LINES and _unacknowledged_s(client.outlet) >= dead_after_s:
                client.outlet.hang_up(CloseReason.DEAD)
            if turn % SYSTEM_CALLS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()


def _unacknowledged_s(outlet: Outlet) -> float:
    """Return the seconds for which a peer that owes an acknowledgement was silent; 0 where it owes none."""
    if not isinstance(outlet, PeerOutlet) or (sock := outlet.socket).fileno() < 0:
        return 0.0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        segments, data_ms, acknowledgement_ms = _TCP_INFO.unpack(info)
    except (OSError, struct.error):  # a system that imitates Linux may tell less
        return 0.0
    return min(data_ms, acknowledgement_ms) / 1000 if segments else 0.0
