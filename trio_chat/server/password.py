"""The server's password: one for everyone, asked before a client comes in."""

import hmac
from hashlib import sha256
from pathlib import Path

from trio_chat.config import ConfigError, read_password_file
from trio_chat.server.errors import SetupError


class Password:
    """A password to compare with, or none: then anything matches."""

    def __init__(self, secret: str = "") -> None:
        self._digest = _digest(secret) if secret else None

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self._digest is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and self._digest == other._digest

    __hash__ = None  # type: ignore[assignment]  # nobody keeps passwords in sets

    def matches(self, given: str) -> bool:
        """Compare, in a time that tells nothing about the password."""
        return self._digest is None or hmac.compare_digest(self._digest, _digest(given))


def read_password(file: Path | None) -> Password:
    """Read the first line of a file. Raises SetupError."""
    if file is None:
        return Password()
    try:
        return Password(read_password_file(file))
    except ConfigError as error:
        raise SetupError(str(error)) from error


def _digest(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
