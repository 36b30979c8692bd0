"""The token of the admin API in a file of its own, as the server and the commands of operators read it."""

from pathlib import Path

from trio_chat.config.loading import ConfigError
from trio_chat.config.setting_types import secret

ADMIN_TOKEN = secret(16, 256)

_FILE_BYTES = 4096


def read_token_file(file: Path) -> str:
    """Return the token on the first line of a file. Raises ConfigError that names it."""
    try:
        with file.open("rb") as opened:
            first = opened.read(_FILE_BYTES).partition(b"\n")[0].strip()
    except OSError as error:
        raise ConfigError(f"cannot read the admin token file {file}: {error.strerror}") from error
    try:
        token: str = ADMIN_TOKEN.parse(first.decode("utf-8-sig")).value
    except ValueError as error:
        raise ConfigError(f"the admin token file {file} must hold {ADMIN_TOKEN.expected} on its first line") from error
    return token
