"""How a plain client is asked for the server's password, before it is a client."""

import logging

import trio

from trio_chat.server.outlet import SocketOutlet
from trio_chat.server.peer import SocketPeer
from trio_chat.server.services import Services
from trio_chat.wire.lines import LineDecoder, LineFault, encode_notice

TRIES = 3
PATIENCE_S = 30

WRONG_PASSWORD_COST = 5
"""A wrong password counts for as many new connections, so that guessing is slow from anywhere."""

logger = logging.getLogger(__name__)

Lines = list[str | LineFault]


async def ask_password(
    services: Services, peer: SocketPeer, outlet: SocketOutlet, decoder: LineDecoder
) -> Lines | None:
    """Ask. -> the lines that came behind the right password; None where the client must not come in."""

    def say(text: str) -> None:
        outlet.write(encode_notice(text))
        outlet.push(None)

    say("password:")
    with trio.move_on_after(PATIENCE_S):
        wrong = 0
        while data := await peer.receive():
            lines = decoder.feed(data)
            while lines:
                if _is_right(services, lines.pop(0)):
                    return lines
                wrong += 1
                logger.info("wrong password from %s port %d", peer.address, peer.port)
                services.admission.charge(peer.ticket, WRONG_PASSWORD_COST, trio.current_time())
                if wrong == TRIES:
                    say("wrong password")
                    return None
                say("wrong password: try again")
        return None
    say(f"no password came within {PATIENCE_S} s")
    return None


def _is_right(services: Services, line: str | LineFault) -> bool:
    return isinstance(line, str) and services.password.matches(line)
