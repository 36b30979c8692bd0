"""The reading side of one SQLite file, for any thread. It must know no Trio: everything here blocks."""

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from trio_chat.chat.events import MAILBOX_MARK, SPOKEN, Entry
from trio_chat.chat.session_record import SessionRecord
from trio_chat.journal.age import AgeCut
from trio_chat.journal.records import (
    AccountRecord,
    AuditFilter,
    AuditRecord,
    BanRecord,
    HookRecord,
    InviteRecord,
    JournalError,
    MemoryRecord,
    MuteRecord,
    NameRecord,
    Past,
    RoomRecord,
    WaitingRecord,
)
from trio_chat.journal.search_words import SearchCriteria
from trio_chat.journal.sqlite import accounts
from trio_chat.journal.sqlite.connection import connect, explaining
from trio_chat.journal.sqlite.file_identity import FileIdentity
from trio_chat.journal.sqlite.integrity import DamagedEntries
from trio_chat.journal.sqlite.rows import COLUMNS, find_keyed, select_entries, to_micros
from trio_chat.journal.sqlite.schema import IS_PRESENCE, IS_SAID
from trio_chat.journal.sqlite.searching import search
from trio_chat.journal.sqlite.sessions import read_sessions
from trio_chat.journal.sqlite.time_limit import TimeLimit

HIGHEST_ID = 2**63 - 1

_SPOKEN = "'{}'".format("', '".join(SPOKEN))

_PAST = f"SELECT {COLUMNS} FROM entry WHERE id > ? AND id < ? ORDER BY id"
_SAID_PAST = f"SELECT {COLUMNS} FROM entry WHERE id > ? AND id < ? AND {IS_SAID} ORDER BY id"
_IN_ROOM = f"SELECT {COLUMNS} FROM entry INDEXED BY %s WHERE id > ?1 AND id < ?2 AND room = ?3 AND %s"
_ROOM_SAID_ANYHOW = f"SELECT {COLUMNS} FROM entry WHERE id > ?1 AND id < ?2 AND room = ?3 AND {IS_SAID} ORDER BY id"
_ROOM_PAST_ANYHOW = f"SELECT {COLUMNS} FROM entry WHERE id > ?1 AND id < ?2 AND room = ?3 ORDER BY id"
"""For files that do not have these indexes yet."""
_ROOM_SAID = _IN_ROOM % ("said_by_room", IS_SAID)
_ROOM_SAID_PAST = f"{_ROOM_SAID} ORDER BY id"
_ROOM_PAST = f"{_ROOM_SAID} UNION ALL {_IN_ROOM % ('presence_by_room', IS_PRESENCE)} ORDER BY id"

# One step from name to name, however many entries a room has. All that was told in private in a room is read.
_ROOMS = f"""
WITH RECURSIVE room (name) AS (
    SELECT min(room) FROM entry INDEXED BY said_by_room WHERE room > :low AND room < :high AND {IS_SAID}
    UNION ALL
    SELECT (
        SELECT min(room) FROM entry INDEXED BY said_by_room WHERE room > name AND room < :high AND {IS_SAID}
    ) FROM room WHERE name IS NOT NULL
)
SELECT
    CAST(name AS BLOB),
    (SELECT max(id) FROM entry WHERE room = name AND kind = 'topic'),
    max(
        (SELECT max(id) FROM entry INDEXED BY said_by_room WHERE room = name AND {IS_SAID}),
        coalesce((SELECT max(id) FROM entry INDEXED BY presence_by_room WHERE room = name AND {IS_PRESENCE}), 0)
    )
FROM room WHERE name IS NOT NULL AND EXISTS (
    SELECT 1 FROM entry INDEXED BY said_by_room WHERE room = name AND {IS_SAID} AND kind IN ({_SPOKEN})
)
"""
_AROUND_MAILBOXES = (("", MAILBOX_MARK), (chr(ord(MAILBOX_MARK) + 1), "\U0010ffff"))

_THESE = f"SELECT {COLUMNS} FROM entry WHERE id IN (SELECT value FROM json_each(?))"

_ENDS = """
SELECT coalesce((SELECT max(id) FROM entry), 0), (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'pruned_to')
"""
_MARK = """
SELECT max(
    (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'prune_floor'),
    coalesce((SELECT id FROM prune_mark WHERE room = ?), 0)
)
"""

# Half of the ids are left after each of some 40 steps, which looks at one entry: `earlier` is the id of the one in the
# middle if that was kept before. In one statement, since other threads run between two.
_FIRST_SINCE = """
WITH RECURSIVE step (low, high, earlier) AS (
    SELECT 1, 2 * coalesce(max(id), 0) + 1, NULL FROM entry
    UNION ALL
    SELECT
        iif(earlier IS NULL, low, earlier + 1),
        iif(earlier IS NULL, (low + high) / 2, high),
        (
            SELECT iif(time < :time, id, NULL) FROM entry
            WHERE id >= iif(earlier IS NULL, low + (low + high) / 2, earlier + 1 + high) / 2 ORDER BY id LIMIT 1
        )
    FROM step WHERE low < high
)
SELECT low FROM step WHERE low >= high
"""

