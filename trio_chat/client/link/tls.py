"""TLS to a server: by the system's authorities, by a given one, or by trust on first use."""

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

import trio

from trio_chat.chat.accounts.proof import UNBOUND
from trio_chat.client.link.address import (
    ALTERNATIVE_TIMEOUT_S,
    LinkError,
    Notify,
    TcpAddress,
    is_loopback,
    reason_of,
)
from trio_chat.client.link.first_bytes import FirstBytes
from trio_chat.client.link.greeting import is_plain_chat, refusal_in
from trio_chat.client.link.known_servers import SIGNED_BY_AUTHORITY, KnownServers, fingerprint_of

HANDSHAKE_TIMEOUT_S = 10

_UNKNOWN_ISSUER_CODES = (18, 19, 20, 21)
"""X509_V_ERR of OpenSSL: self-signed, or signed by an unknown authority. Other faults, such as another name or an
expired certificate, are no reason to trust on first use."""

_NO_TLS_REASONS = ("SSLV3_ALERT_HANDSHAKE_FAILURE", "WRONG_VERSION_NUMBER", "HTTP_REQUEST")
"""Reasons that OpenSSL gives for anything that is not TLS: our server without a certificate, or with one, where it had
greeted us as a plain client before our hello came."""

TlsStream = trio.SSLStream[FirstBytes]


@dataclass(frozen=True, slots=True)
class TlsAddress:
    """The address of a server with TLS. With `ca_file`, a PEM file, no other authority is trusted.

    `invited` is the fingerprint that an invite names, or "": a server that is not known yet must have it.
    """

    tcp: TcpAddress
    known_servers: KnownServers
    ca_file: Path | None = None
    invited: str = ""

    def __str__(self) -> str:
        return str(self.tcp)

    @property
    def has_alternative(self) -> bool:
        """True if the host has another address than the one connected to last, and that is not known to be mute."""
        return self.tcp.has_alternative

    def avoid(self) -> bool:
        """Avoid the address connected to last, which is mute. -> False if all are: then none is avoided any more"""
        return self.tcp.avoid()

    async def connect(self, notify: Notify) -> TlsStream:
        """Connect, and authenticate the server. The caller closes the stream. Raises LinkError."""
        if self.ca_file:
            return await self._handshake(_context_for(self.ca_file))
        try:
            known = await trio.to_thread.run_sync(self.known_servers.load, self.tcp.host, self.tcp.port)
        except OSError as error:
            file = self.known_servers.file_of(self.tcp.host, self.tcp.port)
            why = f"{file} cannot be read: {reason_of(error)}"
            raise LinkError(f"cannot verify that it is {self}: {why}", is_final=True) from error
        if known and known != SIGNED_BY_AUTHORITY:
            return await self._connect_pinned(known, notify)
        if self.invited and not known:
            return await self._connect_invited(notify)
        return await self._connect_unpinned(known, notify)

    async def _connect_invited(self, notify: Notify) -> TlsStream:
        """Connect to a server that only an invite has named so far. It is remembered once it is the right one."""
        stream = await self._handshake(_context_without_verification())
        if (fingerprint := _fingerprint(stream)) != self.invited:
            await trio.aclose_forcefully(stream)
            raise LinkError(
                f"{self} IS NOT THE SERVER OF THE INVITE, or the line was changed on its way: it names the certificate "
                f"{self.invited}, and this one is {fingerprint}. Nothing was sent; ask for the line again",
                is_final=True,
            )
        await self._save(fingerprint, notify)
        return stream

    async def _connect_unpinned(self, known: str, notify: Notify) -> TlsStream:
        """Connect to a server with a certificate from an authority, or to one that is not known yet."""
        try:
            stream = await self._handshake(_context())
        except LinkError as error:
            if not _is_unknown_issuer(error):
                raise
            if known:
                raise self._certificate_changed(known, "one that no known authority has signed") from error
        else:
            if not known:
                await self._save(SIGNED_BY_AUTHORITY, notify)
            return stream
        stream = await self._handshake(_context_without_verification())
        fingerprint = _fingerprint(stream)
        notify(
            f"no known authority has signed the certificate of {self}; "
            f"from now on only this one is accepted: {fingerprint}"
        )
        await self._save(fingerprint, notify)
        return stream

    async def _connect_pinned(self, known: str, notify: Notify) -> TlsStream:
        """Connect to a server whose fingerprint is known. It may have a certificate from an authority by now."""
        stream = await self._handshake(_context_without_verification())
        if (fingerprint := _fingerprint(stream)) == known:
            return stream
        await trio.aclose_forcefully(stream)
        try:
            stream = await self._handshake(_context())
        except LinkError as error:
            raise self._certificate_changed(known, fingerprint) from error
        await self._save(SIGNED_BY_AUTHORITY, notify)
        return stream

    async def _handshake(self, context: ssl.SSLContext) -> TlsStream:
        """Connect, and once more if there was no TLS: the hello may have been late. Raises LinkError."""
        try:
            return await self._try_handshake(context)
        except LinkError as error:
            if not _is_plain(error.__cause__):
                raise
        return await self._try_handshake(context)

    async def _try_handshake(self, context: ssl.SSLContext) -> TlsStream:
        """Connect. Raises LinkError, whose cause is that of OpenSSL."""
        socket = FirstBytes(await self.tcp.open())
        host = self.tcp.bare_host
        timeout_s = ALTERNATIVE_TIMEOUT_S if self.has_alternative else HANDSHAKE_TIMEOUT_S
        stream = trio.SSLStream(socket, context, server_hostname=host, https_compatible=True)
        try:
            with trio.fail_after(timeout_s):
                await stream.do_handshake()
        except BaseException as error:
            await trio.aclose_forcefully(socket)
            if isinstance(error, trio.BrokenResourceError):
                raise self._explain(error.__cause__, socket.received) from error.__cause__
            if isinstance(error, trio.TooSlowError):
                raise LinkError(f"{self} does not answer to TLS within {timeout_s} s", is_mute=True) from error
            raise
        socket.forget()
        return stream

    def _explain(self, cause: BaseException | None, received: bytes) -> LinkError:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return LinkError(f"the certificate of {self} is not trusted: {cause.verify_message}", is_final=True)
        if _is_plain(cause):
            refusal = refusal_in(received)
            if refusal and "TLS only" not in refusal:
                return LinkError(f"the server refuses: {refusal}")
            if is_plain_chat(received):
                return LinkError(
                    f"{self} took us for a client without TLS: our hello came too late; is the network slow?"
                )
            return LinkError(f"{self} does not speak TLS; with --no-tls, everyone on the way can read the chat")
        return LinkError(f"TLS with {self} failed: {cause or 'the connection broke'}")

    def _certificate_changed(self, known: str, now: str) -> LinkError:
        file = self.known_servers.file_of(self.tcp.host, self.tcp.port)
        return LinkError(
            f"THE CERTIFICATE OF {self} HAS CHANGED: somebody may be intercepting the connection. "
            f"It was {known}, and is {now}. "
            f"Ask whoever runs the server; if the new one is right, remove {file} and join again",
            is_final=True,
        )

    async def _save(self, fingerprint: str, notify: Notify) -> None:
        try:
            await trio.to_thread.run_sync(self.known_servers.save, self.tcp.host, self.tcp.port, fingerprint)
        except OSError as error:
            notify(f"the certificate of {self} cannot be remembered: {error}")


