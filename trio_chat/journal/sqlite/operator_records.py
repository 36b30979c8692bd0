"""Bans, mutes, hooks and the audit log in the file. All functions raise sqlite3.Error."""

import sqlite3

import msgspec

from trio_chat.journal.records import AuditFilter, AuditRecord, BanRecord, HookRecord, MuteRecord

_ADD_AUDIT = "INSERT INTO audit (time, who, action, what) VALUES (?, ?, ?, ?)"
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

_BAN = "network, reason, by, since, until"
_BANS = f"SELECT {_BAN} FROM ban ORDER BY since, network"
_ADD_BAN = f"INSERT OR REPLACE INTO ban ({_BAN}) VALUES (?, ?, ?, ?, ?)"

_HOOK = "name, room, digest, by, since"
_HOOKS = f"SELECT {_HOOK} FROM hook ORDER BY since, name"
_ADD_HOOK = f"INSERT OR REPLACE INTO hook ({_HOOK}) VALUES (?, ?, ?, ?, ?)"

_MUTE = "number, label, network, session, spared, reason, by, since, until, account"
_MUTES = f"SELECT {_MUTE} FROM mute ORDER BY since, number"
_ADD_MUTE = f"INSERT OR REPLACE INTO mute ({_MUTE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def record_audit(db: sqlite3.Connection, record: AuditRecord) -> None:
    """Append to the audit log."""
    db.execute(_ADD_AUDIT, (record.time, record.who, record.action, record.what))


def read_audit(db: sqlite3.Connection, limit: int, wanted: AuditFilter) -> list[AuditRecord]:
    """Return the newest records that match the filter, at most `limit`, oldest first."""
    found = db.execute(_AUDIT, msgspec.structs.asdict(wanted) | {"limit": max(limit, 0)})
    return [AuditRecord(*row) for row in found][::-1]


def add_ban(db: sqlite3.Connection, ban: BanRecord) -> None:
    """Keep a ban, in place of an earlier one of the same network."""
    db.execute(_ADD_BAN, msgspec.structs.astuple(ban))


def remove_ban(db: sqlite3.Connection, network: str) -> None:
    """Delete a ban, if there is one."""
    db.execute("DELETE FROM ban WHERE network = ?", (network,))


def read_bans(db: sqlite3.Connection) -> list[BanRecord]:
    """Return all bans, oldest first."""
    return [BanRecord(*row) for row in db.execute(_BANS)]


def add_hook(db: sqlite3.Connection, hook: HookRecord) -> None:
    """Keep a hook, in place of an earlier one of the same name."""
    db.execute(_ADD_HOOK, msgspec.structs.astuple(hook))


def remove_hook(db: sqlite3.Connection, name: str) -> None:
    """Delete the hook of a name, if there is one."""
    db.execute("DELETE FROM hook WHERE name = ?", (name,))


def read_hooks(db: sqlite3.Connection) -> list[HookRecord]:
    """Return all hooks, oldest first."""
    return [HookRecord(*row) for row in db.execute(_HOOKS)]


def add_mute(db: sqlite3.Connection, mute: MuteRecord) -> None:
    """Keep a mute, in place of an earlier one with its number."""
    db.execute(_ADD_MUTE, msgspec.structs.astuple(mute))


def remove_mute(db: sqlite3.Connection, number: int) -> None:
    """Delete a mute, if there is one."""
    db.execute("DELETE FROM mute WHERE number = ?", (number,))


def read_mutes(db: sqlite3.Connection) -> list[MuteRecord]:
    """Return all mutes, oldest first."""
    return [MuteRecord(*row) for row in db.execute(_MUTES)]
