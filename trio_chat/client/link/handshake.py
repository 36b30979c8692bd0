"""The client's side of the handshake: the hello, the proof of our name before it, and refusals. Pure."""

from trio_chat.chat.accounts.proof import UNBOUND, Purpose, is_challenge, message_of
from trio_chat.client.link.events import LinkEvent, Refused, Signing
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.membership import Membership
from trio_chat.client.link.request_queue import RequestQueue
from trio_chat.wire import frames

NO_PASSWORD_YET = "a name without a password gets one by /password where you are logged in"

_PROVING = "proving"
"""Key of the request for a challenge before `hello`."""

CANNOT_SIGN = "cannot-sign"
"""Code of a refusal of our own: the key that somebody named does not sign."""

_FINAL_CODES = ("protocol", "password", "banned", "proof", "members", "invite", CANNOT_SIGN)
"""Codes of errors that keep any client out for good."""

_UNSEEN_TLS = "(the server does not see our TLS: behind a proxy, it needs --proxy-cert)"

_NAME_CODES = ("name-claimed", "proof", "members")
"""Codes of errors that a password of the name could help against."""

NICK_TAKEN = "nick-taken"
_NICK_CODES = ("bad-nick", "reserved-nick", "name-claimed", NICK_TAKEN)
"""Codes of errors that keep out a client that needs its nick."""