def _context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Make a context that trusts the system's authorities, or those of one file. Raises OSError, ssl.SSLError too."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        # From Python 3.13 on the default is to refuse authorities that lack what RFC 5280 asks for, as most of those do
        # that are made by hand with openssl, and to take any certificate of the file for one. Here a user named the
        # file: what it trusts must not depend on the version of Python.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _context_for(ca_file: Path) -> ssl.SSLContext:
    """Make a context that trusts the authorities of one file. Raises LinkError."""
    try:
        return _context(ca_file)
    except OSError as error:
        # OpenSSL calls a file without certificates [X509: NO_CERTIFICATE_OR_CRL_FOUND].
        why = "it has no certificate in PEM" if isinstance(error, ssl.SSLError) else reason_of(error)
        raise LinkError(f"cannot use the certificates of --tls-ca {ca_file}: {why}", is_final=True) from error


def _context_without_verification() -> ssl.SSLContext:
    """Make a context that accepts any certificate: the caller compares fingerprints before anything is sent."""
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _is_plain(cause: BaseException | None) -> bool:
    """Tell whether a handshake failed because the server answered without TLS."""
    return isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS_REASONS


def _is_unknown_issuer(error: LinkError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in _UNKNOWN_ISSUER_CODES


def _fingerprint(stream: TlsStream) -> str:
    return fingerprint_of(_digest(stream))


def _digest(stream: TlsStream) -> str:
    certificate = stream.getpeercert(binary_form=True)
    assert isinstance(certificate, bytes), "a handshake of ours brings a certificate"
    return hashlib.sha256(certificate).hexdigest()


def binding_of(stream: trio.abc.Stream) -> str:
    """Return the digest of the certificate that a server has shown on a connection, 64 hex digits; or UNBOUND."""
    return _digest(stream) if isinstance(stream, trio.SSLStream) else UNBOUND


def is_private(stream: trio.abc.Stream) -> bool:
    """Tell whether nobody on the way can read a connection: it is encrypted, or stays on this machine."""
    if isinstance(stream, trio.SSLStream):
        return True
    return isinstance(stream, trio.SocketStream) and is_loopback(str(stream.socket.getpeername()[0]))
