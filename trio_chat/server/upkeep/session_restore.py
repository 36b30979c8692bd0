"""Restoring sessions at start, so that a restart of the server removes nobody from their rooms.

A member's places in frames are restored as guests are; of those in lines, the rooms are told if none of the others is
there. While a server runs, records are posted with the notices of joining, leaving and renaming (`chat/notices.py`).
"""

import logging
from collections.abc import Callable, Sequence

import trio

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import UNCOUNTED
from trio_chat.chat.errors import ChatError
from trio_chat.chat.log import Mode
from trio_chat.chat.session_record import PERSON, SessionRecord
from trio_chat.journal import Journal, SessionStore, need

WORK_PER_TURN, WORK_OF_ONE = 2000, 5
"""Rooms into which clients are restored between two checkpoints, in some 20 ms; each client counts as five more."""

logger = logging.getLogger(__name__)


async def restore_sessions(chat: Chat, journal: Journal, origin_of: Callable[[str], int]) -> None:
    """Restore the clients that the journal has. Raises JournalError."""
    await restore_records(chat, await need(journal, SessionStore).read_sessions(), origin_of)


async def restore_records(chat: Chat, records: Sequence[SessionRecord], origin_of: Callable[[str], int]) -> None:
    """Restore the clients that can resume, and announce the departure of the others.

    `origin_of` gives the key under which clients of an address are counted; of an older journal, it is empty.
    """
    persons = list[SessionRecord]()
    work = 0
    for record in records:
        if work >= WORK_PER_TURN:
            work = 0
            await trio.lowlevel.checkpoint()
        work += WORK_OF_ONE + len(record.rooms)
        if chat.directory.has(record.owner):  # it has come back meanwhile
            continue
        if record.mode == PERSON:
            persons.append(record)
            continue
        try:
            if record.mode == Mode.FRAMES:
                chat.restore(record, origin_of(record.address) if record.address else UNCOUNTED)
                continue
        except ChatError as error:
            logger.warning("the session of [%s] is lost: %s", record.label, error.text)
        chat.announce_departure(record)
    for record in persons:  # once all their places are restored that can be
        chat.restore_person(record)
    chat.notices.sum_up()  # what was untold when the server stopped
