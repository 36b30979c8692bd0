"""The prompt for the server's password, before a plain connection becomes a client."""

import trio

from trio_chat.chat.typed_line import read_line, without_keys
from trio_chat.chat.wording import LATE_HELLO, YOU_HAVE_LEFT
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.hidden_input import hide_input
from trio_chat.server.sessions.password_check import PASSWORD_TRIES, is_password_right
from trio_chat.server.sessions.throttle import pause_unpriced
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer, is_silent
from trio_chat.wire.frame_decoder import is_first_frame
from trio_chat.wire.lines import CR_SILENCE_S, LineFault, encode_notice
from trio_chat.wire.telnet import TelnetDecoder

PASSWORD_TIMEOUT_S = 30

Lines = list[str | LineFault]


async def ask_password(context: SessionContext, peer: Peer, outlet: PeerOutlet, decoder: TelnetDecoder) -> Lines | None:
    """Ask until the password is right. -> the lines that came after it; None where the client is not admitted

    Raises what the peer raises.
    """

    def say(text: str) -> None:
        outlet.write(encode_notice(text))
        outlet.push(None)

    say("password:")
    lines: Lines = []
    with trio.move_on_after(PASSWORD_TIMEOUT_S):
        for tries_left in reversed(range(PASSWORD_TRIES)):
            line = await next_line(peer, outlet, decoder, lines, is_hidden=True)
            if line is None:
                return None
            if _is_farewell(context, line):
                hide_input(outlet, decoder, is_hidden=False)
                say(YOU_HAVE_LEFT)
                return None
            is_right = not is_first_frame(line) and is_password_right(context, peer, line, without_keys(line))
            if is_right or not tries_left:
                hide_input(outlet, decoder, is_hidden=False)
            if is_first_frame(line):
                say(LATE_HELLO)
                return None
            if is_right:
                return lines
            say("wrong password: try again" if tries_left else "wrong password")
        return None
    hide_input(outlet, decoder, is_hidden=False)
    say(f"no password came within {PASSWORD_TIMEOUT_S} s")
    return None


def _is_farewell(context: SessionContext, line: str) -> bool:
    """Tell whether a line leaves, and is not the password."""
    typed = read_line(line)
    return (typed.is_quit or typed.command.lower().rstrip() == "/quit") and not context.password.matches(line)


async def next_line(
    peer: Peer, outlet: PeerOutlet, decoder: TelnetDecoder, lines: Lines, *, is_hidden: bool
) -> str | None:
    """Take the next of `lines`, reading more into it where it is empty. -> "" for a fault; None at the end

    With `is_hidden`, a telnet that makes itself known meanwhile does not show it. Raises what the peer raises.
    """
    unpriced = 0
    while not lines:
        if decoder.is_at_cr and await is_silent(peer, CR_SILENCE_S):
            lines += decoder.end_at_cr()
            continue
        if (decoder.telnet and decoder.telnet.is_over) or not (data := await peer.receive()):
            return None
        lines += decoder.feed(data)
        unpriced = 0 if lines else await pause_unpriced(unpriced, data)
        if decoder.needs_crlf:
            outlet.end_in_crlf()
        if decoder.telnet and (reply := decoder.telnet.take_reply()) is not None and not outlet.unsent_bytes:
            outlet.write_bytes(reply)  # else it reads nothing of what it is sent
            outlet.push(None)
            if not (lines or decoder.telnet.is_over):
                hide_input(outlet, decoder, is_hidden=is_hidden)
                outlet.push(None)
    line = lines.pop(0)
    return "" if isinstance(line, LineFault) else line
