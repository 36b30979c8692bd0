"""A session: one connection from its first byte to its last.

It reads, asks Chat what that means, and reads on only when what was said is durable. It owns the socket, and it is
where every fault of this connection ends: the expected ones quietly, anything else with one log line.
"""

import logging
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import trio

from trio_chat.chat.chat import LOBBY, Chat
from trio_chat.chat.commands import Answer, Leave, Posted, Recall, Reply, obey
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Receipt
from trio_chat.chat.log import Mode
from trio_chat.chat.room import Client
from trio_chat.journal import Journal, JournalError
from trio_chat.server.outlet import SocketOutlet
from trio_chat.server.pump import Pump
from trio_chat.server.sniff import Refusal, classify, peek
from trio_chat.wire.lines import LineDecoder, LineFault, line_of

READ_BYTES = 16 * 1024
"""Read at once: four of the longest lines. It bounds what one client can have waiting for the journal."""

LINES_PER_TURN = 64
"""Lines handled between two checkpoints, or 16 KiB of empty lines would hold the loop for 20 ms."""

LINGER_S = 5
"""How long a client that has left may take to read what it is still owed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What every session of a server works with."""

    chat: Chat
    journal: Journal
    pump: Pump


async def serve_connection(services: Services, sock: socket.socket, address: str, port: int) -> None:
    """Serve one accepted, non-blocking socket until it ends, and close it. Never raises anything but Cancelled."""
    try:
        if refusal := classify(await peek(sock)):
            await _refuse(sock, refusal, f"{address} port {port}")
        else:
            await _serve_lines(services, sock, address, port)
    except* (OSError, trio.ClosedResourceError, trio.BrokenResourceError) as ends:
        logger.debug("%s port %d: %s", address, port, ends.exceptions[0])
    except* Exception:
        logger.exception("the session of %s port %d failed", address, port)
    finally:
        trio.lowlevel.notify_closing(sock)
        sock.close()


async def _refuse(sock: socket.socket, refusal: Refusal, peer: str) -> None:
    """Answer somebody who must not join, then read what it still sends, or the reset would eat the answer."""
    logger.info("refused %s from %s", refusal.name, peer)
    sock.send(refusal.value)
    sock.shutdown(socket.SHUT_WR)
    with trio.move_on_after(1):
        while sock.recv(READ_BYTES):
            await trio.lowlevel.wait_readable(sock)


async def _serve_lines(services: Services, sock: socket.socket, address: str, port: int) -> None:
    with trio.CancelScope() as scope:
        outlet = SocketOutlet(sock, scope.cancel)
        client = services.chat.connect(address, port, mode=Mode.LINES, outlet=outlet)
        try:
            services.chat.join(client, LOBBY)
            await LinesSession(services, client, outlet).run(sock)
        finally:
            services.chat.disconnect(client)
            if not outlet.is_blocked:
                outlet.push(None)


class LinesSession:
    """A plain client's conversation: lines in, answers out."""

    __slots__ = ("_client", "_decoder", "_is_leaving", "_outlet", "_services")

    def __init__(self, services: Services, client: Client, outlet: SocketOutlet) -> None:
        self._services = services
        self._client = client
        self._outlet = outlet
        self._decoder = LineDecoder()
        self._is_leaving = False

    async def run(self, sock: socket.socket) -> None:
        """Converse until the client leaves. What it is owed by then is still sent, for LINGER_S at most."""
        while not self._is_leaving:
            await trio.lowlevel.wait_readable(sock)
            data = sock.recv(READ_BYTES)
            await self._take(self._decoder.feed(data) if data else self._decoder.finish())
            self._is_leaving |= not data
        with trio.move_on_after(LINGER_S):
            await self._services.pump.delivered(self._client)

    async def _take(self, inputs: Iterable[str | LineFault]) -> None:
        """Handle lines in their order; return when what they said is durable and their answers are sent."""
        receipts: list[Receipt] = []
        for turn, line in enumerate(inputs, 1):
            match self._answer(line):
                case Posted(receipt):
                    receipts.append(receipt)
                case Reply(rows):
                    self._outlet.print(rows)
                case Recall(room, limit):
                    await self._settle(receipts)
                    await self._recall(room, limit)
                case Leave():
                    self._is_leaving = True
                    break
            if turn % LINES_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        await self._settle(receipts)
        if self._outlet.unsent_bytes:
            await self._services.pump.delivered(self._client)

    def _answer(self, line: str | LineFault) -> Answer:
        chat, client = self._services.chat, self._client
        chat.heard_from(client)
        if isinstance(line, LineFault):
            self._outlet.tell(line.value)
            return Reply()
        try:
            return obey(chat, client, line)
        except ChatError as error:
            self._outlet.tell(error.text)
            return Reply()

    async def _settle(self, receipts: list[Receipt]) -> None:
        """Wait until everything said so far is durable; tell the client what is not."""
        for receipt in dict.fromkeys(receipts):
            try:
                await receipt.kept()
            except JournalError as error:
                self._outlet.tell(f"not sent: {error}")
        receipts.clear()

    async def _recall(self, room: str, limit: int) -> None:
        try:
            entries = await self._services.journal.read(room, limit=limit)
        except JournalError as error:
            self._outlet.tell(f"no history: {error}")
        else:
            self._outlet.print(line_of(entry) for entry in entries)
