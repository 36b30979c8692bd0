"""A connection to a Redis, and its errors in the words of a journal. The one file that knows coredis.

Every call has a deadline. One that was not answered may have been executed: then `NoAnswerError` says so.
"""

import logging
import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import trio
from coredis import exceptions
from coredis.connection import TCPConnection, TCPLocation

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import RedisAddress
from trio_chat.journal.redis.replies import DamagedKeyError, read_whole, shown
from trio_chat.journal.redis.scripts import Script
from trio_chat.journal.redis.times import TIMES, RedisTimes

Value = str | bytes | int

Row = tuple[int, Mapping[bytes, bytes]]
"""An entry of a stream: its id, and its fields by name."""

logging.getLogger("coredis").setLevel(logging.CRITICAL)  # it logs a traceback for each Redis that is down


class NoAnswerError(JournalError):
    """Redis did not answer: what it was asked may have been done, or not, or may be done yet."""


class RedisRefusedError(JournalError):
    """Redis refused what it was asked, and did nothing."""


class NotConnectedError(NoAnswerError):
    """Redis cannot be reached: it was not asked anything."""


class RedisLink:
    """One connection to a Redis, made anew when it is broken. `run` has to run as long as it is used.

    Calls do not wait for each other: their answers come in the order of the calls. coredis is used without its pool,
    which loses a place for good when a connection breaks while Redis waits on it (6.9.0).
    """

    def __init__(self, address: RedisAddress, times: RedisTimes = TIMES) -> None:
        self.address = address
        self._times = times
        self._tls = _tls_context(address)
        self._connection: TCPConnection | None = None
        self._connecting = trio.Lock()
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the connection until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    async def call(self, script: Script, *arguments: Value, max_s: float | None = None) -> Any:
        """Execute a script with the prefix of all keys as its one key. -> its answer. Raises JournalError."""
        rest = (1, self.address.prefix, *arguments)
        try:
            try:
                return await self._ask(b"EVALSHA", script.digest, *rest, max_s=max_s)
            except exceptions.NoScriptError:
                return await self._ask(b"EVAL", script.text, *rest, max_s=max_s)
        except exceptions.RedisError as error:
            raise _explained(error, script.key_at(_line_in(error))) from error

    async def config(self, *names: str) -> Mapping[str, str]:
        """Return these settings of Redis. Raises JournalError, RedisRefusedError where that is forbidden."""
        found = await self.ask(b"CONFIG GET", *names)
        return {_text(name): _text(value) for name, value in found.items()}

    async def info(self) -> Mapping[str, str]:
        """Return what Redis says of itself. Raises JournalError."""
        text = _text(await self.ask(b"INFO", "server", "replication"))
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    async def follow(self, stream: str, after_id: int, *, count: int, block_s: float) -> list[Row]:
        """Wait for entries of a stream above an id, `block_s` at most. Raises JournalError."""
        name, block_ms = self.address.prefix + stream, round(block_s * 1000)
        words = "COUNT", count, "BLOCK", block_ms, "STREAMS", name, f"{after_id}-0"
        found = await self.ask(b"XREAD", *words, max_s=block_s + self._times.answer_s)
        return [_row(entry) for entries in (found or {}).values() for entry in entries]

    async def newest(self, stream: str, *, below: int | None, count: int) -> list[Row]:
        """Return the newest entries of a stream below an id, newest first. Raises JournalError."""
        end = "+" if below is None else f"({below}-0"
        found = await self.ask(b"XREVRANGE", self.address.prefix + stream, end, "-", "COUNT", count)
        return [_row(entry) for entry in found]

    async def set_fields(self, table: str, values: Mapping[str, bytes]) -> None:
        """Set some fields of a hash, all or none. Raises JournalError."""
        words = [word for pair in values.items() for word in pair]
        await self.ask(b"HSET", self.address.prefix + table, *words)

    async def delete_field(self, table: str, name: str) -> None:
        """Delete a field of a hash, if there is one. Raises JournalError."""
        await self.ask(b"HDEL", self.address.prefix + table, name)

    async def get_field(self, table: str, name: str) -> bytes | None:
        """Return a field of a hash; None where there is none. Raises JournalError."""
        found: bytes | None = await self.ask(b"HGET", self.address.prefix + table, name)
        return found

    async def score(self, table: str, name: str) -> int:
        """Return the score of a member; 0 where there is none. Raises JournalError."""
        found = await self.ask(b"ZSCORE", self.address.prefix + table, name)
        return read_whole(found, f"the score of {shown(name)} in {table}")

    async def fields(self, table: str) -> Mapping[bytes, bytes]:
        """Return all fields of a hash, read a page at a time. Raises JournalError."""
        found: dict[bytes, bytes] = {}
        cursor: bytes = b"0"
        while True:
            cursor, page = await self.ask(b"HSCAN", self.address.prefix + table, cursor, "COUNT", 500)
            found.update(zip(page[::2], page[1::2], strict=True))
            if cursor == b"0":
                return found

    async def members(self, name: str) -> list[str]:
        """Return the members of a set, which are few. Raises JournalError."""
        return [_text(it) for it in await self.ask(b"SMEMBERS", self.address.prefix + name)]

    async def size(self, name: str) -> int:
        """Return the number of members of a set. Raises JournalError."""
        return int(await self.ask(b"SCARD", self.address.prefix + name))

    async def remove_from_set(self, name: str, member: str) -> None:
        """Remove a member of a set, if it is one. Raises JournalError."""
        await self.ask(b"SREM", self.address.prefix + name, member)

    async def length(self, stream: str) -> int:
        """Return the number of entries in a stream. Raises JournalError."""
        return int(await self.ask(b"XLEN", self.address.prefix + stream))

    async def hold(self, lock: str, holder: str, *, for_s: float) -> str:
        """Take a lock that nobody holds, for some time. -> its holder now. Raises JournalError."""
        name, limit_ms = self.address.prefix + lock, round(for_s * 1000)
        former = await self.ask(b"SET", name, holder, "NX", "GET", "PX", limit_ms)
        return _text(former) if former is not None else holder

    async def append_to_list(self, name: str, values: Sequence[Value]) -> None:
        """Append to a list. Raises JournalError."""
        await self.ask(b"RPUSH", self.address.prefix + name, *values)

    async def delete(self, name: str) -> None:
        """Delete a key, if there is one. Raises JournalError."""
        await self.ask(b"DEL", self.address.prefix + name)

    async def ask(self, command: bytes, *arguments: Value, max_s: float | None = None) -> Any:
        """Send a command and wait for its answer. Raises JournalError."""
        try:
            return await self._ask(command, *arguments, max_s=max_s)
        except exceptions.RedisError as error:
            raise _explained(error, str(arguments[0]).removeprefix(self.address.prefix) if arguments else "") from error

    async def _ask(self, command: bytes, *arguments: Value, max_s: float | None) -> Any:
        connection = await self._connected()
        try:
            with trio.fail_after(self._times.answer_s if max_s is None else max_s):
                return await connection.create_request(command, *arguments, decode=False)
        except trio.TooSlowError as error:
            connection.invalidate()
            raise NoAnswerError("Redis does not answer") from error

    async def _connected(self) -> TCPConnection:
        """Return a connection that works so far. Raises JournalError."""
        if self._connection and self._connection.usable:  # not even a checkpoint: a turn of the loop for each call
            return self._connection
        async with self._connecting:
            if self._connection is None or not self._connection.usable:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> TCPConnection:
        assert self._nursery, "it is not running"
        address = self.address
        connection = TCPConnection(
            TCPLocation(address.host, address.port),
            db=address.database,
            username=address.username,
            password=address.password,
            ssl_context=self._tls,
            connect_timeout=self._times.connect_s,
        )
        try:
            with trio.fail_after(self._times.connect_s):
                await self._nursery.start(_hold, connection)
        except trio.TooSlowError as error:
            raise NotConnectedError("Redis does not answer") from error
        except exceptions.RedisError as error:
            explained = _explained(error)
            raise (
                explained if isinstance(explained, RedisRefusedError) else NotConnectedError(str(explained))
            ) from error
        return connection


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


