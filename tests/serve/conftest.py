"""The server in this process that `tests/server` has."""

from tests.server.conftest import logged, open_server

__all__ = ["logged", "open_server"]
