"""Reload: changed settings are applied while the server runs.

Everything is read before anything is changed, so with a mistake in a file nothing changes. The declaration of a setting
says whether a reload applies it (`is_live`). Clients stay connected even if the new settings would refuse them.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import trio

from trio_chat.chat.accounts.accounts import Accounts
from trio_chat.config import CollectedSettings, ConfigError, ServeSettings, Setting, settings_of
from trio_chat.journal import JournalError
from trio_chat.serve.settings_in_force import SettingsInForce
from trio_chat.serve.wiring import rules_of
from trio_chat.server.credentials.names_file import NamesFile
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.logs import set_level
from trio_chat.server.operation.secret_files import Secrets, read_secrets
from trio_chat.server.operation.systemd import ServiceManager
from trio_chat.server.sessions.context import SessionContext
from trio_chat.server.sessions.throttle import RateLimit
from trio_chat.server.transport.admission import limits_of
from trio_chat.server.upkeep.housekeeping import Pruning
from trio_chat.server.upkeep.name_keeping import NameKeeping

READ_TIMEOUT_S = 2.0
"""Timeout for reading the settings and their files: one may be a pipe that nobody writes to, or on a network."""

BLOCKED_THREADS_MAX = 16
"""Threads that may be stuck in reading a file, since nothing can end them. With more, reloads are refused."""

REQUEST_TIMEOUT_S = 3.0
"""Timeout of a wait for a reload, such as that of the console, whose next command may be `quit()`."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """Changes, as lines for the operator: `applied` now, or `deferred` to a restart. There are none with an `error`."""

    applied: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()
    error: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The result for the console, a line for each change."""
        if self.error:
            return (f"Nothing was reloaded: {self.error}",)
        return (*self.applied, *self.deferred) or ("Nothing has changed",)

    @property
    def summary(self) -> str:
        """The result for the audit and the log, in a few words."""
        if self.error:
            return f"refused: {self.error}"
        return f"{len(self.applied)} applied, {len(self.deferred)} waiting for a restart"


@dataclass(slots=True)
class ReadProgress:
    """The file that a thread is reading, to name the one that blocks it."""

    file: str = "a file that earlier reloads wait for"

    def begin(self, file: str) -> None:
        """Note that `file` is read next."""
        self.file = file


