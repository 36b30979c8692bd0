"""Sessions of browsers: a signed cookie in place of the token. Needs no Quart, which is imported later.

A cookie says until when it is valid, and its signature is made with a key derived from the token. So a new token ends
every session, and a restart ends none. The server remembers only sessions that were signed out, until a restart.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

IDLE_S = 3600
"""A session ends when no request of it has come for so long."""

LIFETIME_S = 12 * 3600
"""The longest that a session lasts from the sign-in on."""

RENEWED_AFTER_S = 300
"""A cookie older than this is replaced by a new one in the answer to the next request."""


ENDED_MAX = 1000
"""Sessions remembered that were signed out; those signed out first are forgotten first."""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A valid session. Times are in seconds since 1970."""

    signed_in_at: int
    seen_at: int
    """The time at which its cookie was made."""
    name: str
    """The name that its operator gave, for the audit log; may be empty."""
    nonce: str
    csrf_token: str = field(repr=False)
    """A secret that a page sends along with each change. Another origin can neither read nor guess it."""

    def needs_renewal(self, now: float) -> bool:
        """Tell whether its cookie should be replaced."""
        return now - self.seen_at >= RENEWED_AFTER_S


class BrowserSessions:
    """Makes and reads the cookies of one token. `now` is in seconds since 1970."""

    def __init__(self, token: str) -> None:
        self._key = _sign(sha256(token.encode(errors="surrogatepass")).digest(), "browser sessions")
        self._ended: dict[str, None] = {}
        self.cookie_name = f"trio-chat-{_sign(self._key, 'name').hex()[:8]}"
        """Differs by token: two servers of one machine share their cookies, and must not sign each other out."""

    def open(self, name: str, now: float) -> str:
        """Make the cookie of a new session."""
        return self._cookie(int(now), int(now), secrets.token_hex(16), name)

    def renew(self, session: BrowserSession, now: float) -> str:
        """Make a new cookie for a session."""
        return self._cookie(session.signed_in_at, int(now), session.nonce, session.name)

    def end(self, session: BrowserSession) -> None:
        """End a session: copies of its cookies are good for nothing more."""
        self._ended[session.nonce] = None
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def read(self, cookie: str, now: float) -> BrowserSession | None:
        """Return the session of a cookie. -> None for one that is over or ended, or was not made with this token"""
        stated, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._signature(stated).encode(), signature.encode(errors="replace")):
            return None
        signed_in_at, seen_at, nonce, name = stated.split(".")
        if nonce in self._ended or now >= min(int(seen_at) + IDLE_S, int(signed_in_at) + LIFETIME_S):
            return None
        csrf_token = _sign(self._key, f"csrf {nonce}").hex()
        return BrowserSession(int(signed_in_at), int(seen_at), bytes.fromhex(name).decode(), nonce, csrf_token)

    def _cookie(self, signed_in_at: int, seen_at: int, nonce: str, name: str) -> str:
        stated = f"{signed_in_at}.{seen_at}.{nonce}.{name.encode().hex()}"
        return f"{stated}.{self._signature(stated)}"

    def _signature(self, stated: str) -> str:
        return _sign(self._key, f"cookie {stated}").hex()


def _sign(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(errors="surrogatepass"), "sha256")
