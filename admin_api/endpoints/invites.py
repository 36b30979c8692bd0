"""Invites over HTTP: codes by which somebody claims a name on their first connection."""

from functools import partial
from typing import Annotated

import msgspec
from quart import Response, g

from admin_api.http.answers import answer, list_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.schemas import INVITE
from admin_api.invite_view import InviteView, MadeInvite, made_view, view_of_invite
from admin_api.kept_changes import change_kept
from admin_api.state import AdminState
from trio_chat.chat.accounts.accounts import EXPIRES_MAX_S, EXPIRES_MIN_S, USES_MAX, id_of

WEEK_S = 7 * 86400.0


class InviteList(msgspec.Struct, frozen=True):
    """All invites that can be used, oldest first."""

    invites: list[InviteView]


class NewInvite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of names that an invite is good for, and the seconds for which it is."""

    uses: Annotated[float, msgspec.Meta(ge=1, le=USES_MAX, multiple_of=1, examples=[5])] = 1
    expires_s: Annotated[float, msgspec.Meta(ge=EXPIRES_MIN_S, le=EXPIRES_MAX_S)] = WEEK_S


class WithdrawnInvite(msgspec.Struct, frozen=True):
    """The invite that can no longer be used."""

    invite: InviteView


@endpoint("GET /invites", Operation({200: InviteList}))
async def list_invites(state: AdminState) -> Response:
    """List the invites that can still be used. Their codes stay secret."""
    now = state.operator.clock()
    usable = [invite for invite in state.accounts.invites.values() if invite.uses and invite.until > now]
    return list_answer("invites", usable, partial(view_of_invite, state))


@endpoint("POST /invites", Operation({201: MadeInvite}, (400, 409, 503), body=NewInvite))
async def add_invite(state: AdminState, body: NewInvite) -> Response:
    """Make an invite: a code by which somebody claims a name, also where nobody comes in without one."""
    made = state.accounts.make_invite(uses=int(body.uses), expires_s=body.expires_s, by=g.by)
    invite, code = await change_kept(made)
    state.operator.records.record(g.by, "invite", f"{id_of(invite)} for {invite.uses}")
    return answer(made_view(state, invite, code), 201)


@endpoint("DELETE /invites/<invite>", Operation({200: WithdrawnInvite}, (404, 503), path={"invite": INVITE}))
async def withdraw_invite(state: AdminState, invite: str) -> Response:
    """Withdraw an invite. Names that were claimed by it stay."""
    withdrawn = await change_kept(state.accounts.withdraw_invite(invite))
    state.operator.records.record(g.by, "invite-withdraw", id_of(withdrawn))
    return answer(WithdrawnInvite(view_of_invite(state, withdrawn)))
