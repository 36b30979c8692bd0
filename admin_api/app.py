"""The admin app: its endpoints, behind its guard, with its errors as problems."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

import trio
from quart import Response
from quart_trio import QuartTrio

from admin_api import endpoints
from admin_api.console.app import PageMoment, add_console, console_audiences
from admin_api.http.access import Access
from admin_api.http.authentication import Authentication
from admin_api.http.encryption import GetContext
from admin_api.http.endpoint import add_endpoints, endpoints_in
from admin_api.http.guard import guard
from admin_api.http.problems import problem, register_problems
from admin_api.http.routing import App
from admin_api.http.serving import serve_http
from admin_api.state import AdminState
from trio_chat.chat.errors import ChatError

ENDPOINTS = endpoints_in(import_module(f"{endpoints.__name__}.{it.name}") for it in iter_modules(endpoints.__path__))
"""Every endpoint of every module in `endpoints/`."""

_STATUSES = {
    "no-such-client": 404,
    "not-banned": 404,
    "not-muted": 404,
    "too-many-bans": 409,
    "too-many-mutes": 409,
    "too-many-copies": 422,
    "too-many-spared": 422,
    "removed-before": 409,
    "not-removable": 409,
    "no-such-hook": 404,
    "hook-exists": 409,
    "too-many-hooks": 409,
    "no-such-name": 404,
    "no-such-invite": 404,
    "name-claimed": 409,
    "too-many-names": 409,
    "too-many-invites": 409,
    "slow-down": 409,
}
"""The HTTP status of a ChatError by its code, where that is not 400."""


async def serve_admin(
    state: AdminState,
    listeners: Sequence[trio.SocketListener],
    access: Access,
    get_context: GetContext | None = None,
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the app on `listeners` until cancelled, then close them; reports their URLs. See `serve_http`."""
    await serve_http(create_app(state, access), listeners, get_context=get_context, task_status=task_status)


def create_app(state: AdminState, access: Access) -> QuartTrio:
    """Make the app over a running server, guarded by `access`."""
    app = App("trio_chat.serve.admin")
    app.config.update(ENDPOINTS=ENDPOINTS, HAS_TOKEN=bool(access.token))
    register_problems(app)
    app.register_error_handler(ChatError, _refused_by_rule)
    authentication = Authentication(access)
    audiences = {one.view.__name__: one.audience for one in ENDPOINTS} | dict(console_audiences())
    _count_requests(app, state)
    add_console(app, authentication, lambda: PageMoment(state.events.last_id, state.operator.clock()))
    guard(app, authentication, access.names, audiences)
    add_endpoints(app, ENDPOINTS, state)
    return app


def _count_requests(app: QuartTrio, state: AdminState) -> None:
    async def count(answer: Response) -> Response:
        state.requests[answer.status_code] += 1
        return answer

    app.after_request(count)


async def _refused_by_rule(error: ChatError) -> Response:
    return problem(_STATUSES.get(error.code, 400), f"{error.text[:1].upper()}{error.text[1:]}.", code=error.code)
