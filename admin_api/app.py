"""The admin app: its endpoints, behind its guard, with its errors as problems."""

from collections.abc import Sequence

import msgspec
import trio
from quart import Response
from quart_trio import QuartTrio

from admin_api.endpoints.audit import add_audit
from admin_api.endpoints.bans import add_bans
from admin_api.endpoints.clients import add_clients
from admin_api.endpoints.events import add_events
from admin_api.endpoints.health import add_health
from admin_api.endpoints.metrics import add_metrics
from admin_api.http.access import Access
from admin_api.http.answers import answer
from admin_api.http.encryption import GetContext
from admin_api.http.guard import guard
from admin_api.http.openapi import Operation, add_openapi, describes, endpoints_of, summary_of
from admin_api.http.problems import problem, register_problems
from admin_api.http.serving import serve_http
from admin_api.state import AdminState
from trio_chat import __version__
from trio_chat.chat.errors import ChatError


class Index(msgspec.Struct, frozen=True):
    """What there is."""

    name: str
    version: str
    endpoints: dict[str, str]


_STATUSES = {"no-such-client": 404, "not-banned": 404, "too-many-bans": 409}
"""What a rule's refusal is in HTTP, where that is not 400."""


async def serve_admin(
    premises: AdminState,
    listeners: Sequence[trio.SocketListener],
    access: Access,
    get_context: GetContext | None = None,
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the app on `listeners` until cancelled, then close them; reports their URLs. See `serve_http`."""
    await serve_http(create_app(premises, access), listeners, get_context=get_context, task_status=task_status)


def create_app(premises: AdminState, access: Access) -> QuartTrio:
    """Make the app over a running server, for those who have access."""
    app = QuartTrio("trio_chat.serve.admin", static_folder=None)
    app.url_map.strict_slashes = False  # /clients/ is /clients: curl follows no redirects
    app.url_map.merge_slashes = False
    register_problems(app)
    app.register_error_handler(ChatError, _ruled_out)
    guard(app, access)
    _add_index(app)
    add_clients(app, premises.operator)
    add_bans(app, premises.operator)
    add_audit(app, premises.operator, premises.journal)
    add_events(app, premises.events)
    add_health(app, premises.operator.chat, premises.journal)
    add_metrics(app, premises)
    add_openapi(app, has_token=bool(access.token))
    return app


def _add_index(app: QuartTrio) -> None:
    @app.get("/")
    @describes(Operation({200: Index}))
    async def show_index() -> Response:
        """List what there is."""
        return answer(Index("trio-chat", __version__, _endpoints_of(app)))


def _endpoints_of(app: QuartTrio) -> dict[str, str]:
    """The table of endpoints, made from the routes and the first lines of their docstrings."""
    return {f"{method} {path}": summary_of(view) for method, path, view in endpoints_of(app)}


async def _ruled_out(error: ChatError) -> Response:
    return problem(_STATUSES.get(error.code, 400), f"{error.text[:1].upper()}{error.text[1:]}.", code=error.code)
