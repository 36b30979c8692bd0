"""Upkeep of names: those that nobody uses become free, and members who stay for long are noted as seen."""

import logging
from collections.abc import Callable
from contextlib import suppress

import trio

from trio_chat.chat.accounts.accounts import Accounts
from trio_chat.chat.chat import Chat
from trio_chat.chat.errors import ChatError
from trio_chat.journal import JournalError

ROUND_EVERY_S = 3600.0
PER_TURN = 200
"""Accounts in one turn of the loop."""

logger = logging.getLogger(__name__)


class NameKeeping:
    """Goes through all accounts once an hour."""

    def __init__(
        self, accounts: Accounts, chat: Chat, record: Callable[[str, str, str], None], *, unseen_s: float
    ) -> None:
        """`record` writes to the audit log: who, action, object. `unseen_s` of 0 frees no name."""
        self.unseen_s = unseen_s
        """The time after which a name that nobody uses is free. It can be changed at any time."""
        self._accounts = accounts
        self._chat = chat
        self._record = record

    async def run(self) -> None:
        """Keep names until cancelled."""
        while True:
            try:
                await self.keep()
            except JournalError as error:
                logger.warning("names cannot be kept up to date: %s", error)
            await trio.sleep(ROUND_EVERY_S)

    async def keep(self) -> None:
        """Go through all accounts once. Raises JournalError."""
        for turn, account in enumerate(self._accounts.names, 1):
            if self._chat.directory.places(account.id):
                with suppress(ChatError):  # it is being changed, or gone
                    await self._accounts.note_seen(account.id)
            if turn % PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        if self.unseen_s:
            for account in await self._accounts.free_unseen(self.unseen_s):
                self._record("server", "name-free", account.name)
