"""Write-behind of bans, mutes and the audit log: nobody waits until they are in the journal.

A write that fails is tried again until it succeeds, in order; a ban or mute takes effect meanwhile. It is lost only if
the server ends before that, and the log says so at the first failure.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from ipaddress import ip_network

import trio

from trio_chat.chat.operators.bans import Ban
from trio_chat.chat.operators.hooks import Hook
from trio_chat.chat.operators.mutes import Mute
from trio_chat.chat.operators.networks import Network
from trio_chat.journal import (
    AuditRecord,
    BanRecord,
    HookRecord,
    Journal,
    JournalError,
    MuteRecord,
    OperatorStore,
    TooManyError,
    need,
)
from trio_chat.server.upkeep.records import values_of

WRITE_RETRY_S = 2.0
"""The pause before a write that failed is tried again."""

WAITING_MAX = 10_000
"""Writes that may wait at once. While the journal keeps nothing, later bans take effect but are not written."""

SESSION_CHARS = 16
"""The length of the shortest session; ids of clients are shorter."""

logger = logging.getLogger(__name__)

_Write = Callable[[], Awaitable[None]]


class OperatorLog:
    """The queue of writes. `run` executes them; the other methods do not wait, except `settled`."""

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], float],
        *,
        retry_s: float = WRITE_RETRY_S,
        on_record: Callable[[str, str, str], None] = lambda who, action, what: None,
    ) -> None:
        """`clock` returns seconds since 1970; `on_record` is called with each action at once."""
        self.trouble: str | None = None
        """The reason why the next write failed; None when it did not."""
        self.changes = 0
        """The number of writes that were queued so far."""
        self._journal = journal
        self._store = need(journal, OperatorStore)
        self._clock = clock
        self._retry_s = retry_s
        self._on_record = on_record
        self._waiting: deque[tuple[str, _Write]] = deque()
        self._news = trio.Event()
        self._settled = trio.Event()
        self._settled.set()

    def record(self, who: str, action: str, what: str) -> None:
        """Append to the audit log: `who` did `action` to `what`."""
        record = AuditRecord(self._clock(), who, action, what)
        self._enqueue(f"that {who} did {action} {what}", partial(self._store.record_audit, record))
        self._on_record(who, action, what)

    def keep_ban(self, ban: Ban) -> None:
        """Keep a ban, in place of an earlier one of the same network."""
        record = BanRecord(str(ban.network), ban.reason, ban.by, ban.since, ban.until)
        self._enqueue(f"the ban of {ban.network}", partial(self._store.add_ban, record))

    def keep_hook(self, hook: Hook) -> None:
        """Keep a hook."""
        record = HookRecord(hook.name, hook.room, hook.digest, hook.by, hook.since)
        self._enqueue(f"the hook {hook.name}", partial(self._store.add_hook, record))

    def forget_hook(self, name: str) -> None:
        """Delete the hook of a name."""
        self._enqueue(f"the end of the hook {name}", partial(self._store.remove_hook, name))

    def forget_ban(self, network: Network) -> None:
        """Delete the ban of a network."""
        self._enqueue(f"the end of the ban of {network}", partial(self._store.remove_ban, str(network)))

    def keep_mute(self, mute: Mute) -> None:
        """Keep a mute, in place of an earlier one with its number."""
        self._enqueue(f"the mute of {mute.who}", partial(self._store.add_mute, _record_of(mute)))

    def forget_mute(self, number: int) -> None:
        """Delete a mute."""
        self._enqueue(f"the end of the mute m{number}", partial(self._store.remove_mute, number))

    @property
    def is_settled(self) -> bool:
        """True when everything queued is in the journal."""
        return not self._waiting

    async def settled(self, timeout_s: float) -> bool:
        """Wait until everything queued is in the journal, for `timeout_s` at most. -> whether it is"""
        with trio.move_on_after(timeout_s):
            await self._settled.wait()
        return not self._waiting

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            while self._waiting:
                await self._write(*self._waiting[0])
                self._waiting.popleft()
            self._settled.set()

    async def _write(self, what: str, write: _Write) -> None:
        """Try a write until it succeeds, or is refused for good. A journal that has a fault is not asked."""
        while why := self._journal.fault or await _failure_of(what, write):
            if self.trouble is None:
                logger.error("cannot keep %s: %s; it holds until the server ends, and is tried again", what, why)
            self.trouble = why
            await trio.sleep(self._retry_s)
        self.trouble = None

    def _enqueue(self, what: str, write: _Write) -> None:
        if len(self._waiting) >= WAITING_MAX:
            logger.error("cannot keep %s: too much waits to be kept already", what)
            return
        self._waiting.append((what, write))
        self.changes += 1
        if self._settled.is_set():  # those who wait already now wait for this one too
            self._settled = trio.Event()
        self._news.set()


async def _failure_of(what: str, write: _Write) -> str | None:
    try:
        await write()
    except TooManyError as error:
        logger.error("cannot keep %s, which holds no longer: %s", what, error)
    except JournalError as error:
        return str(error)
    return None


async def read_bans(journal: Journal) -> Sequence[Ban]:
    """Return the bans in the journal. Raises JournalError."""
    return await values_of(await need(journal, OperatorStore).read_bans(), _ban_of)


async def read_hooks(journal: Journal) -> Sequence[Hook]:
    """Return the hooks in the journal. Raises JournalError."""
    return [
        Hook(record.name, record.room, record.digest, record.by, record.since)
        for record in await need(journal, OperatorStore).read_hooks()
    ]


async def read_mutes(journal: Journal) -> Sequence[Mute]:
    """Return the mutes in the journal. Raises JournalError."""
    return await values_of(await need(journal, OperatorStore).read_mutes(), _mute_of)


def _ban_of(record: BanRecord) -> Ban:
    return Ban(ip_network(record.network), record.reason, record.by, record.since, record.until)


def _record_of(mute: Mute) -> MuteRecord:
    """Write a mute for the journal. The ids of spared clients without a session mean nothing after a restart."""
    return MuteRecord(
        mute.number,
        mute.label,
        str(mute.network or ""),
        mute.session,
        " ".join(sorted(owner for owner in mute.spared if len(owner) >= SESSION_CHARS)),
        mute.reason,
        mute.by,
        mute.since,
        mute.until,
        mute.account,
    )


def _mute_of(record: MuteRecord) -> Mute:
    return Mute(
        record.number,
        record.label,
        ip_network(record.network) if record.network else None,
        record.session,
        frozenset(record.spared.split()),
        record.reason,
        record.by,
        record.since,
        record.until,
        record.account,
    )
