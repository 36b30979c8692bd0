"""A connection to the Redis that has the chat, which is made anew whenever it breaks.

Every call has a deadline. One that was not answered may have been executed, and raises NoAnswerError.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import HostPort, RedisAddress
from trio_chat.journal.redis.connection import RedisConnection, Value
from trio_chat.journal.redis.errors import (
    FewReplicasError,
    KeyAt,
    MovedAwayError,
    NoAnswerError,
    NoScriptError,
    RedisRefusedError,
    ReplicaError,
    no_key,
)
from trio_chat.journal.redis.primary import PrimaryFinder
from trio_chat.journal.redis.replies import read_whole, shown
from trio_chat.journal.redis.scripts import Script
from trio_chat.journal.redis.times import TIMES, RedisTimes

Row = tuple[int, Mapping[bytes, bytes]]
"""An entry of a stream: its id, and its fields by name."""


@dataclass(frozen=True, slots=True)
class _Replicated:
    """An answer of Redis on a connection: the number of replicas that have the first `written` writes of the link."""

    connection: RedisConnection
    written: int
    have: int


class RedisLink:
    """One connection to the primary. `run` has to run as long as it is used.

    Calls are pipelined: none waits for the answer to another one.
    """

    def __init__(self, address: RedisAddress, times: RedisTimes = TIMES, finder: PrimaryFinder | None = None) -> None:
        """Share a `finder` among the links of one journal: where one finds another primary, all go there."""
        self.address = address
        self._times = times
        self._finder = finder or PrimaryFinder(address, times)
        self._finder.listen(self._leave_former)
        self._connection: RedisConnection | None = None
        self._connecting = trio.Lock()
        self._failure: JournalError | None = None
        """The error of the last attempt to connect that failed."""
        self._failed_attempts = 0
        self._waiting = trio.Lock()
        self._written = 0
        self._replicated: _Replicated | None = None
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the connection until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    async def call(self, script: Script, *arguments: Value, max_s: float | None = None) -> Any:
        """Execute a script, whose one key is the prefix of all keys, and return its answer. Raises JournalError."""
        return await self._call(await self._connected(), script, arguments, max_s)

    async def keep(self, script: Script, *arguments: Value, max_s: float | None = None) -> Any:
        """Execute a script that writes, wait for the replicas that the address asks for, and return its answer.

        Redis answers nothing else on this connection meanwhile. Raises JournalError, and FewReplicasError where too
        few replicas have the writes in time: they may have them later.
        """
        connection, began = await self._connected(), trio.current_time()
        answer = await self._call(connection, script, arguments, max_s)
        more_s = trio.current_time() - began if max_s else 0  # what takes long here takes long there
        await self._wait_for_replicas(connection, more_s=more_s)
        return answer

    async def _wait_for_replicas(self, connection: RedisConnection, *, more_s: float = 0) -> None:
        """Wait until replicas have what was just written by a connection, if any were asked for. Raises JournalError.

        Whoever comes while another waits is in the next wait, with all the others: so nobody waits for more than two.
        """
        wanted = self.address.replicas
        if not wanted:
            return
        self._written += 1
        mine = self._written
        async with self._waiting:
            last = self._replicated
            if last is None or last.connection is not connection or last.written < mine:
                last = self._replicated = await self._ask_replicas(connection, wanted, self._times.replicas_s + more_s)
        if last.have < wanted:
            raise FewReplicasError(f"only {last.have} of {wanted} replicas have what was written last")

    async def _ask_replicas(self, connection: RedisConnection, wanted: int, for_s: float) -> "_Replicated":
        written = self._written
        words, max_s = (wanted, round(for_s * 1000)), for_s + self._times.answer_s
        try:
            have = int(await self._ask(b"WAIT", *words, connection=connection, max_s=max_s))
        except JournalError as error:  # whatever it is, what was to be written was written
            raise NoAnswerError(str(error)) from error
        return _Replicated(connection, written, have)

    async def _call(
        self, connection: RedisConnection, script: Script, arguments: Sequence[Value], max_s: float | None
    ) -> Any:
        rest = (1, self.address.prefix, *arguments)
        ask = partial(self._ask, connection=connection, key_at=script.key_at, max_s=max_s)
        try:
            return await ask(b"EVALSHA", script.digest, *rest)
        except NoScriptError:
            return await ask(b"EVAL", script.text, *rest)

    async def config(self, *names: str) -> Mapping[str, str]:
        """Return these settings of Redis. Raises JournalError, RedisRefusedError where that is forbidden."""
        found = await self.ask(b"CONFIG GET", *names)
        return {_text(name): _text(value) for name, value in found.items()}

    async def info(self) -> Mapping[str, str]:
        """Return the answer to INFO, as far as it is about the server and replication. Raises JournalError."""
        text = _text(await self.ask(b"INFO", "server", "replication"))
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    async def follow(self, stream: str, after_id: int, *, count: int, block_s: float) -> list[Row]:
        """Wait for entries of a stream above an id, `block_s` at most. Raises JournalError."""
        name, block_ms = self.address.prefix + stream, round(block_s * 1000)
        words = "COUNT", count, "BLOCK", block_ms, "STREAMS", name, f"{after_id}-0"
        found = await self.ask(b"XREAD", *words, max_s=block_s + self._times.answer_s)
        return [row_of(entry) for entries in (found or {}).values() for entry in entries]

    async def newest(self, stream: str, *, below: int | None, count: int) -> list[Row]:
        """Return the newest entries of a stream below an id, newest first. Raises JournalError."""
        end = "+" if below is None else f"({below}-0"
        found = await self.ask(b"XREVRANGE", self.address.prefix + stream, end, "-", "COUNT", count)
        return [row_of(entry) for entry in found]

    async def set_fields(self, table: str, values: Mapping[str, bytes]) -> None:
        """Set some fields of a hash, all or none, as `keep` does. Raises JournalError."""
        await self._keep(b"HSET", table, *(word for pair in values.items() for word in pair))

    async def delete_field(self, table: str, name: str) -> None:
        """Delete a field of a hash, if there is one, as `keep` does. Raises JournalError."""
        await self._keep(b"HDEL", table, name)

    async def _keep(self, command: bytes, table: str, *words: Value) -> None:
        connection = await self._connected()
        await self._ask(command, self.address.prefix + table, *words, connection=connection, key_at=lambda _line: table)
        await self._wait_for_replicas(connection)

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
        """Take a lock that nobody holds, for some time. Returns its holder from now on. Raises JournalError."""
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
        key = str(arguments[0]).removeprefix(self.address.prefix) if arguments else ""
        return await self._ask(
            command, *arguments, connection=await self._connected(), key_at=lambda _line: key, max_s=max_s
        )

    async def _ask(
        self,
        command: bytes,
        *arguments: Value,
        connection: RedisConnection,
        key_at: KeyAt = no_key,
        max_s: float | None = None,
    ) -> Any:
        max_s = self._times.answer_s if max_s is None else max_s
        try:
            return await connection.ask(command, *arguments, key_at=key_at, max_s=max_s)
        except MovedAwayError as error:
            if not self._finder.can_move:
                raise RedisRefusedError("this Redis is a node of a cluster: name it with redis+cluster://") from error
            connection.drop()
            raise
        except ReplicaError as error:
            if not self._finder.can_move:
                raise
            connection.drop()
            raise MovedAwayError("the primary became a replica") from error

    async def _connected(self) -> RedisConnection:
        """Return a connection that works so far. Raises JournalError."""
        if self._connection and self._connection.is_usable:  # not even a checkpoint: a turn of the loop for each call
            return self._connection
        assert self._nursery, "it is not running"
        failed = self._failed_attempts
        async with self._connecting:
            if self._connection and self._connection.is_usable:
                return self._connection
            if self._failure and self._failed_attempts > failed:  # else all who waited would try one after the other
                raise self._failure.with_traceback(None)
            try:
                self._connection = await self._finder.connect(self._nursery)
            except JournalError as error:
                self._failure, self._failed_attempts = error, failed + 1
                raise
            return self._connection

    def _leave_former(self, peer: HostPort) -> None:
        """Give up a connection to a former primary."""
        if self._connection and self._connection.peer != peer:
            self._connection.drop()


@asynccontextmanager
async def open_link(address: RedisAddress) -> AsyncIterator[RedisLink]:
    """Open a link and run it. An error that is raised inside is not wrapped in a group."""
    error: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            link = RedisLink(address)
            await nursery.start(link.run)
            yield link
        except Exception as raised:
            error = raised
        nursery.cancel_scope.cancel()
    if error:
        raise error


def row_of(entry: Sequence[Any]) -> Row:
    """Return an entry of a stream as it comes from Redis."""
    stream_id, words = entry
    return int(stream_id.partition(b"-")[0]), dict(zip(words[::2], words[1::2], strict=True))


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
