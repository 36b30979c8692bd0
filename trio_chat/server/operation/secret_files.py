"""Files that the settings name and a reload reads again: password, admin token, certificate and key, names."""

import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from trio_chat.config import ConfigError, ServeSettings, read_password_file, read_token_file
from trio_chat.config.bounded_file import read_bounded
from trio_chat.server.credentials.names_file import NamesFile, read_names_file
from trio_chat.server.credentials.own_certificate import open_own_certificate, own_certificate
from trio_chat.server.errors import SetupError
from trio_chat.server.transport.certificate import ProxyCertificate, digest_of, validities_of
from trio_chat.server.transport.tls import Tls

TOKEN_BYTES = 24
"""Random bytes of a generated token: 192 bits."""


class Password:
    """The password of the chat, or none: then anything matches."""

    def __init__(self, secret: str = "") -> None:
        self._digest = _digest(secret) if secret else None

    @property
    def is_set(self) -> bool:
        """True if there is a password."""
        return self._digest is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and self._digest == other._digest

    __hash__ = None  # type: ignore[assignment]  # compared, never kept in a set

    def matches(self, given: str) -> bool:
        """Compare in constant time."""
        return self._digest is None or hmac.compare_digest(self._digest, _digest(given))


def read_password(file: Path | None) -> Password:
    """Read the password on the first line of a file. Raises SetupError."""
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
    """The admin API's token, empty if there is none. `created_in` is the file just created for it."""

    value: str = field(default="", repr=False)
    created_in: Path | None = None


def read_admin_token(settings: ServeSettings) -> AdminToken:
    """Read the token that the settings give; the variable overrides the file. Raises SetupError."""
    if settings.admin_token:
        return AdminToken(settings.admin_token.value)
    if settings.admin_token_file is None:
        return AdminToken()
    return AdminToken(_read_token(settings.admin_token_file))


def open_admin_token(settings: ServeSettings) -> AdminToken:
    """Read the token, or create its file with a new one if it is missing. Raises SetupError."""
    file = settings.admin_token_file
    if settings.admin_token or file is None or file.exists():
        return read_admin_token(settings)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as created:
            created.write(f"{token}\n")
    except OSError as error:
        raise SetupError(f"cannot create the admin token file {file}: {error.strerror}") from error
    return AdminToken(token, file)


def _read_token(file: Path) -> str:
    try:
        return read_token_file(file)
    except ConfigError as error:
        raise SetupError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Secrets:
    """The password, the certificate, the names that are handed out, and the certificate of a proxy that ends TLS."""

    password: Password
    tls: Tls | None
    names: NamesFile = field(default_factory=NamesFile)
    proxy_certificate: ProxyCertificate | None = None


def read_secrets(settings: ServeSettings, on_file: Callable[[str], None] = lambda _: None) -> Secrets:
    """Read all secrets but the admin token; `on_file` is called with each file before it is read. Raises SetupError."""
    on_file(f"the password file {settings.password_file}")
    password = read_password(settings.password_file)
    certificate = certificate_file(settings)
    on_file(f"the TLS certificate {certificate}" + (f" or its key {settings.tls_key}" if settings.tls_key else ""))
    tls = read_tls(settings)
    on_file(f"the names file {settings.names_file}")
    names = read_names_file(settings.names_file)
    on_file(f"the certificate of the proxy {settings.proxy_cert}")
    return Secrets(password, tls, names, read_proxy_certificate(settings.proxy_cert))


def read_proxy_certificate(file: Path | None) -> ProxyCertificate | None:
    """Read the certificate of the proxy that ends TLS, if there is one. Raises SetupError."""
    if file is None:
        return None
    try:
        pem = read_bounded(file)
    except OSError as error:
        raise SetupError(f"cannot read the certificate of the proxy {file}: {error.strerror}") from error
    digest = digest_of(pem)
    if not digest:
        raise SetupError(f"cannot use the certificate of the proxy {file}: expected a PEM file")
    return ProxyCertificate(file, digest, tuple(validities_of(pem)))


def open_secrets(settings: ServeSettings) -> Secrets:
    """Read all secrets but the admin token, and make the server's own certificate if needed. Raises SetupError."""
    if needs_own_certificate(settings):
        open_own_certificate(settings.data)
    return read_secrets(settings)


def needs_own_certificate(settings: ServeSettings) -> bool:
    """Tell whether the server is to have a certificate of its own: one that is named goes first."""
    return settings.tls and settings.tls_cert is None


def certificate_file(settings: ServeSettings) -> Path | None:
    """Return the file with the certificate, which may be missing where it is the server's own."""
    return own_certificate(settings.data) if needs_own_certificate(settings) else settings.tls_cert


def read_tls(settings: ServeSettings) -> Tls | None:
    """Read the certificate and its key, if the settings ask for TLS. Raises SetupError."""
    certificate = certificate_file(settings)
    if certificate is None or (settings.tls_key and settings.tls_cert is None):
        if settings.tls_required or settings.tls_key:
            remedy = "" if settings.tls_key else ", or have one made with --tls"
            raise SetupError(f"TLS needs a certificate: give one with --tls-cert{remedy}")
        return None
    return Tls(certificate, settings.tls_key, is_required=settings.tls_required)
