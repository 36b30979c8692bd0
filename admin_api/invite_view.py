"""Invites as operators see them. Needs no Quart."""

from datetime import UTC, datetime

import msgspec

from admin_api.http.schemas import Time
from admin_api.state import AdminState
from trio_chat.chat.accounts.account import Invite
from trio_chat.chat.accounts.accounts import id_of


class InviteView(msgspec.Struct, frozen=True):
    """An invite: how often it can still be used, and until when. `name` is the only one it is for, if there is one."""

    id: str
    uses: int
    name: str | None
    by: str
    since: Time
    until: Time


class MadeInvite(msgspec.Struct, frozen=True):
    """A new invite and its code, which is shown only here.

    `port` is that of the chat, and `fingerprint` the SHA-256 of its certificate in hex, "-" without TLS: behind the
    name of the host, as in `HOST:PORT/CODE/FINGERPRINT`, they are all that `trio-chat join` needs.
    """

    invite: InviteView
    code: str
    port: int
    fingerprint: str


def made_view(state: AdminState, invite: Invite, code: str) -> MadeInvite:
    """Return a new invite as its maker sees it."""
    return MadeInvite(view_of_invite(state, invite), code, state.chat_port(), state.certificate_digest() or "-")


def view_of_invite(state: AdminState, invite: Invite) -> InviteView:
    """Return an invite without its code."""
    account = state.accounts.names.by_id(invite.account) if invite.account else None
    since, until = (datetime.fromtimestamp(int(time), UTC) for time in (invite.since, invite.until))
    return InviteView(id_of(invite), invite.uses, account.name if account else None, invite.by, since, until)
