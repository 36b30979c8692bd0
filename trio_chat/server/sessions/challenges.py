"""Challenges and proofs of names in frames: one connection's, before and after its `hello`."""

import secrets

from trio_chat.chat.accounts.account import KeyProof, NameProof, PasswordProof, ProofConnection
from trio_chat.chat.accounts.proof import UNBOUND
from trio_chat.chat.errors import ChatError
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.name_requests import connection_of
from trio_chat.server.transport.peer import Peer
from trio_chat.wire import frames

PROOFS_MAX = 5
"""Proofs that fail on one connection before it ends."""

NONCE_BYTES = 32


class Challenges:
    """The challenge that a connection was given last, and its proofs that failed."""

    __slots__ = ("_context", "_failures", "_nonce", "_peer")

    def __init__(self, context: SessionContext, peer: Peer) -> None:
        self._context = context
        self._peer = peer
        self._nonce = ""
        self._failures = 0

    @property
    def connection(self) -> ProofConnection:
        """The connection, with the nonce that its keys have to sign."""
        return connection_of(self._context, self._peer, nonce=self._nonce)

    @property
    def are_used_up(self) -> bool:
        """True if too many proofs have failed."""
        return self._failures >= PROOFS_MAX

    def renew(self, key: str) -> frames.Challenge:
        """Make a challenge in place of the one before, and answer the request with this key."""
        self._nonce = secrets.token_hex(NONCE_BYTES)
        connection = self.connection
        binding = "" if connection.binding == UNBOUND else "tls"
        return frames.Challenge(nonce=connection.nonce, epoch=connection.epoch, binding=binding, key=key)

    def succeed(self) -> None:
        """Note that a proof was right: its challenge is used up."""
        self._nonce = ""

    def fail(self) -> None:
        """Note that a proof was wrong."""
        self._failures += 1


def proof_in(given: frames.Proof) -> NameProof:
    """Return the proof in a frame. Raises ChatError."""
    if given.password and not (given.key or given.signature):
        return PasswordProof(given.password)
    if given.key and given.signature and not given.password:
        return KeyProof(given.key, given.signature)
    raise ChatError("bad-frame", "a proof has a key and a signature, or a password")
