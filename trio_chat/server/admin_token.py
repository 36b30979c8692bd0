"""The admin API's token: from the settings, or from a file, which is made with a new one where there is none."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from trio_chat.config import ADMIN_TOKEN, ServeSettings
from trio_chat.server.errors import SetupError

BYTES = 24
"""Of randomness in a token that is made here: nobody guesses 192 bits."""

READ_BYTES = 4096


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
    token = secrets.token_urlsafe(BYTES)
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
            first = opened.read(READ_BYTES).partition(b"\n")[0].strip()
    except OSError as error:
        raise SetupError(f"cannot read the admin token file {file}: {error.strerror}") from error
    try:
        token: str = ADMIN_TOKEN.parse(first.decode()).value
    except ValueError as error:
        raise SetupError(f"the admin token file {file} must hold {ADMIN_TOKEN.expected} on its first line") from error
    return token
