"""How a plain client is asked for the server's password, before it is a client."""

import trio

from trio_chat.chat.wording import LATE_HELLO
from trio_chat.server.sessions.context import TRIES, SessionContext, is_password_right
from trio_chat.server.transport.socket_outlet import SocketOutlet
from trio_chat.server.transport.socket_peer import SocketPeer
from trio_chat.wire.frame_decoder import is_hello
from trio_chat.wire.lines import LineFault, encode_notice
from trio_chat.wire.telnet import TelnetDecoder

PATIENCE_S = 30

Lines = list[str | LineFault]


async def ask_password(
    context: SessionContext, peer: SocketPeer, outlet: SocketOutlet, decoder: TelnetDecoder
) -> Lines | None:
    """Ask. -> the lines that came behind the right password; None where the client must not come in."""

    def say(text: str) -> None:
        outlet.write(encode_notice(text))
        outlet.push(None)

    say("password:")
    lines: Lines = []
    with trio.move_on_after(PATIENCE_S):
        for tries_left in reversed(range(TRIES)):
            line = await _next_line(peer, outlet, decoder, lines)
            if line is None:
                return None
            if is_hello(line):
                say(LATE_HELLO)
                return None
            if is_password_right(context, peer, line):
                return lines
            say("wrong password: try again" if tries_left else "wrong password")
        return None
    say(f"no password came within {PATIENCE_S} s")
    return None


async def _next_line(peer: SocketPeer, outlet: SocketOutlet, decoder: TelnetDecoder, lines: Lines) -> str | None:
    """Take the next of `lines`, into which come all that are read. -> nothing for a fault; None at the end"""
    while not lines:
        if (decoder.telnet and decoder.telnet.is_over) or not (data := await peer.receive()):
            return None
        lines += decoder.feed(data)
        if decoder.telnet and (reply := decoder.telnet.take_reply()) and not outlet.unsent_bytes:
            outlet.write(reply)  # else it does not read what it is told
            outlet.push(None)
    line = lines.pop(0)
    return "" if isinstance(line, LineFault) else line
