"""Keeping what is typed off the screen of a telnet, while it is a secret."""

from trio_chat.server.sessions.name_questions import MAYBE_SHOWN, SHOWN
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.wire.telnet import TelnetDecoder


def hide_input(outlet: PeerOutlet, decoder: TelnetDecoder, *, is_hidden: bool) -> None:
    """Keep a telnet from showing what is typed, or let it show that again, with what is sent to it next."""
    if wish := decoder.hide_input(is_hidden=is_hidden):
        outlet.write_bytes(wish)


def hide_answer(outlet: PeerOutlet, decoder: TelnetDecoder, *, is_secret: bool) -> str:
    """Hide the answer of a question if it is a secret, and else show it. -> the hint where it cannot be hidden"""
    hide_input(outlet, decoder, is_hidden=is_secret)
    if not is_secret or (decoder.telnet and decoder.telnet.is_telnet):
        return ""
    return MAYBE_SHOWN if decoder.needs_crlf else SHOWN