_VOTES_AT_ONCE = 10_000
# The votes of `age.vote`. A time that is no number, since a bit flipped, is above all of them.
_VOTES = """
SELECT json_group_array(json_array(id, vote)) FROM (
    SELECT id, CASE WHEN time > :now THEN 0 WHEN time < :cutoff THEN 1 ELSE -1 END AS vote
    FROM entry WHERE id > :after ORDER BY id LIMIT :limit
)
"""
_decode_votes = msgspec.json.Decoder(list[tuple[int, int]]).decode

logger = logging.getLogger(__name__)


_AUDIT = """
    SELECT time, who, action, what, id FROM audit
    WHERE instr(who, :who)
        AND :action IN ('', action)
        AND (:since IS NULL OR time >= :since)
        AND (:until IS NULL OR time < :until)
        AND (:before IS NULL OR id < :before)
    ORDER BY id DESC
    LIMIT :limit
"""


class Readers:
    """Read-only connections to one file: one for each thread, or they would wait for each other.

    Each query has a time limit, and raises TimeoutError when that is over.
    """

    def __init__(self, path: Path, lock_wait_s: float, file_identity: FileIdentity) -> None:
        self.damaged = DamagedEntries(path)
        self._path = path
        self._file_identity = file_identity
        self._lock_wait_s = lock_wait_s
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False

    def read(
        self,
        room: str | None,
        limit: int,
        before: int | None,
        after: int | None,
        without_presence: bool,
        time_limit: TimeLimit,
    ) -> list[Past]:
        """Return entries of a room, or of all, oldest first. Raises JournalError."""
        with self._lend(time_limit) as db:
            return self._logging_damage(read_page(db, room, limit, before, after, without_presence=without_presence))

    def first_id_since(self, time: float, time_limit: TimeLimit) -> int:
        """Return the id that separates the entries kept before a time from those kept since. Raises JournalError."""
        with self._lend(time_limit) as db:
            return first_id_since(db, time)

    def find(self, session: str, key: str, time_limit: TimeLimit) -> Past | None:
        """Return the entry kept under this session and key. Raises JournalError."""
        with self._lend(time_limit) as db:
            return find_keyed(db, session, key)

    def rooms(self, time_limit: TimeLimit) -> list[RoomRecord]:
        """Return all rooms in which something was said, but no mailboxes."""
        with self._lend(time_limit) as db:
            rows = [row for low, high in _AROUND_MAILBOXES for row in db.execute(_ROOMS, {"low": low, "high": high})]
            said = self._logging_damage(
                select_entries(db, _THESE, (json.dumps([topic_id for _, topic_id, _ in rows]),))
            )
        topics = {entry.id: entry.draft.text for entry in said if isinstance(entry, Entry)}
        names = [(name.decode(errors="ignore"), *ids) for name, *ids in rows]  # a bit may have flipped there too
        return [RoomRecord(name, topics.get(topic_id, ""), last_id) for name, topic_id, last_id in names]

    def search(self, criteria: SearchCriteria, limit: int, before: int | None, time_limit: TimeLimit) -> list[Past]:
        """Return the newest entries that match, oldest first. Raises JournalError, and TimeoutError."""
        with self._lend(time_limit) as db:
            db.execute("BEGIN")
            try:
                found = search(db, criteria, max(limit, 0), HIGHEST_ID if before is None else before, time_limit)
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        return self._logging_damage(found)

    def pruned_in(self, room: str, time_limit: TimeLimit) -> int:
        """Return the highest id of an entry of a room that was pruned."""
        with self._lend(time_limit) as db:
            mark: int = db.execute(_MARK, (room,)).fetchone()[0]
        return mark

    def prunable_to(self, now: float, older_than: float | None, more_than: int | None, time_limit: TimeLimit) -> int:
        """Return the highest id up to which entries are older than so many seconds, or have `more_than` newer ones."""
        with self._lend(time_limit) as db:
            last: int
            last, pruned = db.execute(_ENDS).fetchone()
            found: list[int] = [pruned]
            if more_than is not None:
                found.append(last - more_than)
            if older_than is not None:
                found.append(_old_to(db, pruned, now, older_than))
        return min(max(found), last - 1)

    def audit(self, limit: int, wanted: AuditFilter, time_limit: TimeLimit) -> list[AuditRecord]:
        """Return the newest records that match the filter, oldest first."""
        with self._lend(time_limit) as db:
            found = db.execute(_AUDIT, msgspec.structs.asdict(wanted) | {"limit": max(limit, 0)})
            return [AuditRecord(*row) for row in found][::-1]

    def hooks(self, time_limit: TimeLimit) -> list[HookRecord]:
        """Return all hooks, oldest first."""
        with self._lend(time_limit) as db:
            question = "SELECT name, room, digest, by, since FROM hook ORDER BY since, name"
            return [HookRecord(*row) for row in db.execute(question)]

    def bans(self, time_limit: TimeLimit) -> list[BanRecord]:
        """Return all bans, oldest first."""
        with self._lend(time_limit) as db:
            question = "SELECT network, reason, by, since, until FROM ban ORDER BY since, network"
            return [BanRecord(*row) for row in db.execute(question)]

    def mutes(self, time_limit: TimeLimit) -> list[MuteRecord]:
        """Return all mutes, oldest first."""
        with self._lend(time_limit) as db:
            question = "SELECT number, label, network, session, spared, reason, by, since, until, account FROM mute"
            return [MuteRecord(*row) for row in db.execute(f"{question} ORDER BY since, number")]

    def sessions(self, time_limit: TimeLimit) -> list[SessionRecord]:
        """Return all session records, by owner."""
        with self._lend(time_limit) as db:
            return read_sessions(db)

    def accounts(self, time_limit: TimeLimit) -> list[AccountRecord]:
        """Return all accounts, oldest first."""
        with self._lend(time_limit) as db:
            return accounts.read_accounts(db)

    def invites(self, time_limit: TimeLimit) -> list[InviteRecord]:
        """Return all invites, oldest first."""
        with self._lend(time_limit) as db:
            return accounts.read_invites(db)

    def memory(self, account: str, time_limit: TimeLimit) -> MemoryRecord | None:
        """Return what is remembered of an account."""
        with self._lend(time_limit) as db:
            return accounts.read_memory(db, account)

    def names(self, time_limit: TimeLimit) -> list[NameRecord]:
        """Return all accounts with what is remembered of them, oldest first."""
        with self._lend(time_limit) as db:
            return accounts.read_names(db)

    def conversation(
        self,
        mailbox: str,
        account: str,
        name: str,
        limit: int,
        before: int | None,
        after: int | None,
        time_limit: TimeLimit,
    ) -> list[Past]:
        """Return the private messages in a mailbox to and from one other, oldest first, without damaged entries."""
        with self._lend(time_limit) as db:
            past = accounts.read_conversation(db, mailbox, account, name, limit, before, after)
        return [it for it in self._logging_damage(past) if isinstance(it, Entry)]

    def news(self, marks: Mapping[str, int], most: int, time_limit: TimeLimit) -> dict[str, int]:
        """Count what was said in rooms above an id each."""
        with self._lend(time_limit) as db:
            return accounts.count_news(db, marks, most)

    def waiting(self, per_account: int, most: int, time_limit: TimeLimit) -> list[WaitingRecord]:
        """Count the private messages from others above the read mark of each account's mailbox, by sender."""
        with self._lend(time_limit) as db:
            return accounts.count_waiting(db, per_account, most)

    def close(self) -> None:
        """Close the idle connections; those that are lent are closed when they come back."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _logging_damage(self, past: list[Past]) -> list[Past]:
        """Return the entries, and log the damaged ones among them, once each."""
        if text := self.damaged.add(past):
            logger.error("%s: what was said there is lost, and only a backup has it; all else can be read", text)
        return past

    @contextmanager
    def _lend(self, time_limit: TimeLimit) -> Iterator[sqlite3.Connection]:
        with explaining():
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._connect()
            try:
                with time_limit.on(db):
                    yield db
            finally:
                if self._is_closed:
                    db.close()
                else:
                    self._idle.append(db)

    def _connect(self) -> sqlite3.Connection:
        db = connect(self._path, "ro", lock_wait_s=self._lock_wait_s)
        try:
            self._file_identity.check()  # nobody may read another file that was put there
        except JournalError:
            db.close()
            raise
        return db


def read_page(
    db: sqlite3.Connection,
    room: str | None,
    limit: int,
    before: int | None,
    after: int | None,
    *,
    without_presence: bool = False,
    has_indexes: bool = True,
) -> list[Past]:
    """Return entries of a room, or of all, oldest first. Raises sqlite3.Error.

    Without indexes, as in a file of an earlier schema, it may take long.
    """
    if room is None:
        question = _SAID_PAST if without_presence else _PAST
    elif not has_indexes:
        question = _ROOM_SAID_ANYHOW if without_presence else _ROOM_PAST_ANYHOW
    else:
        question = _ROOM_SAID_PAST if without_presence else _ROOM_PAST
    direction = "DESC" if after is None else "ASC"
    bounds = (after or 0, HIGHEST_ID if before is None else before, *(() if room is None else (room,)))
    return select_entries(db, f"{question} {direction} LIMIT ?", (*bounds, max(limit, 0)))


def first_id_since(db: sqlite3.Connection, time: float) -> int:
    """Return the id that separates the entries kept before a time from those kept since. Raises sqlite3.Error."""
    found: int = db.execute(_FIRST_SINCE, {"time": to_micros(time)}).fetchone()[0]
    return found


def _old_to(db: sqlite3.Connection, after_id: int, now: float, older_than: float) -> int:
    """Return the id up to which the entries after `after_id` are old. Raises sqlite3.Error."""
    cut = AgeCut(after_id)
    times = {"now": to_micros(now), "cutoff": to_micros(now - older_than), "limit": _VOTES_AT_ONCE}
    while not cut.is_settled and (
        votes := _decode_votes(db.execute(_VOTES, times | {"after": after_id}).fetchone()[0])
    ):
        for entry_id, vote in votes:
            cut.add(entry_id, vote)
            after_id = entry_id
    return cut.id
