"""A password in a file of its own, as the server and its clients read it."""

from pathlib import Path

from trio_chat.config.loading import ConfigError

PASSWORD_MAX = 512
"""Characters."""


def read_password_file(file: Path) -> str:
    """Return the password on the first line of a file. Raises ConfigError that names it."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            # Windows writes a byte order mark and CRLF
            password = lines.readline(PASSWORD_MAX + 2).rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"cannot read the password file {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the password file {file} is not UTF-8") from error
    if not 0 < len(password) <= PASSWORD_MAX:
        raise ConfigError(
            f"the password file {file} must hold a password of 1 to {PASSWORD_MAX} characters on its first line"
        )
    return password
