"""The bytes that a key signs to prove a name, for the server and for clients. Pure.

They are those of an SSHSIG (PROTOCOL.sshsig of OpenSSH), so that an agent or `ssh-keygen -Y sign -n trio-chat` can sign
them, and so that the signature can be no log-in to an sshd.
"""

import re
from hashlib import sha512
from typing import Literal

Purpose = Literal["login", "claim"]

NAMESPACE = "trio-chat"

UNBOUND = "-"
"""The binding of a connection without TLS."""

SIGNATURE_BYTES = 64

_EPOCH = re.compile("[0-9a-z]{1,64}", re.ASCII)
_NONCE = re.compile("[0-9a-f]{64}", re.ASCII)


def message_of(purpose: Purpose, *, epoch: str, nonce: str, name: str, binding: str) -> bytes:
    """Return the message of a proof.

    `epoch` and `nonce` are those of the challenge, `name` is spelled as in the request, and `binding` is the SHA-256 of
    the server's certificate in DER, 64 hex digits, or UNBOUND. None of them may have a line break: see `is_challenge`.
    """
    return "\n".join(("trio-chat proof 1", purpose, epoch, nonce, name, binding)).encode()


def signed_bytes(message: bytes) -> bytes:
    """Return the bytes that Ed25519 signs for a message."""
    parts = (NAMESPACE.encode(), b"", b"sha512", sha512(message).digest())
    return b"SSHSIG" + b"".join(len(part).to_bytes(4) + part for part in parts)


def is_challenge(epoch: str, nonce: str) -> bool:
    """Tell whether a challenge has the form of ours. A client signs for no other."""
    return bool(_EPOCH.fullmatch(epoch) and _NONCE.fullmatch(nonce))
