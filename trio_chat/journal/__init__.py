"""The journal: stores every entry, in one order, before anyone sees it, and reads them again.

It must not know members of rooms, sockets or wire formats: it takes drafts and gives entries.
"""

from trio_chat.chat.session_record import SessionChange, SessionEnd, SessionRecord
from trio_chat.journal.engines import check_journal, check_outlasts_server, compact_journal, open_history, open_journal
from trio_chat.journal.protocol import (
    HistoryReader,
    Importable,
    Journal,
    OperatorStore,
    Prunable,
    Searchable,
    SessionStore,
    need,
)
from trio_chat.journal.records import (
    AuditFilter,
    AuditRecord,
    BanRecord,
    Damaged,
    HookRecord,
    JournalError,
    MuteRecord,
    Origin,
    Past,
    RoomRecord,
    SearchError,
)

__all__ = [
    "AuditFilter",
    "AuditRecord",
    "BanRecord",
    "Damaged",
    "HistoryReader",
    "HookRecord",
    "Importable",
    "Journal",
    "JournalError",
    "MuteRecord",
    "OperatorStore",
    "Origin",
    "Past",
    "Prunable",
    "RoomRecord",
    "SearchError",
    "Searchable",
    "SessionChange",
    "SessionEnd",
    "SessionRecord",
    "SessionStore",
    "check_journal",
    "check_outlasts_server",
    "compact_journal",
    "need",
    "open_history",
    "open_journal",
]
