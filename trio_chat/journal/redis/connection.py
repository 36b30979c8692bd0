"""One connection to a Redis or a sentinel. It is closed for good when an answer does not come in time."""

import logging
import ssl
from dataclasses import dataclass, field
from typing import Any

import trio
from coredis import exceptions
from coredis.connection import TCPConnection, TCPLocation

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import HostPort
from trio_chat.journal.redis.errors import (
    KeyAt,
    MovedAwayError,
    NoAnswerError,
    NotConnectedError,
    RedisRefusedError,
    no_key,
    translated,
)

Value = str | bytes | int

logging.getLogger("coredis").setLevel(logging.CRITICAL)  # it logs a traceback for each Redis that is down


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Settings for all connections to one kind of server: Redis, or its sentinels."""

    username: str | None
    password: str | None = field(repr=False)
    database: int
    tls: ssl.SSLContext | None
    connect_s: float


class RedisConnection:
    """A connection that was made. coredis is used without its pool, which loses a place for good when a connection
    breaks while Redis waits on it (6.9.0)."""

    def __init__(self, peer: HostPort, connection: TCPConnection) -> None:
        self.peer = peer
        self._connection = connection

    @property
    def is_usable(self) -> bool:
        """True while it works, as far as is known."""
        return bool(self._connection.usable)

    async def ask(self, command: bytes, *arguments: Value, max_s: float, key_at: KeyAt = no_key) -> Any:
        """Send a command and wait for its answer. Raises JournalError, NoScriptError."""
        try:
            with trio.fail_after(max_s):
                return await self._connection.create_request(command, *arguments, decode=False)
        except trio.TooSlowError as error:
            self.drop()
            raise NoAnswerError("Redis does not answer") from error
        except exceptions.RedisError as error:
            raise translated(error, key_at) from error
        except Exception as error:  # whatever coredis raises where it cannot read an answer
            self.drop()
            raise NoAnswerError("Redis answers something that cannot be read") from error

    def drop(self) -> None:
        """Close the connection at once: whoever waits for an answer gets an error."""
        self._connection.invalidate()


async def connect(nursery: trio.Nursery, peer: HostPort, settings: ConnectionSettings) -> RedisConnection:
    """Connect to a Redis or a sentinel. The connection lives in the nursery. Raises JournalError."""
    await trio.lowlevel.checkpoint_if_cancelled()  # the nursery may be closed by then, and would raise RuntimeError
    connection = TCPConnection(
        TCPLocation(peer.host, peer.port),
        db=settings.database,
        username=settings.username,
        password=settings.password,
        ssl_context=settings.tls,
        connect_timeout=settings.connect_s,
    )
    try:
        with trio.fail_after(settings.connect_s):
            await nursery.start(_hold, connection)
    except trio.TooSlowError as error:
        raise NotConnectedError("Redis does not answer") from error
    except exceptions.RedisError as error:
        reason = translated(error)
        if isinstance(reason, (RedisRefusedError, MovedAwayError)):
            raise reason from error
        raise NotConnectedError(str(reason)) from error
    return RedisConnection(peer, connection)


def tls_context(certificates: str | None) -> ssl.SSLContext:
    """Make the context of encrypted connections, with the certificates in a file or else of the system.

    Raises JournalError.
    """
    try:
        return ssl.create_default_context(cafile=certificates)
    except OSError as error:
        raise JournalError(f"cannot read the certificates {certificates}: {error.strerror}") from error


_BUFFERS = [f"_{name}_buffer_{end}" for name in ("write", "push_message", "streamed_message") for end in ("in", "out")]
"""The buffers of a connection that coredis leaves open where it could not be made (6.9.0)."""


async def _hold(connection: TCPConnection, *, task_status: trio.TaskStatus[None]) -> None:
    """Run a connection until it is broken. Raises RedisError where it could not be made."""
    try:
        await connection.run(task_status=task_status)
    except exceptions.RedisError:
        if connection.server_version is None:
            raise
    finally:
        for name in _BUFFERS:
            getattr(connection, name).close()
