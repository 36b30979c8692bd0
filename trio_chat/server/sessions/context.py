"""The context that all sessions of a server share."""

from dataclasses import dataclass, field

from trio_chat.chat.accounts.accounts import Accounts
from trio_chat.chat.chat import Chat
from trio_chat.journal import Journal
from trio_chat.server.delivery.liveness import Heartbeats
from trio_chat.server.delivery.pump import Pump
from trio_chat.server.operation.secret_files import Password
from trio_chat.server.sessions.allowances import Allowances
from trio_chat.server.sessions.searches import Searches
from trio_chat.server.sessions.throttle import Overdrafts, RateLimit
from trio_chat.server.sessions.turnstile import Turnstile
from trio_chat.server.transport.admission import Admission
from trio_chat.server.transport.certificate import ProxyCertificate
from trio_chat.server.transport.tls import Tls
from trio_chat.server.upkeep.memory_keeping import MemoryKeeping
from trio_chat.stickers.shared_catalogue import SharedCatalogue


@dataclass(slots=True)
class SessionContext:
    """The parts of the server that its sessions work with.

    `rate_limit`, `password`, `tls` and what is below it can be changed at any time: the first takes effect for everyone
    at once, the others for later connections.
    """

    chat: Chat
    journal: Journal
    pump: Pump
    heartbeats: Heartbeats
    admission: Admission
    rate_limit: RateLimit
    password: Password
    searches: Searches
    turnstile: Turnstile
    accounts: Accounts
    memories: MemoryKeeping
    tls: Tls | None = None
    plain_passwords: bool = False
    """True if passwords of names are taken over connections without TLS from other machines, too."""
    proxy_certificate: ProxyCertificate | None = None
    """The certificate of the proxy that ends TLS."""
    stickers: SharedCatalogue = field(default_factory=SharedCatalogue)
    """The stickers that the server shares."""
    overdrafts: Overdrafts = field(default_factory=Overdrafts)
    allowances: Allowances = field(default_factory=Allowances)
    arriving: dict[str, object] = field(default_factory=dict)
    """The newest connection of each session that may have to be taken over from another server first."""

    @property
    def proxy_binding(self) -> str:
        """The SHA-256 of the certificate of the proxy that ends TLS, 64 hex digits, "" for none."""
        return self.proxy_certificate.digest if self.proxy_certificate else ""

    def certificate_warnings(self, now: float) -> list[tuple[int, str]]:
        """Return level and text of each warning about the dates of a certificate. `now` is in seconds since 1970."""
        certificates = (self.tls, self.proxy_certificate)
        return [warning for it in certificates if it and (warning := it.validity_warning(now))]
