"""A session: one connection from its first byte to its last.

Here it is found out how a connection is spoken to, and here every fault of it ends: the expected ones quietly, anything
else with one log line.
"""

import logging
import socket

import trio

from trio_chat.server.frames_session import serve_frames
from trio_chat.server.lines_session import serve_lines
from trio_chat.server.peer import SocketPeer
from trio_chat.server.services import Services
from trio_chat.server.sniff import Greeting, Refusal, classify

logger = logging.getLogger(__name__)


async def serve_connection(services: Services, sock: socket.socket, address: str, port: int) -> None:
    """Serve one accepted, non-blocking socket until it ends, and close it. Raises nothing but Cancelled."""
    peer = SocketPeer(sock, address, port)
    try:
        match classify(await peer.peek()):
            case Greeting.FRAMES:
                await serve_frames(services, peer)
            case Greeting.LINES:
                await serve_lines(services, peer)
            case Refusal() as refusal:
                logger.info("refused %s from %s port %d", refusal.name, address, port)
                await peer.refuse(refusal.value)
    except* (OSError, trio.ClosedResourceError, trio.BrokenResourceError) as ends:
        logger.debug("%s port %d: %s", address, port, ends.exceptions[0])
    except* Exception:
        logger.exception("the session of %s port %d failed", address, port)
    finally:
        peer.close()