class Reloader:
    """Applies settings on request. `read_settings` reads them again as at the start."""

    def __init__(
        self,
        in_force: SettingsInForce,
        context: SessionContext,
        pruning: Pruning,
        *,
        names: NamesFile,
        name_keeping: NameKeeping,
        read_settings: Callable[[], CollectedSettings],
    ) -> None:
        self._in_force = in_force
        self._context = context
        self._pruning = pruning
        self._names = names
        self._name_keeping = name_keeping
        self._read_settings = read_settings
        self._threads = trio.CapacityLimiter(BLOCKED_THREADS_MAX)
        self._requested = trio.Event()
        self._reported = trio.Event()
        self._by = ""

    def request(self, by: str) -> trio.Event:
        """Request a reload from `run`; requests before it begins are merged. -> event set when it is reported"""
        self._by = by
        self._requested.set()
        return self._reported

    async def request_and_wait(self, by: str) -> None:
        """Request a reload, and return when its result is reported, or after REQUEST_TIMEOUT_S."""
        with trio.move_on_after(REQUEST_TIMEOUT_S):
            await self.request(by).wait()

    async def run(self, report: Callable[[str, ReloadResult], None], manager: ServiceManager) -> None:
        """Reload on each request, and `report` its author and the result, until cancelled."""
        while True:
            await self._requested.wait()
            self._requested = trio.Event()
            reported, self._reported = self._reported, trio.Event()
            manager.reloading()
            report(self._by, await self.reload())
            manager.ready()
            reported.set()

    async def reload(self) -> ReloadResult:
        """Read everything again and apply the live settings."""
        try:
            found, settings, secrets = await self._read_within_timeout()
        except (ConfigError, SetupError) as error:
            logger.error("nothing was reloaded: %s", error)
            return ReloadResult(error=str(error))
        except Exception as error:  # a bug of ours must not end the chat
            logger.exception("nothing was reloaded: unexpected error")
            return ReloadResult(error=f"unexpected error: {error}")
        changes, replaced = self._changes(settings, is_live=True), self._replaced_files(secrets)
        deferred = self._changes(settings, is_live=False)
        self._in_force.apply(settings, found.sources)
        self._apply(secrets)
        warnings = await apply_names_file(self._context.accounts, secrets.names)
        result = ReloadResult((*changes, *replaced, *warnings), deferred)
        logger.info("settings reloaded: %s", result.summary)
        return result

    async def _read_within_timeout(self) -> tuple[CollectedSettings, ServeSettings, Secrets]:
        """Read everything. Raises ConfigError, and SetupError, also for a file that takes longer than READ_TIMEOUT_S.

        The thread is abandoned then: neither a later reload nor a shutdown waits for it.
        """
        progress = ReadProgress()
        read_all = partial(self._read_all, progress)
        with trio.move_on_after(READ_TIMEOUT_S):
            return await trio.to_thread.run_sync(read_all, abandon_on_cancel=True, limiter=self._threads)
        raise SetupError(f"{progress.file} did not answer within {READ_TIMEOUT_S:g} s")

    def _read_all(self, progress: ReadProgress) -> tuple[CollectedSettings, ServeSettings, Secrets]:
        progress.begin("the settings file")
        found = self._read_settings()
        settings = found.build(ServeSettings)
        old = self._in_force.settings  # neither of these is live
        secrets = read_secrets(msgspec.structs.replace(settings, tls=old.tls, data=old.data), progress.begin)
        return found, settings, secrets

    def _changes(self, new: ServeSettings, *, is_live: bool) -> tuple[str, ...]:
        old = self._in_force.settings
        return tuple(
            _line(setting, getattr(old, setting.name), getattr(new, setting.name))
            for setting in settings_of(ServeSettings)
            if setting.is_live is is_live and getattr(old, setting.name) != getattr(new, setting.name)
        )

    def _replaced_files(self, new: Secrets) -> tuple[str, ...]:
        """Report files with the same names and changed contents."""
        tls, password, proxy = self._context.tls, self._context.password, self._context.proxy_certificate
        replaced = []
        if tls and new.tls and tls.fingerprint != new.tls.fingerprint:
            replaced.append("Reloaded the TLS certificate and its key")
        if password.is_set and new.password.is_set and password != new.password:
            replaced.append("Reloaded the password")
        if proxy and (other := new.proxy_certificate) and other.file == proxy.file and other.digest != proxy.digest:
            replaced.append("Reloaded the certificate of the proxy")
        if self._names.listed != new.names.listed:
            replaced.append("Reloaded the file of names")
        return tuple(replaced)

    def _apply(self, secrets: Secrets) -> None:
        settings, context = self._in_force.settings, self._context
        if (limits := limits_of(settings)) != context.admission.limits:  # setting them resets the counts of connections
            context.admission.limits = limits
        context.chat.rules = rules_of(settings)
        context.rate_limit = RateLimit(settings.rate, settings.burst)
        context.password = secrets.password
        context.tls = secrets.tls
        context.plain_passwords = settings.plain_passwords
        context.proxy_certificate = secrets.proxy_certificate
        context.pump.stall_timeout_s = settings.stall_timeout
        self._names = secrets.names
        self._pruning.keeps = settings.keep
        self._name_keeping.unseen_s = settings.names_unseen
        set_level(settings.log_level)


async def apply_names_file(accounts: Accounts, names: NamesFile) -> Sequence[str]:
    """Give each name in the names file to its keys. -> warnings about lines without effect, which are logged too"""
    try:
        warnings = (*names.warnings, *await accounts.sync_file(names.listed))
    except JournalError as error:
        warnings = (f"the names file has no effect yet: {error}",)
    for warning in warnings:
        logger.warning("%s", warning)
    return warnings


def _line(setting: Setting, before: object, after: object) -> str:
    if setting.is_live:
        return f"Reloaded {setting.key}: {setting.show(after)} (was {setting.show(before)})"
    return f"{setting.key} needs a restart: still {setting.show(before)}, not {setting.show(after)}"
