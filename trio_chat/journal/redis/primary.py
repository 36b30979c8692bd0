"""Finding the primary that has the chat. The one place that decides where to connect.

A Redis that stands alone is where its URL says. Sentinels are asked, all at once: of those that answer, the one that
knows the latest failover is believed. A cluster says by itself where the keys of the chat are: any node sends whoever
asks on to the one that has them.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import trio

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.address import HostPort, RedisAddress, Topology
from trio_chat.journal.redis.connection import ConnectionSettings, RedisConnection, connect, tls_context
from trio_chat.journal.redis.errors import MovedAwayError, NotConnectedError, RedisRefusedError
from trio_chat.journal.redis.times import RedisTimes

GRACE_S = 0.3
"""After the first sentinel has answered, the others have this long: one that was cut off may name a former primary."""

REDIRECTIONS_MAX = 5
"""Redirections from one node of a cluster to another in a row, as many as other clients of Redis follow."""

NODES_MAX = 100
"""Nodes of a cluster that are remembered, to be asked when others fail."""

OnPrimary = Callable[[HostPort], None]


class PrimaryFinder:
    """Connects to the primary, wherever it is by then. The connections of one journal share it."""

    def __init__(self, address: RedisAddress, times: RedisTimes) -> None:
        """Read the certificates that the address names. Raises JournalError."""
        self.address = address
        self._times = times
        tls = tls_context(address.certificates) if address.is_encrypted else None
        self._redis = ConnectionSettings(address.username, address.password, address.database, tls, times.connect_s)
        self._sentinel = ConnectionSettings(
            address.sentinel_username, address.sentinel_password, 0, tls, times.connect_s
        )
        self._listeners: list[OnPrimary] = []
        self._primary: HostPort | None = None
        self._nodes = list(address.hosts)
        self.has_moved = trio.Event()
        """Set when another primary is found than before."""

    @property
    def can_move(self) -> bool:
        """True where another Redis can become the primary."""
        return self.address.topology is not Topology.ALONE

    def listen(self, on_primary: OnPrimary) -> None:
        """Tell somebody wherever the primary turns out to be."""
        self._listeners.append(on_primary)

    async def connect(self, nursery: trio.Nursery) -> RedisConnection:
        """Connect to the primary. The connection lives in the nursery. Raises JournalError."""
        ways: dict[Topology, Callable[[trio.Nursery], Awaitable[RedisConnection]]] = {
            Topology.ALONE: self._connect_alone,
            Topology.SENTINEL: self._connect_by_sentinels,
            Topology.CLUSTER: self._connect_in_cluster,
        }
        connection = await ways[self.address.topology](nursery)
        self._note(connection.peer)
        return connection

    async def watch(self) -> None:
        """Leave a primary as soon as the sentinels have chosen another: it may still act as one for 10 s."""
        while self.address.topology is Topology.SENTINEL:
            await trio.sleep(self._times.look_s)
            with suppress(JournalError):
                self._note(await self._ask_sentinels())

    def _note(self, peer: HostPort) -> None:
        if peer == self._primary:
            return
        if self._primary:
            self.has_moved.set()
        self._primary = peer
        for listener in self._listeners:
            listener(peer)

    async def _connect_alone(self, nursery: trio.Nursery) -> RedisConnection:
        return await connect(nursery, self.address.hosts[0], self._redis)

    # Sentinels

    async def _connect_by_sentinels(self, nursery: trio.Nursery) -> RedisConnection:
        peer = await self._ask_sentinels()
        try:
            connection = await connect(nursery, peer, self._redis)
        except NotConnectedError as error:
            raise NotConnectedError(f"the primary {peer} cannot be reached: {error}") from error
        try:
            role = await self._ask(connection, b"ROLE")
        except JournalError:
            connection.drop()
            raise
        if not (isinstance(role, list) and role[:1] == [b"master"]):
            connection.drop()
            raise NotConnectedError(f"{peer}, which the sentinels name, is a replica as yet")
        return connection

    async def _ask_sentinels(self) -> HostPort:
        """Return the primary according to the sentinel that knows the latest failover. Raises JournalError."""
        found: dict[int, HostPort] = {}
        errors: list[JournalError] = []

        async def ask(sentinel: HostPort) -> None:
            try:
                epoch, peer = await self._ask_sentinel(sentinel)
            except JournalError as error:
                errors.append(error)
            else:
                found[epoch] = peer
                scope.deadline = min(scope.deadline, trio.current_time() + GRACE_S)

        with trio.move_on_after(self._times.connect_s) as scope:
            async with trio.open_nursery() as nursery:
                for sentinel in self.address.hosts:
                    nursery.start_soon(ask, sentinel)
        if found:
            return found[max(found)]
        refusals = [error for error in errors if isinstance(error, RedisRefusedError)]
        if refusals:
            raise refusals[0]
        raise NotConnectedError("no sentinel can be reached")

    async def _ask_sentinel(self, sentinel: HostPort) -> tuple[int, HostPort]:
        """Ask one sentinel for the number of the latest failover it knows, and the primary. Raises JournalError."""
        name = self.address.primary
        async with trio.open_nursery() as nursery:
            error: JournalError | None = None
            try:  # raised outside: the nursery would wrap it in a group
                connection = await connect(nursery, sentinel, self._sentinel)
                peer = await self._ask(connection, b"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
                facts = await self._ask(connection, b"SENTINEL", "MASTER", name) if peer else {}
            except JournalError as raised:
                error = raised
            nursery.cancel_scope.cancel()
        if error:
            raise _of_sentinel(sentinel, error)
        if not peer:
            raise RedisRefusedError(f"the sentinel {sentinel} knows no primary of the name {name!r}")
        try:
            return int(facts[b"config-epoch"]), _host_port(peer[0], peer[1])
        except (ValueError, LookupError, TypeError) as unreadable:
            raise RedisRefusedError(f"{sentinel} does not answer as a sentinel does") from unreadable

    # A cluster

    async def _connect_in_cluster(self, nursery: trio.Nursery) -> RedisConnection:
        errors: list[JournalError] = []
        for node in [*filter(None, [self._primary]), *self._nodes]:
            try:
                return await self._follow_redirections(nursery, node)
            except NotConnectedError as error:
                errors.append(error)
        raise errors[-1]

    async def _follow_redirections(self, nursery: trio.Nursery, node: HostPort) -> RedisConnection:
        """Connect to the node that has the chat, beginning with another one. Raises JournalError."""
        for _ in range(REDIRECTIONS_MAX):
            connection = await connect(nursery, node, self._redis)
            try:
                await self._ask(connection, b"HGET", f"{self.address.prefix}meta", "epoch")
            except MovedAwayError as moved:
                connection.drop()
                node = HostPort(moved.host or node.host, moved.port)
            except JournalError:
                connection.drop()
                raise
            else:
                await self._learn_nodes(connection)
                return connection
        raise NotConnectedError("the nodes of the cluster do not agree on where the chat is")

    async def _learn_nodes(self, connection: RedisConnection) -> None:
        """Remember the nodes of the cluster: those that the URL names may fail all at once."""
        try:
            slots = await self._ask(connection, b"CLUSTER SLOTS")
            found = dict.fromkeys(
                _host_port(host or connection.peer.host.encode(), port)
                for _first, _last, *nodes in slots
                for host, port, *_ in nodes
            )
        except (RedisRefusedError, ValueError, TypeError):  # this user may not ask
            return
        self._nodes = list(dict.fromkeys([*self.address.hosts, *found]))[:NODES_MAX]

    async def _ask(self, connection: RedisConnection, command: bytes, *arguments: str) -> Any:
        return await connection.ask(command, *arguments, max_s=self._times.answer_s)


def _host_port(host: Any, port: Any) -> HostPort:
    """Read a host and a port, as a server answers them. Raises ValueError, TypeError."""
    if not isinstance(host, bytes):
        raise TypeError("no host")
    return HostPort(host.decode(), int(port))


def _of_sentinel(sentinel: HostPort, error: JournalError) -> JournalError:
    """Return an error with the sentinel that it is about."""
    if "password" in str(error):
        return RedisRefusedError(
            f"the sentinel {sentinel} refuses the password: give that of the sentinels with ?sentinel_password="
        )
    kind = RedisRefusedError if isinstance(error, RedisRefusedError) else NotConnectedError
    return kind(f"the sentinel {sentinel}: {error}")
