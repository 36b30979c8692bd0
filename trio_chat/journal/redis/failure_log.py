"""A log of failures that last: one line for each, however often it is met."""

import logging

from trio_chat.journal.records import JournalError
from trio_chat.journal.redis.errors import NoAnswerError

logger = logging.getLogger(__name__)


class FailureLog:
    """Logs a failure when it begins, and not again before something has succeeded."""

    def __init__(self, sentence: str) -> None:
        """`sentence` says what fails; the error follows it."""
        self._sentence = sentence
        self._is_failing = False

    def note_failure(self, error: JournalError) -> None:
        """Log an error, unless one was logged before, or Redis is out of reach: the writer reports that."""
        if not self._is_failing and not isinstance(error, NoAnswerError):
            self._is_failing = True
            logger.error("%s: %s", self._sentence, error)

    def note_success(self) -> None:
        """Let the next error be logged."""
        self._is_failing = False
