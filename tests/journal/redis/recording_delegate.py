"""A delegate of a node for tests."""

from collections import Counter
from collections.abc import Sequence

from trio_chat.chat.session_record import SessionRecord


class RecordingDelegate:
    """A NodeDelegate that does nothing, and counts how often it is told to read each table."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()

    def end_client(self, *_rest: object) -> None: ...

    def hand_over(self, _session: str) -> None: ...

    def note_arrival(self, _account: str) -> None: ...

    def reread(self, table: str) -> None:
        self.read[table] += 1

    async def adopt(self, _records: Sequence[SessionRecord]) -> None: ...

    async def abandon_all(self) -> None: ...

    async def tell_loss(self) -> None: ...

    async def restore_rest(self) -> None: ...
