"""The user's folders, by the convention of the platform."""

from collections.abc import Callable
from pathlib import Path

from platformdirs import user_config_path, user_data_path, user_state_path

from trio_chat.config.loading import ConfigError


def data_folder() -> Path:
    """Return the folder for a server's data. Raises ConfigError for a user without a home folder."""
    return _find(user_data_path, "set HOME, or give the folder with --data DIR")


def state_folder() -> Path:
    """Return the folder for the state of a client. Raises ConfigError for a user without a home folder."""
    return _find(user_state_path, "set HOME, or the folder with XDG_STATE_HOME")


def config_folder() -> Path:
    """Return the folder for the settings of a client. Raises ConfigError for a user without a home folder."""
    return _find(user_config_path, "set HOME, or the folder with XDG_CONFIG_HOME")


def _find(find: Callable[..., Path], remedy: str) -> Path:
    try:
        return find("trio-chat", appauthor=False)
    except RuntimeError as error:  # no HOME, and the user is not in passwd, as in a container under any uid
        raise ConfigError(f"this user has no home folder: {remedy}") from error
