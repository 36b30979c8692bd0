"""Asking a plain client for the server's password, before it is a client."""

import trio

from trio_chat.chat.wording import LATE_HELLO
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.password_check import PASSWORD_TRIES, is_password_right
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer
from trio_chat.wire.frame_decoder import is_hello
from trio_chat.wire.lines import LineFault, encode_notice
from trio_chat.wire.telnet import TelnetDecoder

PASSWORD_TIMEOUT_S = 30

Lines = list[str | LineFault]


async def ask_password(context: SessionContext, peer: Peer, outlet: PeerOutlet, decoder: TelnetDecoder) -> Lines | None:
    """Ask until the password is right. -> the lines that came behind it; None where the client must not come in

    Raises what the peer raises.
    """

    def say(text: str) -> None:
        outlet.write(encode_notice(text))
        outlet.push(None)

    say("password:")
    lines: Lines = []
    with trio.move_on_after(PASSWORD_TIMEOUT_S):
        for tries_left in reversed(range(PASSWORD_TRIES)):
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
    say(f"no password came within {PASSWORD_TIMEOUT_S} s")
    return None


async def _next_line(peer: Peer, outlet: PeerOutlet, decoder: TelnetDecoder, lines: Lines) -> str | None:
    """Take the next of `lines`, reading more into it where it is empty. -> "" for a fault; None at the end"""
    while not lines:
        if (decoder.telnet and decoder.telnet.is_over) or not (data := await peer.receive()):
            return None
        lines += decoder.feed(data)
        if decoder.telnet and (reply := decoder.telnet.take_reply()) and not outlet.unsent_bytes:
            outlet.write(reply)  # else it does not read what it is told
            outlet.push(None)
    line = lines.pop(0)
    return "" if isinstance(line, LineFault) else line
