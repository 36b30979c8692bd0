"""Changes and entries that are answered once they are durable."""

from collections.abc import Awaitable
from typing import TypeVar

import trio
from quart import abort

from admin_api.http.problems import problem
from admin_api.state import AdminState
from trio_chat.chat.events import Receipt
from trio_chat.journal import InDoubtError, JournalError

T = TypeVar("T")


async def change_kept(change: Awaitable[T]) -> T:
    """Wait for a change that applies once it is durable, unlike those of bans and mutes.

    Aborts with 503 where it cannot be kept; then nothing has changed, unless that is in doubt.
    """
    try:
        return await change
    except InDoubtError as error:
        abort(problem(503, f"{str(error)[:1].upper()}{str(error)[1:]}. Look before you ask again."))
    except JournalError as error:
        abort(problem(503, f"Nothing was changed, for it cannot be kept: {error}."))


async def receipt_kept(state: AdminState, receipt: Receipt, advice: str) -> None:
    """Return when what was posted is on disk, or abort with 503. `advice` is for where nobody knows whether it is."""
    try:
        with trio.fail_after(state.keep_timeout_s):
            await receipt.kept()
    except JournalError as error:
        abort(problem(503, f"The journal cannot keep it: {error}."))
    except trio.TooSlowError:
        abort(problem(503, f"The journal takes long to keep it: it may be kept yet. {advice}"))