_LOST = "the connection to Redis broke"

_NOT_ALLOWED = "Redis does not allow this user what the journal needs"
_WRONG_PASSWORD = "Redis refuses the password"
_REPLICA = "this Redis is a replica, which cannot be written to: name the primary"

_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (exceptions.AuthenticationError, _WRONG_PASSWORD),
    (exceptions.AuthorizationError, _NOT_ALLOWED),
    (exceptions.ReadOnlyError, _REPLICA),
)

_CODES = {
    "OOM": "the memory of Redis is full",
    "MISCONF": "Redis cannot write its file",
    "READONLY": _REPLICA,
    "NOPERM": _NOT_ALLOWED,
    "WRONGPASS": _WRONG_PASSWORD,
    "NOAUTH": _WRONG_PASSWORD,
    "equal or smaller than the target": "the newest entry of a stream of the chat was written by hand",
}

_REPLACED = "wrong kind of value"

_DAMAGED = re.compile(r"DAMAGED (\w+) (\w+)|(hash value is not an integer)")
"""The error of `meta` in prelude.lua about a field, and that of Redis itself."""

_NAMED = re.compile(r"REPLACED (\S+)")
"""The error of `raise` in prelude.lua about a key."""

_LINE = re.compile(r"user_script:(\d+)")


def _line_in(error: exceptions.RedisError) -> int:
    """Return the line of the script in which an error was raised; 0 where it does not say so."""
    found = _LINE.search(str(error))
    return int(found[1]) if found else 0