class ClientHandshake:
    """The beginning of each connection, up to its welcome or to a refusal."""

    def __init__(self, membership: Membership, requests: RequestQueue, identity: Identity) -> None:
        """`membership` has the name that is asked for; requests are put into `requests`."""
        self._membership = membership
        self._requests = requests
        self._sends_plain_password = identity.sends_plain_password
        self._owns_nick = identity.owns_nick
        self.refusal: frames.Error | None = None
        """The last error before the welcome, or the one that refused us, if there was any."""
        self.signing: Signing | None = None
        """The message that is to be signed now: `prove` takes the signature."""
        self.knows_names = True
        """False if the server is one of before there were names."""
        self.refused_names: set[str] = set()
        """Names, folded, for which a log-in by a key was refused."""
        self.is_logging_in = False
        """True from `log_in` to the next welcome or refusal."""
        self._challenge: frames.Challenge | None = None
        self._last_signed: Signing | None = None
        """The last proof by a key in a `hello` of this connection."""
        self._refused_proof: frames.Error | None = None
        self._binding = UNBOUND
        self._is_private = self._can_sign = self._can_ask = False
        self._asked_name = False
        """True if the last `hello` would rather be refused than get another name, so that the person can be asked."""
        self._is_name_optional = False

    @property
    def may_send_password(self) -> bool:
        """True if nobody on the way can read a password, or that does not matter to the person."""
        return self._is_private or self._sends_plain_password

    @property
    def is_refused(self) -> bool:
        """True if the server will not admit us with this identity, though it may still listen."""
        if self.refusal is None:
            return False
        code, membership = self.refusal.code, self._membership
        if code == "name-claimed" and self._can_ask and not membership.has_default_nick:
            return True
        needs_nick = membership.needs_nick or self._asked_name
        return code in _FINAL_CODES or membership.has_invite or (needs_nick and code in _NICK_CODES)

    @property
    def wants_name_password(self) -> bool:
        """True if the server may have refused us because the password of our name is missing."""
        is_name = self.refusal is not None and self.refusal.code in _NAME_CODES
        return is_name and bool(self._membership.wanted_nick) and not self._membership.has_invite

    def prepare(
        self, *, binding: str = UNBOUND, is_private: bool = False, can_sign: bool = False, can_ask: bool = False
    ) -> None:
        """Prepare for a connection. `binding` is the digest of the certificate that the server has shown on it.

        `is_private`: nobody on the way can read it. `can_sign`: a key may prove our name. `can_ask`: there is somebody
        to be asked for the password of the name, so that we would rather be refused first.
        """
        self._binding, self._is_private, self._can_sign, self._can_ask = binding, is_private, can_sign, can_ask

    def start(self) -> frames.Request:
        """Start on a new connection. -> the first request: for a challenge to sign, or to be admitted"""
        self.refusal = self._challenge = self._refused_proof = self.signing = self._last_signed = None
        wanted = self._membership.wanted_nick
        if self._can_sign and wanted and wanted.isprintable():
            return frames.AskChallenge(key=_PROVING)
        return self._hello()

    def log_in(self, name: str, invite: str = "") -> None:
        """Ask for a name on the next connection, by a key; where that is refused, we go on as before."""
        self.is_logging_in = True
        self._membership.try_nick(name, invite)

    def use_name_password(self, password: str) -> None:
        """Prove our name by a password from now on; empty: ask for no name."""
        if password:
            self._membership.name_password = password
        else:
            self._membership.give_up_nick()

    def can_do_without_name(self) -> bool:
        """Tell whether we were refused only because we would rather be asked. Then the next `hello` takes any name."""
        if not self._asked_name or self._membership.needs_nick or self.refusal is None:
            return False
        self._is_name_optional = self.refusal.code in _NICK_CODES and self.refusal.code not in _NAME_CODES
        return self._is_name_optional

    def receive_challenge(self, challenge: frames.Challenge) -> None:
        """Have the challenge before the `hello` signed, once; one that could be a message of another kind is not."""
        if challenge.key != _PROVING or self._challenge is not None:
            return
        message = self.message_for(challenge, self._membership.purpose, self._membership.wanted_nick)
        if message is None:
            self._requests.put(self._hello())
        else:
            self._challenge, self.signing = challenge, Signing(message)

    def message_for(self, challenge: frames.Challenge, purpose: Purpose, name: str) -> bytes | None:
        """Return the message to be signed for a challenge; None where that, or the name, has not the form of ours."""
        if not is_challenge(challenge.epoch, challenge.nonce) or not name.isprintable():
            return None
        return message_of(purpose, epoch=challenge.epoch, nonce=challenge.nonce, name=name, binding=self._binding)

    def prove(self, proof: frames.Proof | None) -> list[LinkEvent]:
        """Take the proof that `signing` asks for; None where there is no other key. -> events to be shown at once"""
        signing, self.signing = self.signing, None
        assert signing is not None
        has_password = bool(self._membership.name_password) and self.may_send_password
        if proof or self._refused_proof is None or has_password:
            self._last_signed = signing if proof else None
            self._requests.put(self._hello(proof))
        elif self.is_logging_in:
            return self._stay_as_before(f"{self._refused_proof.text}: no key here proves it; {NO_PASSWORD_YET}")
        elif self._membership.has_default_nick:
            return self._give_up_default_nick(self._refused_proof)
        else:
            self.refusal = self._refused_proof
        return []

    def cannot_sign(self, reason: str) -> None:
        """Refuse ourselves: there is no signature."""
        self.signing = None
        self.refusal = frames.Error(code=CANNOT_SIGN, text=reason)

    def receive_error(self, error: frames.Error) -> list[LinkEvent] | None:
        """Handle an error before the welcome that is about a challenge or a proof; None for any other."""
        if error.key == _PROVING or (self._can_sign and error.code in ("unknown-type", "hello-first")):
            self._can_sign = self.knows_names = False
            self._requests.put(self._hello())
            return []
        if error.code == "proof" and self._last_signed and self._challenge:
            self._try_next_key(error, self._last_signed, self._challenge)
            return []
        if self.is_logging_in and self._membership.has_invite:
            return self._stay_as_before(error.text)
        if error.code == "name-claimed" and self._membership.drop_default_nick():
            return [Refused(None, error.text)]
        return None

    def _try_next_key(self, error: frames.Error, signed: Signing, challenge: frames.Challenge) -> None:
        self._last_signed, self.signing = None, Signing(signed.message, signed.number + 1)
        sees_tls = challenge.binding or self._binding == UNBOUND
        self._refused_proof = error if sees_tls else frames.Error(code=error.code, text=f"{error.text} {_UNSEEN_TLS}")

    def _hello(self, proof: frames.Proof | None = None) -> frames.Hello:
        """Return the request to be admitted, with a proof, or with the password of the name if we have that."""
        membership = self._membership
        if proof is None and membership.name_password and self.may_send_password:
            proof = frames.Proof(password=membership.name_password)
        is_ours = self._owns_nick and bool(membership.wanted_nick) and not self._is_name_optional
        self._asked_name = self._can_ask and is_ours and proof is None
        return membership.hello(proof, asks_name=self._asked_name)

    def _stay_as_before(self, reason: str) -> list[LinkEvent]:
        """Go on with the name from before a log-in that was refused."""
        self.is_logging_in = False
        self.refused_names.add(self._membership.wanted_nick.casefold())
        self._membership.restore_nick()
        self._requests.put(self._hello())
        return [Refused(None, reason)]

    def _give_up_default_nick(self, error: frames.Error) -> list[LinkEvent]:
        """Join without the nick that nobody asked for, and tell the person whose it is."""
        self._membership.drop_default_nick()
        self._requests.put(self._hello())
        return [Refused(None, error.text)]
