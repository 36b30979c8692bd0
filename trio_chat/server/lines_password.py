"""How a plain client is asked for the server's password, before it is a client."""

import trio

from trio_chat.chat.wording import LATE_HELLO
from trio_chat.server.outlet import SocketOutlet
from trio_chat.server.peer import SocketPeer
from trio_chat.server.services import TRIES, Services, is_password_right
from trio_chat.wire.frame_decoder import is_hello
from trio_chat.wire.lines import LineDecoder, LineFault, encode_notice

PATIENCE_S = 30

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
                line = lines.pop(0)
                if isinstance(line, str) and is_hello(line):
                    say(LATE_HELLO)
                    return None
                if is_password_right(services, peer, line if isinstance(line, str) else ""):
                    return lines
                wrong += 1
                if wrong == TRIES:
                    say("wrong password")
                    return None
                say("wrong password: try again")
        return None
    say(f"no password came within {PATIENCE_S} s")
    return None