def _explained(error: exceptions.RedisError, key: str = "") -> JournalError:
    """Return an error of coredis as one of a journal. `key` is that of the command, as far as it is known."""
    text = str(error)
    if found := _DAMAGED.search(text):
        return DamagedKeyError(f"a number in {key}" if found[3] else f"the field {found[2]} of {found[1]}")
    if named := _NAMED.search(text):
        key = named[1]
    if named or _REPLACED in text:
        return RedisRefusedError(f"a key of the chat in Redis was replaced by something else: {key}")
    if isinstance(error, exceptions.BusyLoadingError) or text.startswith("LOADING"):
        return NotConnectedError("Redis is still loading its data")
    if reason := _distrust(error):
        return RedisRefusedError(f"the certificate of Redis is not trusted: {reason}")
    if isinstance(error, exceptions.ConnectionError):
        return NoAnswerError("Redis cannot be reached" if "Unable to establish" in text else _LOST)
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return RedisRefusedError(sentence)
    return RedisRefusedError(_reason(text))


def _distrust(error: BaseException | None) -> str:
    """Return the reason why a certificate was refused, somewhere among the causes of an error; else ""."""
    while error:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""


def _reason(text: str) -> str:
    """Return the reason of a refusal in a sentence. The error may come from within a script, with its code inside."""
    for code, sentence in _CODES.items():
        if code in text:
            return sentence
    return f"Redis refuses: {text[:200]}"


def _row(entry: Sequence[Any]) -> Row:
    stream_id, words = entry
    return int(stream_id.partition(b"-")[0]), dict(zip(words[::2], words[1::2], strict=True))


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _tls_context(address: RedisAddress) -> ssl.SSLContext | None:
    """Make the context of an encrypted connection. Raises JournalError."""
    if not address.is_encrypted:
        return None
    try:
        return ssl.create_default_context(cafile=address.certificates)
    except OSError as error:
        raise JournalError(f"cannot read the certificates {address.certificates}: {error.strerror}") from error
