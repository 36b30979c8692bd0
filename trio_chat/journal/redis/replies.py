"""Values that Redis returns, as numbers and words. Somebody may have written them by hand: what is none is refused."""

from typing import Any

from trio_chat.journal.records import JournalError

WORD_MAX = 200
"""Characters of an epoch, or of a node's name."""

_WHOLE_MAX = 2**63


class DamagedKeyError(JournalError):
    """A key of the chat in Redis has a value that no server writes."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} in Redis is damaged: somebody has written it by hand")


def read_whole(value: Any, what: str) -> int:
    """Read a whole number, 0 where there is no value. Raises DamagedKeyError, which names `what`."""
    if value is None:
        return 0
    if isinstance(value, bytes) and len(value) < 20 and value.isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or not 0 <= value < _WHOLE_MAX:
        raise DamagedKeyError(what)
    return value


def read_word(value: Any, what: str) -> str:
    """Read a short word of ASCII without blanks. Raises DamagedKeyError, which names `what`."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    if not 0 < len(text) <= WORD_MAX or not text.isascii() or not text.isprintable() or " " in text:
        raise DamagedKeyError(what)
    return text


def shown(value: str | bytes) -> str:
    """Write a value that may be anything for the log: short, and on one line."""
    return repr(value[:80])
