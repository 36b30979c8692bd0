"""The server's TLS certificate and key."""

import hashlib
import ssl
from pathlib import Path
from typing import NoReturn

from trio_chat.config.bounded_file import read_bounded
from trio_chat.server.errors import SetupError
from trio_chat.server.transport.certificate import digest_of, expiry_of, expiry_warning


class Tls:
    """The server's certificate. `context` is for handshakes; `fingerprint` differs where the files do."""

    def __init__(self, certificate: Path, key: Path | None, *, is_required: bool) -> None:
        """Load both; the key is in the file of the certificate where it has none of its own. Raises SetupError."""
        self._certificate = certificate
        self._key = key or certificate
        self.is_required = is_required
        self.expires_at: float | None = None
        """The end of the certificate's validity, in seconds since 1970."""
        self.certificate_digest = ""
        """The SHA-256 of the certificate in DER, 64 hex digits, to which proofs of names are bound."""
        self.fingerprint = self._read()
        self.context = self._load()

    def expiry_warning(self, now: float) -> tuple[int, str] | None:
        """Return the level and text of a warning where the certificate has expired or soon will. `now`: since 1970."""
        return expiry_warning(self._certificate, self.expires_at, now)

    def _read(self) -> bytes:
        digest = hashlib.sha256()
        for file, what in ((self._certificate, "certificate"), (self._key, "key")):
            try:
                data = read_bounded(file)
            except OSError as error:
                raise SetupError(f"cannot read the TLS {what} {file}: {error.strerror}") from error
            digest.update(data)
            if what == "certificate":
                self.expires_at, self.certificate_digest = expiry_of(data), digest_of(data)
        return digest.digest()

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        # Some builds of Python set this. With it, a connection that was cut off would seem to end properly: see
        # `receivable`.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        try:
            context.load_cert_chain(self._certificate, self._key, _no_passphrase)
        except (OSError, ValueError) as error:  # also where a file is gone since it was read
            raise SetupError(self._explain(error)) from error
        return context

    def _explain(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            why = "they do not belong together"
        elif isinstance(error, ssl.SSLError):
            why = f"expected PEM files, and the chain with the server's own certificate first ({error.reason or error})"
        elif isinstance(error, OSError):
            why = error.strerror or str(error)
        else:
            why = "the key has a passphrase; decrypt it with: openssl pkey"
        return f"cannot use the TLS certificate {self._certificate} with the key {self._key}: {why}"


def _no_passphrase() -> NoReturn:
    raise ValueError("OpenSSL would ask for it on the terminal")
