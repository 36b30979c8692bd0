"""The server's TLS certificate and key."""

import codecs
import hashlib
import ssl
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from trio_chat.config.bounded_file import read_bounded
from trio_chat.server.errors import SetupError
from trio_chat.server.transport.certificate import Validity, digest_of, validities_of, validity_warning

_NO_PAIR = frozenset(("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"))
"""Reasons of OpenSSL for a key that is not that of the certificate; the last is for one of another kind."""


class Tls:
    """The server's certificate. `context` is for handshakes; `fingerprint` differs where the files do."""

    def __init__(self, certificate: Path, key: Path | None, *, is_required: bool) -> None:
        """Load both; the key is in the file of the certificate where it has none of its own. Raises SetupError."""
        self._certificate = certificate
        self._key = key or certificate
        self.is_required = is_required
        self._validities: list[Validity] = []
        self.certificate_digest = ""
        """The SHA-256 of the certificate in DER, 64 hex digits, to which proofs of names are bound."""
        self.fingerprint = self._read()
        self.context = self._load()

    @property
    def expires_at(self) -> float | None:
        """The end of the certificate's validity, in seconds since 1970."""
        return self._validities[0].ends_at if self._validities else None

    def validity_warning(self, now: float) -> tuple[int, str] | None:
        """Return the level and text of a warning where clients refuse the certificate by its dates, or soon will.

        `now`: in seconds since 1970.
        """
        return validity_warning(self._certificate, self._validities, now)

    def _read(self) -> bytes:
        digest = hashlib.sha256()
        for file, what in ((self._certificate, "certificate"), (self._key, "key")):
            try:
                data = read_bounded(file)
            except OSError as error:
                raise SetupError(f"cannot read the TLS {what} {file}: {error.strerror}") from error
            digest.update(data)
            if what == "certificate":
                self._validities, self.certificate_digest = validities_of(data), digest_of(data)
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
        reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
        if wrong := isinstance(error, ssl.SSLError) and self._wrong_content():
            why = wrong
        elif reason in _NO_PAIR:
            why = "they do not belong together"
        elif reason.endswith(("_TOO_SMALL", "_TOO_WEAK")):
            why = f"it is too weak, with a key of fewer than 2048 bits or an old digest ({reason})"
        elif isinstance(error, ssl.SSLError):
            why = f"expected PEM files, and the chain with the server's own certificate first ({reason or error})"
        elif isinstance(error, OSError):
            why = error.strerror or str(error)
        else:
            why = "the key has a passphrase; decrypt it with: openssl pkey"
        return f"cannot use the TLS certificate {self._certificate} with the key {self._key}: {why}"

    def _wrong_content(self) -> str:
        """Return the reason why one of the files cannot be what it is given as, or an empty string."""
        for file, mark, what, flag in (
            (self._certificate, b"CERTIFICATE-----", "certificate", "--tls-cert"),
            (self._key, b"PRIVATE KEY-----", "private key", "--tls-key"),
        ):
            with suppress(OSError):
                data = read_bounded(file)
                if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    return f"expected PEM files, and {file} is in UTF-16: save it as UTF-8"
                if mark not in data:
                    form = "; it is in DER or PKCS #12, not PEM: convert it with openssl" if data[:1] == b"0" else ""
                    return f"expected PEM files, and there is no {what} in {file}, given by {flag}{form}"
        return ""


def _no_passphrase() -> NoReturn:
    raise ValueError("OpenSSL would ask for it on the terminal")
