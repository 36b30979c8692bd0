"""Taking up changed settings while the server runs.

All is read before anything is changed, so that a mistake in a file changes nothing. Which settings are taken up is said
where they are declared; whoever is connected stays so, also where the new ones would not let him in.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
import trio

from trio_chat.config import ConfigError, ServeSettings, Setting, settings_of
from trio_chat.serve.wiring import rules_of
from trio_chat.server.errors import SetupError
from trio_chat.server.operation.logs import set_level
from trio_chat.server.operation.secret_files import Secrets, read_secrets
from trio_chat.server.operation.systemd import ServiceManager
from trio_chat.server.sessions.context import RateLimit, SessionContext
from trio_chat.server.transport.admission import limits_of
from trio_chat.server.upkeep.housekeeping import Pruning

READ_S = 2.0
"""How long the settings and their files may take to be read. One may be a pipe that nobody writes to, or far away."""

THREADS = 16
"""So many readings may wait for ever, each in a thread that nothing can end, until no more is begun."""

PATIENCE_S = 3.0
"""How long who asked for a reload waits for it: `quit()` may be the next command."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of it, in lines for the operator. `fault` says why nothing was changed."""

    taken: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    fault: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each thing that did change, and for each that will only after a restart."""
        if self.fault:
            return (f"Nothing was reloaded: {self.fault}",)
        return (*self.taken, *self.waiting) or ("Nothing has changed",)

    @property
    def summary(self) -> str:
        """What came of it in a few words."""
        if self.fault:
            return f"refused: {self.fault}"
        return f"{len(self.taken)} taken up, {len(self.waiting)} waiting for a restart"


@dataclass(slots=True)
class Reading:
    """Which file a thread reads just now."""

    file: str = "what earlier reloads wait for"

    def note(self, file: str) -> None:
        """Go on to the next one."""
        self.file = file


class Reloader:
    """Knows what is in force. `read` reads the settings again, as they were read at the start."""

    def __init__(
        self, settings: ServeSettings, context: SessionContext, pruning: Pruning, *, read: Callable[[], ServeSettings]
    ) -> None:
        self._settings = settings
        self._context = context
        self._pruning = pruning
        self._read = read
        self._threads = trio.CapacityLimiter(THREADS)
        self._wanted = trio.Event()
        self._told = trio.Event()
        self._by = ""

    def request(self, by: str) -> trio.Event:
        """Let `run` reload soon; requests that come meanwhile are one. -> set when it is told what came of it"""
        self._by = by
        self._wanted.set()
        return self._told

    async def have_reloaded(self, by: str) -> None:
        """Request a reload, and return when it is told what came of it, or after a while."""
        with trio.move_on_after(PATIENCE_S):
            await self.request(by).wait()

    async def run(self, tell: Callable[[str, Reloaded], None], manager: ServiceManager) -> None:
        """Reload whenever that is requested, and tell who did and what came of it, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            told, self._told = self._told, trio.Event()
            manager.reloading()
            tell(self._by, await self.reload())
            manager.ready()
            told.set()

    async def reload(self) -> Reloaded:
        """Read everything again and take up what is live."""
        try:
            settings, secrets = await self._read_in_time()
        except (ConfigError, SetupError) as fault:
            logger.error("nothing was reloaded: %s", fault)
            return Reloaded(fault=str(fault))
        except Exception as error:  # a fault of ours: whoever is in the chat must not pay for it
            logger.exception("nothing was reloaded: unexpected")
            return Reloaded(fault=f"unexpected: {error}")
        reloaded = Reloaded(
            taken=(*self._changes(settings, is_live=True), *self._renewals(secrets)),
            waiting=self._changes(settings, is_live=False),
        )
        self._take_up(settings, secrets)
        logger.info("settings reloaded: %s", reloaded.summary)
        return reloaded

    async def _read_in_time(self) -> tuple[ServeSettings, Secrets]:
        """Read everything, and leave a thread to itself whose file does not answer. Raises as `_read_all`, SetupError.

        Neither a later reload nor a server that stops waits for such a thread.
        """
        reading = Reading()
        read_all = partial(self._read_all, reading)
        with trio.move_on_after(READ_S):
            return await trio.to_thread.run_sync(read_all, abandon_on_cancel=True, limiter=self._threads)
        raise SetupError(f"{reading.file} did not answer within {READ_S:g} s")

    def _read_all(self, reading: Reading) -> tuple[ServeSettings, Secrets]:
        reading.note("the settings file")
        settings = self._read()
        return settings, read_secrets(settings, reading.note)

    def _changes(self, new: ServeSettings, *, is_live: bool) -> tuple[str, ...]:
        return tuple(
            _line(setting, getattr(self._settings, setting.name), getattr(new, setting.name))
            for setting in settings_of(ServeSettings)
            if setting.is_live is is_live and getattr(self._settings, setting.name) != getattr(new, setting.name)
        )

    def _renewals(self, new: Secrets) -> tuple[str, ...]:
        """What is new in files that are called as before."""
        tls, password = self._context.tls, self._context.password
        renewed = []
        if tls and new.tls and tls.fingerprint != new.tls.fingerprint:
            renewed.append("Reloaded the TLS certificate and its key")
        if password.is_set and new.password.is_set and password != new.password:
            renewed.append("Reloaded the password")
        return tuple(renewed)

    def _take_up(self, new: ServeSettings, secrets: Secrets) -> None:
        live = {setting.name: getattr(new, setting.name) for setting in settings_of(ServeSettings) if setting.is_live}
        self._settings = settings = msgspec.structs.replace(self._settings, **live)
        context = self._context
        if (limits := limits_of(settings)) != context.admission.limits:  # setting them forgets who came how often
            context.admission.limits = limits
        context.chat.rules = rules_of(settings)
        context.pace = RateLimit(settings.rate, settings.burst)
        context.password = secrets.password
        context.tls = secrets.tls
        context.pump.stall_timeout_s = settings.stall_timeout
        self._pruning.keeps = settings.keep
        set_level(settings.log_level)


def _line(setting: Setting, before: object, after: object) -> str:
    if setting.is_live:
        return f"Reloaded {setting.key}: {setting.show(after)} (was {setting.show(before)})"
    return f"{setting.key} needs a restart: still {setting.show(before)}, not {setting.show(after)}"
