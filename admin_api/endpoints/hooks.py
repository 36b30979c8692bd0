"""Hooks over HTTP: made, listed and removed; and the address by which a program speaks."""

import secrets
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import unquote_plus

import msgspec
import trio
from quart import Response, abort, g, request

from admin_api.entry_tail import EntryView
from admin_api.hook_throttle import WRONG_SECRET_DELAY_S
from admin_api.http.answers import answer, list_answer
from admin_api.http.authentication import Audience
from admin_api.http.bodies import read_json
from admin_api.http.endpoint import Operation, endpoint
from admin_api.http.listening import MAKE_WAY
from admin_api.http.problems import problem
from admin_api.http.schemas import HOOK, Schema, Time
from admin_api.speech import IDEMPOTENCY_KEY, KEY_HEADER, TEXT_CHARACTERS, lines_of, say_once
from admin_api.state import AdminState
from trio_chat.chat.nicks import NICK_MAX, SPELLED_MAX
from trio_chat.chat.operators.hooks import Hook
from trio_chat.chat.operators.networks import address_of

SECRET_BYTES = 24

FORM = "application/x-www-form-urlencoded"

SECRET: Schema = {
    "type": "string",
    "description": "The secret of a hook, as it was printed when that was made.",
    "minLength": 1,
    "maxLength": 100,
    "pattern": "^[A-Za-z0-9_-]+$",
    "examples": ["4eX9mPz2K0s7QvJd3yTb8hLr5wNc1uFg"],
}


TEXT: Schema = {"type": "string", "maxLength": TEXT_CHARACTERS, "examples": ["build 71 is green"]}


class HookView(msgspec.Struct, frozen=True):
    """A hook: the name under which it speaks, its room, and its maker. Its secret is shown only once."""

    name: str
    room: str
    by: str
    since: Time


class HookList(msgspec.Struct, frozen=True):
    """All hooks, oldest first."""

    hooks: list[HookView]


class HookText(msgspec.Struct, frozen=True):
    """The part of what services send that is said. Whatever else they send is left out."""

    text: str


class NewHook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The room in which a program is to speak, and its name: a nick that nobody has, and nobody can take any more."""

    room: Annotated[str, msgspec.Meta(min_length=1, max_length=NICK_MAX + 1, examples=["ops"])]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NICK_MAX, examples=["deploy"])]


class MadeHook(msgspec.Struct, frozen=True):
    """A new hook and its secret path, which is shown only here. `kept` is false while the journal cannot store it."""

    hook: HookView
    path: str
    kept: bool


class RemovedHook(msgspec.Struct, frozen=True):
    """The hook that was removed. `kept` is false while the journal cannot store that."""

    hook: HookView
    kept: bool


@endpoint("GET /hooks", Operation({200: HookList}))
async def list_hooks(state: AdminState) -> Response:
    """List the hooks: their names, their rooms, and who made them."""
    return list_answer("hooks", state.operator.hooks.current(), _view_of)


@endpoint("POST /hooks", Operation({201: MadeHook}, (400, 409), body=NewHook))
async def add_hook(state: AdminState, body: NewHook) -> Response:
    """Make a hook: a secret address by which a program speaks in one room, without a token."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    hook = state.operator.add_hook(body.name, body.room, secret, by=g.by)
    return answer(MadeHook(_view_of(hook), f"/hook/{secret}", await state.is_kept()), 201)


@endpoint("DELETE /hooks/<name>", Operation({200: RemovedHook}, (400, 404), path={"name": HOOK}))
async def remove_hook(state: AdminState, name: str) -> Response:
    """Remove a hook: its address is unknown at once."""
    hook = state.operator.remove_hook(name[:SPELLED_MAX], by=g.by)
    return answer(RemovedHook(_view_of(hook), await state.is_kept()))


@endpoint(
    "POST /hook/<secret>",
    Operation(
        {200: EntryView, 201: EntryView},
        (400, 404, 409, 413, 429, 503),
        path={"secret": SECRET},
        headers={KEY_HEADER: IDEMPOTENCY_KEY},
        text_body=TEXT,
    ),
    Audience.ANYONE_BY_ANY_NAME,
)
async def speak(state: AdminState, secret: str) -> Response:
    """Speak by a hook: a plain text, or JSON such as {"text": "build 71 is green"}. Its secret stands for a token."""
    now = trio.current_time()
    hook = state.operator.hooks.find(secret)
    if hook is None:
        await _slow_down_guessing(state, now)
        abort(problem(404, "There is no such hook."))
    text = _text_of(await request.get_data(), request.mimetype)
    if wait_s := state.hook_throttle.wait_s(hook.name, len(lines_of(text.strip("\n"))), state.hook_rate(), now):
        headers = (("Retry-After", str(int(wait_s) + 1)),)
        abort(problem(429, "This hook speaks too fast: wait.", headers=headers))
    room = state.operator.chat.rooms.enter(hook.room)
    return await say_once(state, room, hook.name, text.strip("\n"), by=f"hook {hook.name}", session=hook.session)


async def _slow_down_guessing(state: AdminState, now: float) -> None:
    """Delay the answer to one wrong secret too many; its connection makes way for others meanwhile."""
    if state.hook_throttle.is_guessing(address_of(request.remote_addr or ""), now):
        request.scope["state"][MAKE_WAY]()
        await trio.sleep(WRONG_SECRET_DELAY_S)


def _text_of(data: str | bytes, kind: str) -> str:
    """Read what people and CI services send: a text, or JSON with a `text`, also in a form field called `payload`."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        abort(problem(400, "The text is not UTF-8."))
    if kind == FORM and text.startswith("payload="):
        text, kind = unquote_plus(text.removeprefix("payload=")), "application/json"
    if kind != "application/json" and not text.lstrip().startswith("{"):
        return text
    try:
        return read_json(text, HookText).text
    except ValueError as error:
        if kind == "application/json":
            abort(problem(400, f'The body has to be a text, or JSON such as {{"text": "build 71 is green"}}: {error}.'))
        return text


def _view_of(hook: Hook) -> HookView:
    return HookView(hook.name, hook.room, hook.by, datetime.fromtimestamp(int(hook.since), UTC))
