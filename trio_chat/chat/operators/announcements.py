"""Announcements of the server: to everybody, to a room, or to some clients alone. They are made in steps.

Said in a room, an announcement is an entry there. To some clients alone, it is an entry in the mailbox of each.
"""

from collections.abc import Iterator, Sequence

from trio_chat.chat.chat import Chat
from trio_chat.chat.client import Client
from trio_chat.chat.drafts import readable_lines
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Receipt

DRAFTS_PER_STEP = 100
"""Drafts posted between two turns of the loop: about two milliseconds."""

COPIES_MAX_BYTES = 16 * 1024 * 1024
"""The most that one announcement may take in the journal: it keeps a copy for each room, or for each client."""

COPY_BYTES = 512
"""A line in the journal, besides its text."""


def everywhere(chat: Chat, lines: Sequence[str], receipts: list[Receipt]) -> Iterator[int]:
    """Announce in every room that has members, and to each client that is in none. -> the rooms and clients so far

    The receipts are appended to `receipts`.
    """
    rooms = _rooms_with_members(chat)
    yield from in_rooms(chat, rooms, lines, receipts)
    alone = [client for client in chat.directory.everybody if not client.room_names]
    for count in to_clients(chat, alone, lines, receipts):
        yield len(rooms) + count


def in_rooms(chat: Chat, rooms: Sequence[str], lines: Sequence[str], receipts: list[Receipt]) -> Iterator[int]:
    """Announce in the rooms of these names. -> their number so far, in each step"""
    per_step = max(1, DRAFTS_PER_STEP // len(lines))
    for start in range(0, len(rooms), per_step):
        step = rooms[start : start + per_step]
        receipts.append(chat.announce_in(step, lines))
        yield start + len(step)


def to_clients(chat: Chat, clients: Sequence[Client], lines: Sequence[str], receipts: list[Receipt]) -> Iterator[int]:
    """Announce to these clients alone. -> the number of those who are still here so far, in each step"""
    per_step, count = max(1, DRAFTS_PER_STEP // len(lines)), 0
    for start in range(0, len(clients), per_step):
        step = chat.directory.here(clients[start : start + per_step])
        if step:
            mailboxes = dict.fromkeys(map(chat.mailbox_of, step))  # places share theirs
            receipts.append(chat.announce_in(list(mailboxes), lines))
        count += len(step)
        yield count


def announced_lines(texts: Sequence[str]) -> list[str]:
    """Clean the lines of an announcement. Raises ChatError where one is too long, or nothing readable is left."""
    lines = readable_lines(texts)
    if not lines:
        raise ChatError("empty", "nothing readable is left of that text")
    return lines


def copies_for_everybody(chat: Chat) -> int:
    """Return the number of copies of an announcement to everybody: one a room, and one a client that is in none."""
    return len(_rooms_with_members(chat)) + sum(not client.room_names for client in chat.directory.everybody)


def _rooms_with_members(chat: Chat) -> list[str]:
    """Return the names of the rooms that have members, on whatever node."""
    here = [room.name for room in chat.rooms if room.members]
    elsewhere = (name for client in chat.directory.everybody if client.node for name in client.room_names)
    return list(dict.fromkeys((*here, *elsewhere)))


def check_copies(lines: Sequence[str], count: int) -> None:
    """Raise ChatError where so many copies of an announcement would fill the journal."""
    size = count * sum(len(line.encode()) + COPY_BYTES for line in lines)
    if size > COPIES_MAX_BYTES:
        raise ChatError(
            "too-many-copies",
            f"{count} copies of that are {size >> 20} MiB, and {COPIES_MAX_BYTES >> 20} MiB is the most: "
            "announce a shorter text, to fewer clients, or in a room",
        )
