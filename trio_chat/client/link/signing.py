"""Signing proofs of a name: with the key that the client makes, with a file of OpenSSH, or by the ssh agent.

Files and the library of cryptography are used in threads, and the library is loaded there, at the first signature.
"""

import os
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import trio

from trio_chat.chat.accounts.account import KEY_TYPE, checked_key, is_blob
from trio_chat.chat.accounts.proof import SIGNATURE_BYTES, signed_bytes
from trio_chat.chat.errors import ChatError
from trio_chat.client.link.agent import AgentError, agent_keys, agent_signature
from trio_chat.client.memory.state_file import read_file
from trio_chat.config import state_folder

AGENT = "agent"
"""The value of `--key` for any key that the agent has."""

KEYS_TRIED_MAX = 5
"""Keys tried for a name. The server ends a connection after as many wrong proofs."""

_FILE_MAX = 64 * 1024
_PRIVATE_BEGIN = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class SigningError(Exception):
    """There is no signature; the text is one sentence that says why."""


class Signer(Protocol):
    """Keys that can sign, in the order in which they are tried."""

    @property
    def has_keys(self) -> bool:
        """True if there may be a key: proofs are offered to a server."""

    @property
    def is_asked_for(self) -> bool:
        """True if somebody named the key: without it, nothing is done in its place."""

    async def sign(self, message: bytes, number: int) -> tuple[str, str] | None:
        """Sign a message with one of the keys. -> its blob and the signature in base64; None after the last key

        Raises SigningError.
        """

    async def make_key(self) -> str:
        """Make a key if there is none. -> the blob of the first. Raises SigningError."""


class OwnKey:
    """The key that the client makes, in a file that only its user can read."""

    is_asked_for = False

    def __init__(self, file: Path) -> None:
        self._file = file
        self.has_keys = os.path.lexists(file)

    async def sign(self, message: bytes, number: int) -> tuple[str, str] | None:
        """Sign a message with the key. Raises SigningError."""
        if number or not self.has_keys:
            return None
        return await trio.to_thread.run_sync(_sign_with_file, self._file, message)

    async def make_key(self) -> str:
        """Make the key if it is missing. -> its blob. Raises SigningError."""
        blob = await trio.to_thread.run_sync(_open_own_key, self._file)
        self.has_keys = True
        return blob


class KeyFile:
    """A key of OpenSSH that somebody named. The agent signs for a public key, and for one with a passphrase."""

    has_keys = is_asked_for = True

    def __init__(self, file: Path) -> None:
        self._file = file

    async def sign(self, message: bytes, number: int) -> tuple[str, str] | None:
        """Sign a message with the key. Raises SigningError."""
        if number:
            return None
        blob, is_open = await trio.to_thread.run_sync(_read_key, self._file)
        if is_open:
            return await trio.to_thread.run_sync(_sign_with_file, self._file, message)
        with _as_signing_error(f"the agent has no key {self._file}: add it to the agent: ssh-add {self._private}"):
            return blob, await agent_signature(blob, signed_bytes(message))

    @property
    def _private(self) -> Path:
        return self._file.with_suffix("") if self._file.suffix == ".pub" else self._file

    async def make_key(self) -> str:
        """Return the blob of the key. Raises SigningError."""
        return (await trio.to_thread.run_sync(_read_key, self._file))[0]


class AgentKeys:
    """The keys of the ssh agent."""

    has_keys = is_asked_for = True

    async def sign(self, message: bytes, number: int) -> tuple[str, str] | None:
        """Sign a message with one of the keys. Raises SigningError."""
        with _as_signing_error("the agent signs nothing"):
            blobs = await agent_keys()
            if not blobs:
                raise SigningError(f"the agent has no {KEY_TYPE} key: add one with ssh-add FILE")
            if number >= min(len(blobs), KEYS_TRIED_MAX):
                return None
            return blobs[number], await agent_signature(blobs[number], signed_bytes(message))

    async def make_key(self) -> str:
        """Return the blob of the first key. Raises SigningError."""
        with _as_signing_error("the agent lists no keys"):
            blobs = await agent_keys()
        if not blobs:
            raise SigningError(f"the agent has no {KEY_TYPE} key: add one with ssh-add FILE")
        return blobs[0]


