"""The certificate that `serve --tls` makes for itself, in a file that only its user can read."""

import os
import secrets
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trio_chat.server.errors import SetupError

FILE_NAME = "tls.pem"

VALID_DAYS = 3652
"""Ten years: clients know the certificate by its fingerprint, so a new one looks like an attack to them."""

BACKDATED = timedelta(days=1)
"""For clients whose clock is slow."""

_COMMON_NAME_MAX = 64
"""Characters of the name of a certificate (RFC 5280, ub-common-name)."""


def own_certificate(data: Path) -> Path:
    """Return the file of the certificate in a data folder, whether it is there or not."""
    return data / FILE_NAME


def open_own_certificate(data: Path) -> Path:
    """Return the file with the server's own certificate and key, which is made where it is missing. Raises SetupError.

    It takes some 0.1 s: `cryptography` is loaded for it.
    """
    file = own_certificate(data)
    try:
        if not os.path.lexists(file):
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_beside(file, _certificate_and_key(host_name()))
    except OSError as error:
        raise SetupError(f"cannot make the TLS certificate {file}: {error.strerror}") from error
    return file


def host_name() -> str:
    """Return the host name of this machine as a certificate can bear it."""
    name = socket.gethostname()
    return name if name.isascii() and 0 < len(name) <= _COMMON_NAME_MAX else "localhost"


def _write_beside(file: Path, data: bytes) -> None:
    """Write a file, atomically: a start that is killed leaves no half of one. Raises OSError."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(draft, file)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def _certificate_and_key(host: str) -> bytes:
    """Make a key and a certificate for a host, signed by itself. -> both in PEM"""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
