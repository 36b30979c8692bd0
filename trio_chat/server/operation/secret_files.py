"""Secrets that the settings name: the server's password, the admin API's token, the certificate and its key."""

import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from trio_chat.config import ADMIN_TOKEN, ConfigError, ServeSettings, read_password_file
from trio_chat.server.errors import SetupError
from trio_chat.server.transport.tls import Tls

TOKEN_BYTES = 24
"""Of randomness in a token that is made here: nobody guesses 192 bits."""

TOKEN_FILE_BYTES = 4096


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


@dataclass(frozen=True, slots=True)
class AdminToken:
    """The token; empty where there is none. `made_in` is the file that was made for it just now."""

    value: str = field(default="", repr=False)
    made_in: Path | None = None


def read_admin_token(settings: ServeSettings) -> AdminToken:
    """Find the token that the settings give; the variable goes over the file. Raises SetupError."""
    if settings.admin_token:
        return AdminToken(settings.admin_token.value)
    if settings.admin_token_file is None:
        return AdminToken()
    return AdminToken(_read(settings.admin_token_file))


def open_admin_token(settings: ServeSettings) -> AdminToken:
    """Find the token, or make one where its file is not there. Raises SetupError."""
    file = settings.admin_token_file
    if settings.admin_token or file is None or file.exists():
        return read_admin_token(settings)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as made:
            made.write(f"{token}\n")
    except OSError as error:
        raise SetupError(f"cannot make the admin token file {file}: {error.strerror}") from error
    return AdminToken(token, file)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            first = opened.read(TOKEN_FILE_BYTES).partition(b"\n")[0].strip()
    except OSError as error:
        raise SetupError(f"cannot read the admin token file {file}: {error.strerror}") from error
    try:
        token: str = ADMIN_TOKEN.parse(first.decode()).value
    except ValueError as error:
        raise SetupError(f"the admin token file {file} must hold {ADMIN_TOKEN.expected} on its first line") from error
    return token


@dataclass(frozen=True, slots=True)
class Secrets:
    """What was in these files."""

    password: Password
    tls: Tls | None


def read_secrets(settings: ServeSettings, note: Callable[[str], None] = lambda _: None) -> Secrets:
    """Read what the settings name; `note` is told what comes next. Raises SetupError."""
    note(f"the password file {settings.password_file}")
    password = read_password(settings.password_file)
    note(f"the TLS certificate {settings.tls_cert}" + (f" or its key {settings.tls_key}" if settings.tls_key else ""))
    return Secrets(password, read_tls(settings))


def read_tls(settings: ServeSettings) -> Tls | None:
    """Read the certificate and its key, if there are any. Raises SetupError."""
    if settings.tls_cert is None:
        if settings.tls_required or settings.tls_key:
            raise SetupError("there is no TLS without a certificate: give one with --tls-cert")
        return None
    return Tls(settings.tls_cert, settings.tls_key, is_required=settings.tls_required)
