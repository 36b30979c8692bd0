"""The past that a client may read: of its rooms, of its own mailbox as `@`, and its conversation with one as `@NAME`.

Everything is read from the mailbox of the one who asks, and the other is looked for by account: whoever has the name of
somebody today reads nothing of theirs, and is not taken for them.
"""

from collections.abc import Sequence

from trio_chat.chat.client import Client
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import MAILBOX_MARK, Entry, Kind
from trio_chat.chat.nicks import fold_name
from trio_chat.chat.register import plain_name
from trio_chat.journal import AccountStore, Past, need
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.name_requests import NEEDS_LOGIN
from trio_chat.server.transport.outlet import PeerOutlet

PAGES_MAX = 5
"""Pages of what a search finds in a mailbox that are looked through for one other."""


async def read_past(
    context: SessionContext,
    client: Client,
    room: str,
    *,
    limit: int,
    before: int | None,
    after: int | None,
    without_presence: bool,
) -> Sequence[Past]:
    """Return a stretch of a room that the client is in, of `@` or of `@NAME`, as `HistoryReader.read` does.

    Raises ChatError and JournalError.
    """
    if not room.startswith(MAILBOX_MARK):
        return await context.journal.read(
            room, limit=limit, before=before, after=after, without_presence=without_presence
        )
    mailbox = own_mailbox(client)
    if room == MAILBOX_MARK:
        return await context.journal.read(mailbox, limit=limit, before=before, after=after)
    account, name = _other(context, room)
    store = need(context.journal, AccountStore)
    return await store.conversation(mailbox, account=account, name=name, limit=limit, before=before, after=after)


async def search_past(
    context: SessionContext,
    client: Client,
    outlet: PeerOutlet,
    rooms: Sequence[str],
    words: str,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
    author: str = "",
) -> Sequence[Past]:
    """Search in rooms that the client is in, in `@` and in `@NAME`, as `Searches.run` does, which tells of errors."""
    others = [_other(context, room) for room in rooms if len(room) > 1 and room.startswith(MAILBOX_MARK)]
    mailbox = own_mailbox(client) if any(room.startswith(MAILBOX_MARK) for room in rooms) else ""
    searched = list(dict.fromkeys(mailbox if room.startswith(MAILBOX_MARK) else room for room in rooms))
    takes_all = not others or MAILBOX_MARK in rooms
    found: list[Past] = []
    for _ in range(PAGES_MAX):
        page = await context.searches.run(
            client, outlet, searched, words, limit=limit, before=before, after=after, author=author
        )
        wanted = [it for it in page if takes_all or _is_wanted(it, mailbox, others)]
        found = [*wanted, *found]
        if len(found) >= limit or len(page) < limit:
            break
        before = page[0].id
    return found[-limit:]


def own_mailbox(client: Client) -> str:
    """Return the mailbox of a client. Raises ChatError for a guest with `nc`: an id names others after a restart."""
    if not (client.account or client.session):
        raise ChatError("usage", NEEDS_LOGIN)
    return client.mailbox_name


def _other(context: SessionContext, room: str) -> tuple[str, str]:
    """Find whose conversation `@NAME` is. -> the id of the account and "", or "" and the name of a guest"""
    name = plain_name(room.removeprefix(MAILBOX_MARK))
    owner = context.accounts.names.owner_of(name)
    return (owner.id, "") if owner else ("", name)


def _is_wanted(past: Past, mailbox: str, others: Sequence[tuple[str, str]]) -> bool:
    """Tell whether something found is in a room, or in the conversation with one of these."""
    if not isinstance(past, Entry) or past.draft.room != mailbox:
        return True
    draft = past.draft
    if draft.kind is not Kind.TOLD:
        return False
    return any(
        account in (draft.account, draft.to_account)
        if account
        else (not draft.account and fold_name(draft.author) == fold_name(name))
        or (not draft.to_account and fold_name(draft.to) == fold_name(name))
        for account, name in others
    )
