"""Questions to a plain connection before it becomes a client: the password of the server, and whose it is."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from trio_chat.chat.errors import ChatError
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.name_prompt import ask_name
from trio_chat.server.sessions.name_requests import Proven
from trio_chat.server.sessions.password_prompt import ask_password
from trio_chat.server.transport.outlet import PeerOutlet
from trio_chat.server.transport.peer import Peer
from trio_chat.wire.lines import LineFault, encode_notice
from trio_chat.wire.telnet import TelnetDecoder


@dataclass(frozen=True, slots=True)
class Asked:
    """Input of a connection that was asked for a password or a name, and let in."""

    decoder: TelnetDecoder
    ahead: Sequence[str | LineFault]
    """Lines that came after it."""
    proven: Proven | None

    @property
    def is_waiting(self) -> bool:
        """True if there is something to answer before more is read."""
        return bool(self.ahead or self.proven or self.decoder.telnet)


def must_ask(context: SessionContext) -> bool:
    """Tell whether this server wants a password or a name before it lets a connection in."""
    return context.password.is_set or context.chat.rules.names == "members"


async def ask(context: SessionContext, peer: Peer, outlet: PeerOutlet) -> Asked | None:
    """Ask for the password and the name that this server wants. -> None where the connection is not let in

    Raises what the peer raises.
    """
    decoder, proven = TelnetDecoder(), None
    ahead = await ask_password(context, peer, outlet, decoder) if context.password.is_set else []
    if ahead is None:
        return None
    if context.chat.rules.names == "members":
        proven = await ask_name(context, peer, outlet, decoder, ahead)
        if proven is None:
            return None
    return Asked(decoder, ahead, proven) if _is_still_welcome(context, peer, outlet) else None


def _is_still_welcome(context: SessionContext, peer: Peer, outlet: PeerOutlet) -> bool:
    """Tell whether the address was not banned while this was no client yet; else tell the peer."""
    try:
        context.admission.check(peer.address, date=time.time())
    except ChatError as refusal:
        outlet.write(encode_notice(refusal.text))
        outlet.push(None)
        return False
    return True
