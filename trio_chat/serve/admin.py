"""The admin API of a server: its access rules, its ports and the app on them."""

import importlib
import ipaddress
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial

import trio

from admin_api.event_log import EventLog
from admin_api.http.access import Access
from admin_api.http.encryption import GetContext
from admin_api.resources import Resources
from admin_api.series import Series
from admin_api.state import AdminState
from admin_api.watch import watch_health, watch_refused
from trio_chat.chat.histogram import Histogram
from trio_chat.chat.operators.operator import Operator
from trio_chat.config import AdminAddress, remove_address, write_address
from trio_chat.serve.settings_in_force import SettingsInForce
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.loop_delay import BUCKET_BOUNDS_S, watch_delay
from trio_chat.server.operation.resources import measure_resources
from trio_chat.server.operation.secret_files import AdminToken, certificate_file
from trio_chat.server.sessions.context import SessionContext

logger = logging.getLogger(__name__)


class Admin:
    """The admin app, ready to start on its listeners."""

    def __init__(self, in_force: SettingsInForce, token: AdminToken, listeners: Sequence[trio.SocketListener]) -> None:
        """Check who may use the API. Raises SetupError where other machines can reach it and no setting says who may,
        and where TLS has no certificate."""
        settings = in_force.settings
        if settings.admin_tls and certificate_file(settings) is None:
            remedy = "give one with --tls-cert, or have one made with --tls"
            raise SetupError(f"TLS for the admin API needs a certificate: {remedy}")
        self._is_encrypted = settings.admin_tls
        self._in_force = in_force
        self._token = token
        self._access = Access(token.value, settings.admin_allow, settings.admin_open, settings.admin_name)
        self._listeners = listeners
        self._address_fd: int | None = None
        self.chat_port = 0
        """The port of the chat, once it is open."""
        self.events = EventLog(time.time)
        if not self._access.is_limited and (exposed := _exposed(listeners)):
            raise SetupError(
                f"anyone who can reach {exposed} could use the admin API: require a token with --admin-token-file "
                "FILE, which is created if it is missing; or allow networks with --admin-allow, or all by --admin-open"
            )

    async def start(
        self, nursery: trio.Nursery, operator: Operator, context: SessionContext, *, is_stopping: Callable[[], bool]
    ) -> list[str]:
        """Start the app, if there is a listener. -> lines for the console.

        The app is imported here: that takes longer than all else at a start, and the chat need not wait for it.
        """
        if not self._listeners:
            return []
        # Abandoned when cancelled: an import can take seconds on a busy machine, more than a stop may take.
        app = await trio.to_thread.run_sync(importlib.import_module, "admin_api.app", abandon_on_cancel=True)
        state = self._start_measuring(nursery, operator, context, is_stopping)
        urls = await nursery.start(app.serve_admin, state, self._listeners, self._access, self._get_context(context))
        await self._publish(urls[0])
        rows = [f"Admin API started on: {urls[0]}"]
        if self._token.created_in:
            rows.append(f"Admin token, stored in {self._token.created_in}: {self._token.value}")
        return rows

    def _start_measuring(
        self, nursery: trio.Nursery, operator: Operator, context: SessionContext, is_stopping: Callable[[], bool]
    ) -> AdminState:
        """Start the tasks that measure and watch the server. -> the state of the app, with what they find"""
        loop_delays = Histogram(BUCKET_BOUNDS_S)
        series = Series(context.chat, context.pump.delays, time.time)
        resources = Resources(partial(measure_resources, self._in_force.settings.data))
        warnings = partial(_certificate_warnings, context)
        nursery.start_soon(watch_delay, loop_delays)
        nursery.start_soon(series.run)
        nursery.start_soon(resources.run)
        nursery.start_soon(watch_health, self.events, context.journal, warnings)
        nursery.start_soon(watch_refused, self.events, context.admission.refused)
        return AdminState(
            operator,
            context.accounts,
            context.journal,
            self.events,
            series,
            self._in_force.rows,
            context.admission.refused,
            loop_delays,
            context.pump.delays,
            certificate_expires_at=lambda: context.tls.expires_at if context.tls else None,
            resources=resources,
            stall_timeout_s=lambda: context.pump.stall_timeout_s,
            certificate_warnings=warnings,
            certificate_digest=lambda: context.tls.certificate_digest if context.tls else "",
            chat_port=lambda: self.chat_port,
            hook_rate=lambda: (context.rate_limit.rate, context.rate_limit.burst),
            is_stopping=is_stopping,
            is_full=lambda: context.admission.is_full,
        )

    async def withdraw(self) -> None:
        """Remove the file with the address of the API. Cancelled, it leaves that to a thread."""
        if self._address_fd is not None:
            fd, self._address_fd = self._address_fd, None
            folder = self._in_force.settings.data
            await trio.to_thread.run_sync(remove_address, folder, fd, abandon_on_cancel=True)

    async def _publish(self, url: str) -> None:
        """Write the file by which commands on this machine find the API. They can do without it, and so can we."""
        settings = self._in_force.settings
        file = settings.admin_token_file if settings.admin_token is None else None
        address = AdminAddress(_local(url), bool(self._token.value), str(file.absolute()) if file else None)
        try:
            self._address_fd = await trio.to_thread.run_sync(
                write_address, settings.data, address, abandon_on_cancel=True
            )
        except OSError as error:
            logger.warning("commands on this machine need --admin %s: cannot write %s", address.url, error)

    def _get_context(self, context: SessionContext) -> GetContext | None:
        """Return a function that returns the current certificate, if the app is served over TLS."""
        if not self._is_encrypted or context.tls is None:
            return None
        last = context.tls

        def get_context() -> ssl.SSLContext:
            nonlocal last
            last = context.tls or last  # a reload may end TLS in the chat; the admin API keeps it
            return last.context

        return get_context


def _local(url: str) -> str:
    """Return the URL that reaches the API from this machine, also where it listens on every interface."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _certificate_warnings(context: SessionContext) -> list[str]:
    return [text for _level, text in context.certificate_warnings(time.time())]


def _exposed(listeners: Sequence[trio.SocketListener]) -> str | None:
    """Return an address that other machines can reach, if there is one."""
    for listener in listeners:
        address = listener.socket.getsockname()[0].partition("%")[0]
        if not ipaddress.ip_address(address).is_loopback:
            return str(address)
    return None
