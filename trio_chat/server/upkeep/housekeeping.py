"""Restoring rooms at start, and pruning."""

import logging
import math
from collections.abc import Callable, Sequence

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.errors import ChatError
from trio_chat.config.setting_types import RetentionLimit
from trio_chat.journal import Journal, JournalError, Prunable, need

PRUNE_EVERY_S = 60
"""Between two rounds of pruning."""

logger = logging.getLogger(__name__)


async def restore_rooms(chat: Chat, journal: Journal) -> None:
    """Add the rooms that the journal has, with their topics, as many as allowed. Raises JournalError."""
    refusal = ""
    for room in await journal.rooms():
        try:
            chat.rooms.restore(room.name, room.topic)
        except ChatError as error:
            refusal = error.text
    chat.rooms.end_restoring()
    if refusal:
        logger.warning("not all rooms of the journal are listed: %s", refusal)


class Pruning:
    """Prunes entries beyond any of the bounds, at once and then every minute."""

    def __init__(
        self, journal: Journal, keeps: Sequence[RetentionLimit], ahead_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        """`ahead_s` gives the seconds by which the clock may be wrong: entries have to be older by these."""
        self._journal = journal
        self._keeps = keeps
        self._ahead_s = ahead_s
        self._round = trio.CancelScope()

    @property
    def keeps(self) -> Sequence[RetentionLimit]:
        """The bounds. They can be changed at any time, which also stops pruning by the old ones."""
        return self._keeps

    @keeps.setter
    def keeps(self, keeps: Sequence[RetentionLimit]) -> None:
        if keeps != self._keeps:
            self._keeps = keeps
            self._round.cancel()

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            with trio.CancelScope() as self._round:
                await self._prune()
                await trio.sleep(PRUNE_EVERY_S if self._keeps else math.inf)

    async def _prune(self) -> None:
        for keep in self._keeps:
            older_than = None if keep.older_than is None else keep.older_than + self._ahead_s()
            try:
                await need(self._journal, Prunable).prune(older_than=older_than, more_than=keep.more_than)
            except JournalError as error:
                logger.warning("cannot prune: %s", error)
