"""What is in files of its own, which the settings only name: the password, the certificate and its key."""

from collections.abc import Callable
from dataclasses import dataclass

from trio_chat.config import ServeSettings
from trio_chat.server.errors import SetupError
from trio_chat.server.password import Password, read_password
from trio_chat.server.transport.tls import Tls


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
