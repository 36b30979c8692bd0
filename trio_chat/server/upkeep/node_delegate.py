"""The delegate of a node: carries out what the other servers of its chat ask for, and reads what they have changed."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

import trio

from trio_chat.chat.accounts.accounts import Accounts
from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.events import Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.operators.bans import kick_all_banned
from trio_chat.chat.operators.operator import Operator
from trio_chat.chat.outlet import CloseReason
from trio_chat.chat.session_record import SessionRecord
from trio_chat.chat.wording import MAY_BE_LOST
from trio_chat.journal import Journal, JournalError
from trio_chat.server.upkeep.account_keeper import read_accounts, read_invites
from trio_chat.server.upkeep.operator_log import OperatorLog, read_bans, read_hooks, read_mutes
from trio_chat.server.upkeep.session_restore import restore_records, restore_sessions
from trio_chat.wire.lines import encode_notice

ABANDONED_PER_TURN = 100
"""Clients abandoned between two checkpoints, in some 5 ms, and as much again for the sessions that end."""

TOLD_PER_TURN = 100
"""Clients told of a loss between two checkpoints, in some 2 ms, and as much again for the sessions that end."""

READS_APART = 4
"""The pause after a table was read is this many times as long as that took: others may change it very often."""

RETRY_S = 1.0

OUT_OF_REACH = "this server was out of reach for too long, and another took over: connect again"

logger = logging.getLogger(__name__)


class ChatNodeDelegate:
    """A `NodeDelegate` over the chat of this server. `run` reads the tables that others have changed."""

    def __init__(
        self,
        chat: Chat,
        journal: Journal,
        operator: Operator,
        accounts: Accounts,
        operator_log: OperatorLog,
        *,
        origin_of: Callable[[str], int],
        notify: Callable[[Client, bytes], None],
    ) -> None:
        """`origin_of` gives the key under which clients of an address are counted; `notify` sends a client a notice."""
        self._chat, self._journal, self._operator, self._accounts = chat, journal, operator, accounts
        self._operator_log, self._origin_of, self._notify = operator_log, origin_of, notify
        self._changed: dict[str, None] = {}
        self._unreadable: set[str] = set()
        """The tables of which the log says that they cannot be read."""
        self._has_changed = trio.Event()
        self._readers: Mapping[str, Callable[[], Awaitable[bool]]] = MappingProxyType(
            {
                "bans": self._read_bans,
                "mutes": self._read_mutes,
                "hooks": self._read_hooks,
                "accounts": self._read_names,
            }
        )

    def end_client(self, client: str, notice: Kind, reason: CloseReason, text: str) -> None:
        """End the client with this id, if it is here."""
        for found in self._chat.directory.find(client):
            if found.id == client and not found.node:
                self._chat.end(found, notice, reason, text)

    def hand_over(self, session: str) -> None:
        """Abandon the client with this session: another node has it."""
        if client := self._chat.directory.with_session(session):
            self._chat.abandon(client, CloseReason.MOVED)

    def note_arrival(self, account: str) -> None:
        """Count no more messages that wait for a member, who has come to another node and is shown them there."""
        self._chat.places.forget_waiting(account)

    async def adopt(self, records: Sequence[SessionRecord]) -> None:
        """Hold the places of clients of a node that is gone, and announce that the others have left."""
        await restore_records(self._chat, records, self._origin_of)

    async def abandon_all(self) -> None:
        """Abandon all clients: others have them."""
        clients = (*self._chat.clients, *self._chat.away)
        logger.error("this server was out of reach for too long: other servers hold its %d clients", len(clients))
        for turn, client in enumerate(clients, 1):
            if not client.node and self._chat.directory.here([client]):
                self._chat.abandon(client, CloseReason.STOPPING, OUT_OF_REACH)
            if turn % ABANDONED_PER_TURN == 0:
                await trio.lowlevel.checkpoint()

    async def tell_loss(self) -> None:
        """Tell all clients here that entries which they have seen may be lost. Those in frames are to connect again."""
        notice = encode_notice(MAY_BE_LOST)
        for turn, client in enumerate(tuple(self._chat.clients), 1):
            if client.mode is Mode.FRAMES:
                client.outlet.hang_up(CloseReason.EPOCH)
            else:
                self._notify(client, notice)
            if turn % TOLD_PER_TURN == 0:
                await trio.lowlevel.checkpoint()

    async def restore_rest(self) -> None:
        """Hold the clients that no other node has taken over yet."""
        try:
            await restore_sessions(self._chat, self._journal, self._origin_of)
        except JournalError as error:
            logger.warning("sessions cannot be restored: %s", error)

    def reread(self, table: str) -> None:
        """Take over soon what another node has changed in a table, or in all for ""."""
        table = "accounts" if table == "invites" else table
        self._changed.update({it: None for it in self._readers if table in ("", it)})
        self._has_changed.set()

    async def run(self) -> None:
        """Read tables until cancelled."""
        while True:
            await self._has_changed.wait()
            self._has_changed = trio.Event()
            while self._changed:
                table = next(iter(self._changed))
                del self._changed[table]
                await self._read(table)

    async def _read(self, table: str) -> None:
        began = trio.current_time()
        try:
            is_read = await self._readers[table]()
        except JournalError as error:
            if table not in self._unreadable and self._journal.fault is None:  # a fault has been logged
                self._unreadable.add(table)
                logger.warning("cannot read the %s that another server has changed: %s", table, error)
            is_read = False
        else:
            self._unreadable.discard(table)
        if is_read:
            await trio.sleep(READS_APART * (trio.current_time() - began))
        else:
            self._changed[table] = None
            await trio.sleep(RETRY_S)

    async def _is_quiet(self) -> int | None:
        """Return the number of changes here so far, once all are kept; None where that takes long."""
        return self._operator_log.changes if await self._operator_log.settled(RETRY_S) else None

    async def _read_bans(self) -> bool:
        before = await self._is_quiet()
        bans = await read_bans(self._journal)
        if before != self._operator_log.changes:  # a ban of this server may not be among them
            return False
        new = 0
        for new in self._operator.bans.sync(bans):  # noqa: B007  # it counts them
            await trio.lowlevel.checkpoint()
            if before != self._operator_log.changes:
                break
        if new:
            await self._operator.finish(kick_all_banned(self._chat, self._operator.bans, self._operator.clock()))
        return before == self._operator_log.changes

    async def _read_mutes(self) -> bool:
        before = await self._is_quiet()
        mutes = await read_mutes(self._journal)
        if before != self._operator_log.changes:
            return False
        for _ in self._operator.mutes.sync(mutes):
            await trio.lowlevel.checkpoint()
            if before != self._operator_log.changes:
                return False
        return True

    async def _read_hooks(self) -> bool:
        before = await self._is_quiet()
        hooks = await read_hooks(self._journal)
        if before != self._operator_log.changes:
            return False
        self._operator.hooks.sync(hooks)
        return True

    async def _read_names(self) -> bool:
        before = self._accounts.names.changes
        accounts, invites = await read_accounts(self._journal), await read_invites(self._journal)
        if before != self._accounts.names.changes:
            return False
        return await self._accounts.sync(accounts, invites)
