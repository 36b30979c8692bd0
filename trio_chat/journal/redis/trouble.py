"""One sentence in the log for trouble that goes on."""

import logging

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.errors import NoAnswerError

logger = logging.getLogger(__name__)


class Trouble:
    """Logs that something fails when that begins, and not again until it has worked."""

    def __init__(self, what: str) -> None:
        """`what` begins the sentence: `cannot read ...`."""
        self._what = what
        self._is_known = False

    def note(self, error: JournalError) -> None:
        """Log an error, unless there was one before, or Redis is out of reach: the writer reports that."""
        if not self._is_known and not isinstance(error, NoAnswerError):
            self._is_known = True
            logger.error("%s: %s", self._what, error)

    def end(self) -> None:
        """Note that it works."""
        self._is_known = False
