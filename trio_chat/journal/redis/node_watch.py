"""The watch over other nodes: the clients of one that is gone are taken over."""

import logging
from collections.abc import Awaitable, Callable, Sequence

import trio

from trio_chat.chat.nodes import NodeDelegate
from trio_chat.chat.remote_clients import RemoteClients
from trio_chat.chat.session_record import PERSON, SessionRecord
from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.errors import NoAnswerError
from trio_chat.journal.redis.failure_log import FailureLog
from trio_chat.journal.redis.fenced_calls import FencedCalls
from trio_chat.journal.redis.link import RedisLink
from trio_chat.journal.redis.record_codec import RecordCodec
from trio_chat.journal.redis.replies import shown
from trio_chat.journal.redis.scripts import script
from trio_chat.journal.redis.session_moves import SessionMoves
from trio_chat.journal.redis.times import RedisTimes

ADOPTED_AT_ONCE, ADOPTED_BYTES = 50, 6144
"""Session records that one script takes over, and their bytes, unless one alone has more: 1,500 rooms at most.

They are restored in one step, before anybody can take one of them: see WORK_PER_TURN in session_restore.py.
"""

logger = logging.getLogger(__name__)


class NodeWatch:
    """Looks for nodes that are gone, as long as `run` runs, and takes over their clients.

    A node is gone if its lease had ended at two looks in a row. But where Redis itself was out of reach, all leases may
    have ended: then the other nodes have the time of a lease to come back.
    """

    def __init__(
        self,
        link: RedisLink,
        node: str,
        calls: FencedCalls,
        clients: RemoteClients,
        moves: SessionMoves,
        codec: RecordCodec,
        times: RedisTimes,
        *,
        on_pruned: Callable[[int], None],
        on_adopted: Callable[[Sequence[SessionRecord]], None],
        on_gone: Callable[[str], Awaitable[None]],
        wall_clock: Callable[[], float],
    ) -> None:
        """`on_pruned` gets the highest id that was pruned, `on_adopted` session records that this node has from now on.

        `on_gone` gets the name of a node, once all of its clients were taken over.
        """
        self._link, self._node, self._calls, self._clients = link, node, calls, clients
        self._moves, self._codec, self._times, self._wall_clock = moves, codec, times, wall_clock
        self._on_pruned, self._on_adopted, self._on_gone = on_pruned, on_adopted, on_gone
        self.has_others = True
        """False once it is known that no other node is there."""
        self._delegate: NodeDelegate | None = None
        self._steady_since = trio.current_time()
        """The time since which Redis has been in reach."""
        self._missing: set[str] = set()
        """The nodes whose lease had ended at the last look."""
        self._may_have_adopted = False
        """True while an answer with session records that this node has by now may be lost."""
        self._failures = FailureLog("cannot see whether other servers are gone")

    def attach(self, delegate: NodeDelegate) -> None:
        """Let a delegate hold the clients that are taken over."""
        self._delegate = delegate

    def begin_again(self) -> None:
        """Give all other nodes the time of a lease to come back."""
        self._steady_since = trio.current_time()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            began = self._wall_clock()  # it counts a time for which this process stood still, perhaps with all others
            await trio.sleep(self._times.watch_s)
            try:
                await self._look(began)
            except JournalError as error:
                self._failures.note_failure(error)
                self._steady_since, self._missing = trio.current_time(), set()
            else:
                self._failures.note_success()

    async def _look(self, began: float) -> None:
        pruned_to, *missing = await self._link.call(script("watch"), self._node)
        if not 0 < self._wall_clock() - began < self._times.lease_s / 2:
            raise NoAnswerError("Redis, or this server, stood still")
        self._on_pruned(pruned_to)
        self.has_others = bool(self._clients) or await self._link.size("nodes") > 1
        gone = {node.decode(errors="replace") for node in missing}
        if self._delegate and trio.current_time() - self._steady_since >= self._times.lease_s:
            await self._adopt_all(gone & self._missing, self._delegate)
        self._missing = gone

    async def _adopt_all(self, nodes: set[str], delegate: NodeDelegate) -> None:
        if self._may_have_adopted:
            await delegate.restore_rest()
            self._may_have_adopted = False
        for node in nodes:
            self._may_have_adopted = True
            await self._adopt(node, delegate)
            self._may_have_adopted = False

    async def _adopt(self, node: str, delegate: NodeDelegate) -> None:
        """Take over the clients of a node. Raises JournalError."""
        persons: list[SessionRecord] = []
        count, has_more = 0, True
        while has_more:
            answer, *rest = await self._calls.call("adopt", node, ADOPTED_AT_ONCE, ADOPTED_BYTES)
            if answer != b"ok":
                return
            has_more, newest = rest[0] == b"1", rest[1]
            named = {str(number).encode(): record for number, record in enumerate(rest[2:])}
            page = self._codec.decode(f"sessions:{node}", named, SessionRecord)
            page = [it for it in page if not self._moves.is_lost(it.owner, since=newest)]
            self._on_adopted(page)
            self._moves.note_taken((it.owner for it in page), newest)
            persons += [it for it in page if it.mode == PERSON]
            await delegate.adopt([it for it in page if it.mode != PERSON])
            count += len(page)
        if count:
            logger.warning("the node %s is gone: its %d sessions are held here, or have ended", shown(node), count)
        await delegate.adopt(persons)
        await self._on_gone(node)
