"""Passwords and signatures, checked in threads. The libraries are loaded there at first use, and not before.

A server without accounts loads neither: `cryptography` alone takes 46 ms and 8 MiB.
"""

import secrets
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

from trio_chat.chat.accounts.account import is_blob, raw_key
from trio_chat.chat.accounts.proof import SIGNATURE_BYTES
from trio_chat.chat.errors import ChatError
from trio_chat.server.credentials.background_threads import BackgroundThreads, threads_at_once

T = TypeVar("T")

AT_ONCE = 2
"""Hashes at once, but one on a machine with few cores; and as many signatures. A hash takes 172 ms and 64 MiB."""

TIME_COST, MEMORY_KIB, LANES = 3, 64 * 1024, 1
"""The work of a hash (RFC 9106, section 4, of the second choice there, with one lane)."""


WAITING_MAX = 1000
"""Hashes that wait for their turn."""


class ThreadedCrypto:
    """The libraries of cryptography behind two limits, so that chat never waits for them."""

    def __init__(self) -> None:
        self._hashing = BackgroundThreads(threads_at_once(AT_ONCE))
        self._verifying = trio.CapacityLimiter(AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the Argon2 hash of a password. Raises ChatError where there is no memory, or too many wait."""
        return await self._in_turn(partial(_hash, password))

    async def matches(self, hashed: str, password: str) -> bool:
        """Tell whether a password has this hash. Raises ChatError like `hash`."""
        return await self._in_turn(partial(_matches, hashed, password))

    async def is_signed(self, key: str, signature: str, signed: bytes) -> bool:
        """Tell whether a signature (base64) over bytes was made with the key of a blob."""
        return await trio.to_thread.run_sync(_is_signed, key, signature, signed, limiter=self._verifying)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise ChatError("slow-down", "too many passwords are being checked: try again in a while")
        self._waiting += 1
        try:
            return await self._hashing.run(work)
        except MemoryError:
            raise ChatError("slow-down", "passwords cannot be checked just now: try again in a while") from None
        finally:
            self._waiting -= 1

    def token(self, size_bytes: int) -> bytes:
        """Return random bytes."""
        return secrets.token_bytes(size_bytes)


def _hash(password: str) -> str:
    from argon2 import PasswordHasher
    from argon2.exceptions import HashingError

    try:
        return PasswordHasher(TIME_COST, MEMORY_KIB, LANES).hash(password)
    except HashingError as error:  # the library reports so that it got no memory
        raise MemoryError from error


def _matches(hashed: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher(TIME_COST, MEMORY_KIB, LANES).verify(hashed, password)
    except VerificationError as error:
        if "emory" in str(error):  # the only way in which the library tells that it got none
            raise MemoryError from error
        return False
    except (InvalidHashError, UnicodeError):
        return False


def _is_signed(key: str, signature: str, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = b64decode(signature, validate=True)
        if not is_blob(key) or len(raw) != SIGNATURE_BYTES:
            return False
        Ed25519PublicKey.from_public_bytes(raw_key(key)).verify(raw, signed)
    except (InvalidSignature, Base64Error, ValueError):
        return False
    return True
