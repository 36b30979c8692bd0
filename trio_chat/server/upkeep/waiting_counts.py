"""Restoring the numbers of private messages that wait, so that their bounds hold over a restart of the server."""

import logging

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.waiting import TOTAL_MAX, WAITING_MAX
from trio_chat.journal import AccountStore, Journal, JournalError, need

PER_ACCOUNT = 2 * WAITING_MAX
"""Entries of one mailbox that are looked at: what its owner sent may be among them."""

IN_ALL = 2 * TOTAL_MAX
"""Entries that are looked at in all: they take less than a second, in which nobody is let in yet."""

COUNTS_PER_TURN = 5000
"""Counts taken over in one turn of the loop, in some 5 ms."""

logger = logging.getLogger(__name__)


async def restore_waiting(chat: Chat, journal: Journal) -> None:
    """Count the messages that wait. Where they cannot be read, none are counted, which is logged."""
    try:
        found = await need(journal, AccountStore).count_waiting(per_account=PER_ACCOUNT, most=IN_ALL)
    except JournalError as error:
        logger.warning("private messages that wait cannot be counted, so that more may be sent: %s", error)
        return
    for start in range(0, len(found), COUNTS_PER_TURN):
        chat.waiting.restore((it.account, it.sender, it.number) for it in found[start : start + COUNTS_PER_TURN])
        await trio.lowlevel.checkpoint()
