"""Saying something in a room over HTTP, once under a key."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from quart import Response, abort, request

from admin_api.entry_tail import view_of_entry
from admin_api.http.answers import answer
from admin_api.http.problems import problem
from admin_api.http.schemas import Schema
from admin_api.kept_changes import receipt_kept
from admin_api.state import AdminState
from trio_chat.chat.drafts import readable_lines
from trio_chat.chat.events import Entry
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.removal import is_tombstone
from trio_chat.chat.room import Room
from trio_chat.journal import JournalError

KEY_HEADER = "Idempotency-Key"
KEY_MAX = 128

LINES_MAX = 50
"""Lines of one text."""

TEXT_CHARACTERS = 16_000
"""Of a text with all its lines: less than a request may have, however it is written."""

_ADVICE = "Ask again with the same key."
_ADVICE_WITHOUT_KEY = f"Look there before you say it again; with a key of yours in {KEY_HEADER} it is said once."

IDEMPOTENCY_KEY: Schema = {
    "type": "string",
    "maxLength": KEY_MAX,
    "description": "The same text under the same key is said once, however often it is sent, for ever.",
}


def key_of_request() -> str:
    """Return the key that a request gives, or "". Aborts with 400 where it is too long."""
    given = request.headers.get(KEY_HEADER, "")
    if len(given) > KEY_MAX:
        abort(problem(400, f"{KEY_HEADER} has at most {KEY_MAX} characters."))
    return given


async def say_once(state: AdminState, room: Room, author: str, text: str, *, by: str, session: str) -> Response:
    """Say a text under the key of the request, which belongs to `session`. -> 201, or 200 where it was said before

    The answer comes when it is on disk, and shows the last of its lines. Aborts with 400, 409 or 503.
    """
    given = key_of_request()
    key = given or secrets.token_hex(16)
    lines = lines_of(text)
    said = _Said(room.name, author, tuple(readable_lines(lines)))
    if given and (before := await _entry(state, session, given)):
        return await _answer(state, before, said, 200)
    receipt = state.operator.say_in(room, author, *lines, by=by, session=session, key=key)
    if receipt is None:
        abort(problem(400, "Nothing readable is left of that text."))
    await receipt_kept(state, receipt, _ADVICE if given else _ADVICE_WITHOUT_KEY)
    entry = await _entry(state, session, key)
    if entry is None:
        abort(problem(503, "The text was kept, and cannot be read back just now."))
    return await _answer(state, entry, said, 201)


def lines_of(text: str) -> list[str]:
    """Split a text into the lines that it is said in, or abort with 400 where there are too many."""
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        abort(problem(400, f"A text has at most {LINES_MAX} lines."))
    return lines


@dataclass(frozen=True, slots=True)
class _Said:
    """The speech of a request: the name of the room, the author, and the lines as they are kept."""

    room: str
    author: str
    lines: tuple[str, ...]


async def _entry(state: AdminState, session: str, key: str) -> Entry | None:
    """Return the entry that was kept under a key, or abort with 503."""
    try:
        found = await state.journal.find(session, key)
    except JournalError as error:
        abort(problem(503, f"The journal cannot be read: {error}."))
    return found if isinstance(found, Entry) else None


async def _answer(state: AdminState, entry: Entry, said: _Said, status: int) -> Response:
    """Answer with the entry of a key, or abort with 409 where something else was said under that: this was not."""
    draft = entry.draft
    if draft.room != said.room:
        abort(problem(409, f"This {KEY_HEADER} was used in another room already: this was not said."))
    if fold_name(draft.author) != fold_name(said.author) or not await _is_end_of(state, entry, said.lines):
        abort(problem(409, f"Another text was said under this {KEY_HEADER} already: this was not."))
    return answer(view_of_entry(entry), status)


async def _is_end_of(state: AdminState, entry: Entry, lines: Sequence[str]) -> bool:
    """Tell whether these lines end in `entry`, and the others stand right before it, as far as they are still kept."""
    try:
        past = await state.journal.read(entry.draft.room, limit=len(lines), before=entry.id + 1)
    except JournalError as error:
        abort(problem(503, f"The journal cannot be read: {error}."))
    pairs = zip(reversed(past), reversed(lines), strict=False)
    # Nobody knows what a tombstone said: it may have been this.
    known = [(one.draft, line) for one, line in pairs if isinstance(one, Entry) and not is_tombstone(one.draft)]
    return bool(lines) and all(draft.text == line for draft, line in known)
