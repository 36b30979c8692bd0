"""Claimed names over HTTP: listed, handed out, reset and made free. Answers come once the journal has the change."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import msgspec
from quart import Response, g

from admin_api.http.answers import answer, list_answer
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.schemas import NAME, Time
from admin_api.http.turns import in_turns
from admin_api.invite_view import MadeInvite, made_view
from admin_api.kept_changes import change_kept
from admin_api.state import AdminState
from trio_chat.chat.accounts.account import Account
from trio_chat.chat.nicks import NICK_MAX, SPELLED_MAX

INVITE_S = 7 * 86400.0
"""The time for which the invite of a name that was handed out or reset can be used."""

LIST_MAX = 1000

KEY_MAX = 1000
"""Characters of a line with a key: options of sshd, which may come first, are of no use here."""


class KeyView(msgspec.Struct, frozen=True):
    """A public key that proves a name. `source` tells how: `own` claimed it, `added` was added by its owner,
    `operator`, `file` or `invite`."""

    fingerprint: str
    added: Time
    source: str


class NameView(msgspec.Struct, frozen=True):
    """A claimed name. `by` made it: `own`, `file`, `invite` or an operator. `places` are its connections now."""

    name: str
    account: str
    since: Time
    seen: Time
    by: str
    places: int
    has_password: bool
    keys: list[KeyView]


class NameList(msgspec.Struct, frozen=True):
    """Claimed names, the longest known first, 1,000 at most; `total` is the number of all that match."""

    names: list[NameView]
    total: int


class NewName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name to be handed out, and its owner's public key; without one, the answer has an invite for it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NICK_MAX, examples=["alice"])]
    key: Annotated[str, msgspec.Meta(max_length=KEY_MAX)] = ""


class HandedOut(msgspec.Struct, frozen=True):
    """A name that was handed out or reset, and the invite by which its owner takes it."""

    name: NameView
    invite: MadeInvite | None


class RemovedName(msgspec.Struct, frozen=True):
    """The name that is free now."""

    name: NameView


class NameQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a name that is looked for, in any case."""

    name: Annotated[str, msgspec.Meta(max_length=SPELLED_MAX)] = ""


@endpoint("GET /names", Operation({200: NameList}, (400,), query=NameQuery))
async def list_names(state: AdminState, query: NameQuery) -> Response:
    """List the claimed names: who made each, how it can be proven, when its owner was here last."""
    wanted = query.name.lower()
    every = tuple(state.accounts.names)
    found = [account async for turn in in_turns(every) for account in turn if wanted in account.name.lower()]
    return list_answer("names", found[:LIST_MAX], partial(_view_of, state), total=len(found))


@endpoint("POST /names", Operation({201: HandedOut}, (400, 409, 503), body=NewName))
async def add_name(state: AdminState, body: NewName) -> Response:
    """Hand a name out. A guest who has it just now is disconnected."""
    account = await change_kept(state.accounts.add(body.name, by=g.by, key=body.key))
    state.operator.records.record(g.by, "name-add", account.name)
    invite = None if body.key else await _invite_for(state, account)
    return answer(HandedOut(_view_of(state, account), invite), 201)


@endpoint("POST /names/<name>/reset", Operation({200: HandedOut}, (404, 409, 503), path={"name": NAME}))
async def reset_name(state: AdminState, name: str) -> Response:
    """Take all proofs of a name away, end its connections, and make an invite for its owner: a key was lost."""
    account = await change_kept(state.accounts.reset(name[:SPELLED_MAX]))
    state.operator.records.record(g.by, "name-reset", account.name)
    return answer(HandedOut(_view_of(state, account), await _invite_for(state, account)))


@endpoint("DELETE /names/<name>", Operation({200: RemovedName}, (404, 409, 503), path={"name": NAME}))
async def remove_name(state: AdminState, name: str) -> Response:
    """Make a name free, and end its connections."""
    view = _view_of(state, state.accounts.owned(name[:SPELLED_MAX]))
    account = await change_kept(state.accounts.remove(name[:SPELLED_MAX]))
    state.operator.records.record(g.by, "name-remove", account.name)
    return answer(RemovedName(view))


async def _invite_for(state: AdminState, account: Account) -> MadeInvite:
    made = state.accounts.make_invite(uses=1, expires_s=INVITE_S, by=g.by, account=account.id)
    return made_view(state, *await change_kept(made))


def _view_of(state: AdminState, account: Account) -> NameView:
    return NameView(
        account.name,
        account.id,
        _time(account.since),
        _time(account.seen),
        account.by,
        len(state.operator.chat.directory.places(account.id)),
        bool(account.password),
        [KeyView(key.fingerprint, _time(key.added), key.source) for key in account.keys],
    )


def _time(seconds: float) -> Time:
    return datetime.fromtimestamp(int(seconds), UTC)
