"""A plain client's conversation: lines in, answers out. What it said is durable before more of it is read."""

from collections.abc import Iterable

import trio

from trio_chat.chat.client import Client, Farewell
from trio_chat.chat.commands import Answer, Leave, Posted, Recall, Reply, Search, obey
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import LOBBY, Entry, Receipt
from trio_chat.chat.log import Mode
from trio_chat.journal import JournalError
from trio_chat.server.outlet import SocketOutlet, Voice
from trio_chat.server.peer import SocketPeer
from trio_chat.server.services import INPUTS_PER_TURN, LINGER_S, Services, settle
from trio_chat.server.sniff import Refusal, classify
from trio_chat.wire.lines import LineDecoder, LineFault, encode_gap, encode_notice, line_of_past


def _encode_farewell(farewell: Farewell) -> bytes:
    return encode_notice(farewell.text)


SEARCH_LIMIT = 50

VOICE = Voice(gap=encode_gap, farewell=_encode_farewell)


async def serve_lines(services: Services, peer: SocketPeer) -> None:
    """Let a plain client join the lobby and stay until it leaves. Raises what the socket raises."""
    chat = services.chat
    with trio.CancelScope() as scope:
        outlet = peer.outlet(VOICE, scope.cancel)
        client = chat.connect(peer.address, peer.port, mode=Mode.LINES, outlet=outlet)
        try:
            chat.join(client, LOBBY)
            await LinesSession(services, client, outlet).run(peer)
        finally:
            if not outlet.is_blocked:
                outlet.push(None)
            chat.disconnect(client)


class LinesSession:
    """The conversation itself."""

    __slots__ = ("_client", "_decoder", "_is_leaving", "_outlet", "_services")

    def __init__(self, services: Services, client: Client, outlet: SocketOutlet) -> None:
        self._services = services
        self._client = client
        self._outlet = outlet
        self._decoder = LineDecoder()
        self._is_leaving = False

    async def run(self, peer: SocketPeer) -> None:
        """Converse until the client leaves. What it is owed by then is still sent, for LINGER_S at most."""
        while not self._is_leaving:
            data = await peer.receive()
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
                    self._print(rows)
                case Recall() | Search() as question:
                    await self._settle(receipts)
                    await self._recall(question)
                case Leave():
                    self._is_leaving = True
                    break
            if turn % INPUTS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        await self._settle(receipts)
        if self._outlet.unsent_bytes:
            await self._services.pump.delivered(self._client)

    def _answer(self, line: str | LineFault) -> Answer:
        chat, client = self._services.chat, self._client
        chat.heard_from(client)
        if isinstance(line, LineFault):
            self._tell(line.value)
            return Reply()
        if client.lines_in == 1 and classify(line.encode() + b"\n") is Refusal.HTTP:  # it was too slow for the sniff
            self._outlet.write(Refusal.HTTP.value)
            return Leave()
        try:
            return obey(chat, client, line)
        except ChatError as error:
            self._tell(error.text)
            return Reply()

    async def _settle(self, receipts: list[Receipt]) -> None:
        await settle(receipts, lambda why: self._tell(f"not sent: {why}"))
        receipts.clear()

    async def _recall(self, question: Recall | Search) -> None:
        try:
            entries = await self._find(question)
        except JournalError as error:
            self._tell(f"no history: {error}")
        else:
            self._print(line_of_past(entry) for entry in entries)
            if not entries:
                self._tell("nothing found")

    async def _find(self, question: Recall | Search) -> list[Entry]:
        journal = self._services.journal
        if isinstance(question, Search):
            return await journal.search([question.room], question.words, limit=SEARCH_LIMIT)
        return await journal.read(question.room, limit=question.limit)

    def _tell(self, notice: str) -> None:
        self._outlet.write(encode_notice(notice))

    def _print(self, rows: Iterable[str]) -> None:
        self._outlet.write("".join(f"{row}\n" for row in rows).encode())
