"""TLS to a server: by the authorities that the system trusts, by one's own, or by the certificate seen at first."""

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

import trio

from trio_chat.client.link.address import LinkError, TcpAddress, Tell
from trio_chat.client.link.known_servers import VOUCHED, KnownServers

HANDSHAKE_S = 10

_NOBODY_VOUCHES = (18, 19, 20, 21)
"""X509_V_ERR of OpenSSL: self-signed, or signed by somebody who is not known here. What is wrong otherwise, such as a
certificate that is for another name or has expired, is no reason to trust on first use."""

_NO_TLS = ("SSLV3_ALERT_HANDSHAKE_FAILURE", "WRONG_VERSION_NUMBER")
"""What OpenSSL makes of our server without a certificate, and of anything else that is no TLS."""

Stream = trio.SSLStream[trio.SocketStream]


@dataclass(frozen=True, slots=True)
class TlsAddress:
    """Where a server is that is spoken to by TLS alone. With `authority`, a PEM file, nobody else is trusted."""

    place: TcpAddress
    known: KnownServers
    authority: Path | None = None

    def __str__(self) -> str:
        return str(self.place)

    async def connect(self, tell: Tell) -> Stream:
        """Connect and make sure that it is the server. The caller closes the stream. Raises LinkError."""
        try:
            if self.authority:
                return await self._shake_hands(_trusting(self.authority), tell)
            remembered = await trio.to_thread.run_sync(self.known.recall, self.place.host, self.place.port)
        except OSError as error:
            raise LinkError(f"cannot make sure that it is {self}: {error}", is_final=True) from error
        if remembered and remembered != VOUCHED:
            return await self._meet_again(remembered, tell)
        return await self._meet(remembered, tell)

    async def _meet(self, remembered: str, tell: Tell) -> Stream:
        """Connect to a server that an authority vouched for, or that was never met."""
        try:
            stream = await self._shake_hands(_trusting(), tell)
        except LinkError as error:
            if not _is_unknown(error):
                raise
            if remembered:
                raise self._alarm(remembered, "one that nobody vouches for") from error
        else:
            if not remembered:
                await self._remember(VOUCHED, tell)
            return stream
        stream = await self._shake_hands(_trusting_anyone(), tell)
        fingerprint = _fingerprint(stream)
        tell(f"nobody vouches for the certificate of {self}; from now on it must be this one: {fingerprint}")
        await self._remember(fingerprint, tell)
        return stream

    async def _meet_again(self, remembered: str, tell: Tell) -> Stream:
        """Connect to a server of which only the certificate is known. It may have got one from an authority."""
        stream = await self._shake_hands(_trusting_anyone(), tell)
        if (fingerprint := _fingerprint(stream)) == remembered:
            return stream
        await trio.aclose_forcefully(stream)
        try:
            stream = await self._shake_hands(_trusting(), tell)
        except LinkError as error:
            raise self._alarm(remembered, fingerprint) from error
        await self._remember(VOUCHED, tell)
        return stream

    async def _shake_hands(self, context: ssl.SSLContext, tell: Tell) -> Stream:
        """Connect. Raises LinkError, whose cause is that of OpenSSL."""
        socket = await self.place.connect(tell)
        host = self.place.bare_host
        stream = trio.SSLStream(socket, context, server_hostname=host, https_compatible=True)
        try:
            with trio.fail_after(HANDSHAKE_S):
                await stream.do_handshake()
        except BaseException as error:
            await trio.aclose_forcefully(socket)
            if isinstance(error, trio.BrokenResourceError):
                raise self._explain(error.__cause__) from error.__cause__
            if isinstance(error, trio.TooSlowError):
                raise LinkError(f"{self} does not answer to TLS within {HANDSHAKE_S} s") from error
            raise
        return stream

    def _explain(self, cause: BaseException | None) -> LinkError:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return LinkError(f"the certificate of {self} is not trusted: {cause.verify_message}", is_final=True)
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            return LinkError(f"{self} does not speak TLS; without --tls, everyone on the way can read what is said")
        return LinkError(f"TLS with {self} failed: {cause or 'the connection broke'}")

    def _alarm(self, remembered: str, now: str) -> LinkError:
        file = self.known.file_of(self.place.host, self.place.port)
        return LinkError(
            f"THE CERTIFICATE OF {self} HAS CHANGED: somebody may sit in between. It was {remembered}, and is {now}. "
            f"Ask whoever runs the server; if the new one is right, remove {file} and join again",
            is_final=True,
        )

    async def _remember(self, what: str, tell: Tell) -> None:
        try:
            await trio.to_thread.run_sync(self.known.remember, self.place.host, self.place.port, what)
        except OSError as error:
            tell(f"the certificate of {self} cannot be remembered: {error}")


def _trusting(authority: Path | None = None) -> ssl.SSLContext:
    """Trust the system's authorities, or one alone. Raises OSError, of which ssl.SSLError is one."""
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority:
        # From Python 3.13 on the default is to refuse authorities that lack what RFC 5280 asks for, as most of those do
        # that are made by hand with openssl, and to take any certificate of the file for one. Here a user named the
        # file: what it trusts must not hang on the Python.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _trusting_anyone() -> ssl.SSLContext:
    """Whoever uses this compares fingerprints, before anything is said."""
    context = _trusting()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _is_unknown(error: LinkError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in _NOBODY_VOUCHES


def _fingerprint(stream: Stream) -> str:
    certificate = stream.getpeercert(binary_form=True)
    assert isinstance(certificate, bytes), "a handshake of ours brings a certificate"
    return f"SHA-256 {hashlib.sha256(certificate).digest().hex(':').upper()}"
