"""The server in this process that `tests/server` has."""

from tests.server.conftest import logged, open_house

__all__ = ["logged", "open_house"]
