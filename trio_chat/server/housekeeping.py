"""What a server does with its journal beside keeping: rooms are recalled at start, and what is too old is pruned."""

import logging
from collections.abc import Sequence

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.errors import ChatError
from trio_chat.config.kinds import Keep
from trio_chat.journal import Journal, JournalError

PRUNE_EVERY_S = 60

logger = logging.getLogger(__name__)


async def recall_rooms(chat: Chat, journal: Journal) -> None:
    """Know the rooms of earlier, and their topics. Raises JournalError."""
    for room in await journal.rooms():
        try:
            chat.rooms.recall(room.name, room.topic)
        except ChatError as error:
            logger.warning("not all rooms of the journal are known: %s", error.text)
            break


async def prune_forever(journal: Journal, keeps: Sequence[Keep]) -> None:
    """Prune what is outside any of the bounds, now and then, until cancelled. The journal sees that nobody waits."""
    while keeps:
        for keep in keeps:
            try:
                await journal.prune(older_than=keep.older_than, more_than=keep.more_than)
            except JournalError as error:
                logger.warning("cannot prune: %s", error)
        await trio.sleep(PRUNE_EVERY_S)
