"""Changes that are answered once they are durable: they apply only then, unlike those of bans and mutes."""

from collections.abc import Awaitable
from typing import TypeVar

from quart import abort

from admin_api.http.problems import problem
from trio_chat.journal import InDoubtError, JournalError

T = TypeVar("T")


async def kept_at_once(change: Awaitable[T]) -> T:
    """Wait for a change. Answers 503 where it cannot be kept; then nothing has changed, unless that is in doubt."""
    try:
        return await change
    except InDoubtError as error:
        abort(problem(503, f"{str(error)[:1].upper()}{str(error)[1:]}. Look before you ask again."))
    except JournalError as error:
        abort(problem(503, f"Nothing was changed, for it cannot be kept: {error}."))
