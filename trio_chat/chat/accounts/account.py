"""Values of accounts: the account, its keys, invites, proofs, and what is remembered of a member. Pure.

Times are seconds since 1970. Names are those of `nicks`; a folded name is the key that all its spellings share.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from trio_chat.chat.errors import ChatError
from trio_chat.chat.text import excerpt

KeySource = Literal["own", "added", "file", "operator", "invite"]
"""The way by which a key came to an account: `own` claimed the name, `added` was pasted by its owner later."""

KEY_TYPE = "ssh-ed25519"
"""The only type of keys: one verification, one length."""

KEY_LINE_MAX = 8 * 1024
"""Characters of a line with a key, in which options may come first and a comment last."""

_KEY_BEGIN = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
"""The beginning of each decoded key, with the lengths of its parts (RFC 8709, section 4)."""

KEY_BYTES = 32
BLOB_CHARS = 68
"""The base64 word of a key: 51 bytes."""


@dataclass(frozen=True, slots=True)
class AccountKey:
    """A public key of an account: `blob` is the base64 word of its line, `source` how it came there."""

    blob: str
    added: float
    source: KeySource = "own"

    @property
    def fingerprint(self) -> str:
        """The fingerprint, as `ssh-keygen -l` shows it."""
        return fingerprint_of(self.blob)


@dataclass(frozen=True, slots=True)
class Account:
    """A claimed name, and the proofs of it.

    `id` has 16 hex digits, is random and never used again. `seen` is when its owner was here last. `by` is "own",
    "file", "invite" or the operator who made it. `password` is the Argon2 hash, "" for none.
    """

    id: str
    name: str
    since: float
    seen: float
    by: str
    keys: tuple[AccountKey, ...] = ()
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Invite:
    """An invite: `digest` is the SHA-256 of its code, in hex, and `account` the id of the only one it is for, or ""."""

    digest: str
    account: str
    uses: int
    by: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class KeyProof:
    """A proof by a key: its blob, and the signature of 64 bytes in base64, both as received."""

    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """A proof by a password, as received."""

    password: str = field(repr=False)


NameProof = KeyProof | PasswordProof


@dataclass(frozen=True, slots=True)
class ProofConnection:
    """The connection over which a proof came.

    `origin` is the key under which its address is counted, below 0 for one without a limit. `is_private` is true over
    TLS, from loopback, or where passwords in the clear are allowed. `binding` is the digest of the certificate that its
    client saw, in hex, or `proof.UNBOUND`; `nonce` that of the last challenge, "" for none; `epoch` the journal's.
    """

    origin: int
    address: str
    is_private: bool
    binding: str
    nonce: str
    epoch: str


@dataclass(frozen=True, slots=True)
class RoomMark:
    """The newest entry that a member has read in a room: its id and its time."""

    id: int
    time: float


@dataclass(frozen=True, slots=True)
class AccountMemory:
    """The rooms of a member, those whom they ignore, and their read marks by room; "@" is the mailbox."""

    rooms: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    marks: Mapping[str, RoomMark] = field(default_factory=lambda: MappingProxyType({}))


def checked_key(text: str) -> str:
    """Return the blob of a public key. -> 68 characters of base64

    `text` is that, or a line as in `authorized_keys`. Raises ChatError ("bad-key").
    """
    if len(text) > KEY_LINE_MAX:
        raise ChatError("bad-key", f"a key has at most {KEY_LINE_MAX} characters")
    words = text.split()
    named = [word for before, word in pairwise(words) if before == KEY_TYPE]
    if not (named or len(words) == 1):
        kind = excerpt(words[0]) if words else "nothing"
        raise ChatError("bad-key", f"expected a public key that begins with {KEY_TYPE}, not {kind}")
    blob = named[0] if named else words[0]
    if not is_blob(blob):
        raise ChatError("bad-key", f"that is no public key of the type {KEY_TYPE}: paste the line of a .pub file whole")
    return blob


def is_blob(text: str) -> bool:
    """Tell whether a text is the base64 word of an Ed25519 public key, spelled as OpenSSH does."""
    if len(text) != BLOB_CHARS or not text.isascii():
        return False
    try:
        decoded = b64decode(text, validate=True)
    except Base64Error:
        return False
    is_key = decoded.startswith(_KEY_BEGIN) and len(decoded) == len(_KEY_BEGIN) + KEY_BYTES
    return is_key and b64encode(decoded).decode() == text


BY_PASSWORD = "password"
"""A proof by a password, as `/whois` and operators see it."""


def by_key(blob: str) -> str:
    """Describe a proof by a key, as `/whois` and operators see it. `Client.proven_by` has one of the two."""
    return f"key {fingerprint_of(blob)}"


def raw_key(blob: str) -> bytes:
    """Return the 32 bytes of a key that `is_blob`."""
    return b64decode(blob)[-KEY_BYTES:]


def fingerprint_of(blob: str) -> str:
    """Return the fingerprint of a key that `is_blob`."""
    return "SHA256:" + b64encode(sha256(b64decode(blob)).digest()).decode().rstrip("=")