def signer_for(key: str | None, folder: Path | None = None) -> Signer:
    """Return the signer for a value of `--key`. `folder`: the state folder, if not the default. Raises ConfigError."""
    if key == AGENT:
        return AgentKeys()
    return KeyFile(Path(key).expanduser()) if key else OwnKey((folder or state_folder()) / "key")


@contextmanager
def _as_signing_error(what: str) -> Iterator[None]:
    """Raise SigningError in place of an AgentError; `what` is the beginning of its text."""
    try:
        yield
    except AgentError as error:
        raise SigningError(f"{what} ({error})") from error


def _read(file: Path) -> bytes:
    try:
        data = read_file(file, _FILE_MAX)
    except OSError as error:
        raise SigningError(f"cannot read the key {file}: {error.strerror or error}") from error
    if not data:
        raise SigningError(f"cannot read the key {file}: {'it is empty' if file.exists() else 'no such file'}")
    return data


def _read_key(file: Path) -> tuple[str, bool]:
    """Return the blob of a key in a file, public or private, and whether it can sign without the agent.

    Raises SigningError.
    """
    data = _read(file)
    if data.lstrip().startswith(_PRIVATE_BEGIN):
        return _public_part(file, data)
    if b"PRIVATE KEY" in data:
        raise SigningError(f"{file} is no {KEY_TYPE} key of OpenSSH")
    try:
        return checked_key(data.decode(errors="replace").strip()), False
    except ChatError as error:
        raise SigningError(f"cannot use the key {file}: {error.text}") from error


def _public_part(file: Path, data: bytes) -> tuple[str, bool]:
    """Read the part of a private key that is never encrypted (PROTOCOL.key of OpenSSH)."""
    try:
        body = b"".join(line for line in data.split(b"\n") if line and not line.startswith(b"-"))
        rest = b64decode(body).removeprefix(b"openssh-key-v1\0")
        cipher, rest = _string(rest)
        for _ in ("key derivation", "its options"):
            _, rest = _string(rest)
        public, _ = _string(rest[4:])  # after the number of keys, which is 1
    except ValueError as error:
        raise SigningError(f"the key {file} is damaged") from error
    blob = b64encode(public).decode()
    if not is_blob(blob):
        raise SigningError(f"{file} is no {KEY_TYPE} key: make one with ssh-keygen -t ed25519")
    return blob, cipher == b"none"


def _string(data: bytes) -> tuple[bytes, bytes]:
    """Return a string of the SSH protocol and the bytes after it. Raises ValueError."""
    end = 4 + int.from_bytes(data[:4])
    if not 4 <= end <= len(data):
        raise ValueError("cut off")
    return data[4:end], data[end:]


def _sign_with_file(file: Path, message: bytes) -> tuple[str, str]:
    """Sign with a key that has no passphrase. -> its blob and the signature in base64. Raises SigningError."""
    key = _load(file)
    signature = key.sign(signed_bytes(message))
    assert len(signature) == SIGNATURE_BYTES
    return _blob_of(key), b64encode(signature).decode()


def _load(file: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        key = load_ssh_private_key(_read(file), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(f"cannot use the key {file}: it is damaged, or has a passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{file} is no {KEY_TYPE} key: make one with ssh-keygen -t ed25519")
    return key


def _blob_of(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    words: bytes = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return words.split()[1].decode()


def _open_own_key(file: Path) -> str:
    """Return the blob of the client's own key, which is made if it is missing. Raises SigningError.

    The file is never written over: a key that is lost is a name that is lost.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR), "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            with suppress(FileExistsError):
                os.link(draft, file)  # unlike a rename, it replaces nothing
        finally:
            draft.unlink()
    except OSError as error:
        raise SigningError(f"cannot make the key {file}: {error.strerror or error}") from error
    return _blob_of(_load(file))
