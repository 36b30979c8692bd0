"""A certificate in its file: the digest, the end of its validity, and the warning about that."""

import hashlib
import logging
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

WARN_BEFORE_S = 14 * 86400
"""Warn this long before a certificate ends: those of Let's Encrypt are renewed 30 days before."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME = 0x30, 0xA0, 0x17


def digest_of(pem: bytes) -> str:
    """Return the SHA-256 of the first certificate in DER, 64 hex digits; empty where there is none."""
    found = _PEM.search(pem)
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found.group().decode())).hexdigest() if found else ""
    except ValueError:
        return ""


def fingerprint_of(digest: str) -> str:
    """Return a digest as clients show it: `SHA-256 AB:CD:...`."""
    return f"SHA-256 {bytes.fromhex(digest).hex(':').upper()}"


def expiry_of(pem: bytes) -> float | None:
    """Return the end of the validity of the first certificate, in seconds since 1970; None where it cannot be read."""
    try:
        found = _PEM.search(pem)
        return _not_after(ssl.PEM_cert_to_DER_cert(found.group().decode())) if found else None
    except (ValueError, IndexError, StopIteration):
        return None


def expiry_warning(certificate: Path, expires_at: float | None, now: float) -> tuple[int, str] | None:
    """Return the level and text of the warning about a certificate that has expired or soon will, or None."""
    if expires_at is None or expires_at - now > WARN_BEFORE_S:
        return None
    date = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if expires_at <= now:
        return (
            logging.ERROR,
            f"the TLS certificate {certificate} has expired on {date}: clients will refuse it; renew it",
        )
    return logging.WARNING, f"the TLS certificate {certificate} expires on {date}: renew it"


def _not_after(der: bytes) -> float:
    """Read `Certificate.tbsCertificate.validity.notAfter` (RFC 5280, 4.1)."""
    _, certificate = next(_elements(der))
    _, to_be_signed = next(_elements(certificate))
    fields = _elements(to_be_signed)
    if next(fields)[0] == _VERSION:
        next(fields)  # the serial number, which is first where the version is left out
    next(fields), next(fields)  # the algorithm and the issuer
    kind, validity = next(fields)
    if kind != _SEQUENCE:
        raise ValueError("not the validity of a certificate")
    times = _elements(validity)
    next(times)
    kind, written = next(times)
    text = written.decode("ascii")
    if kind == _UTC_TIME:  # years of two digits: 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the content of each DER element. Raises IndexError where it is cut off."""
    at = 0
    while at < len(data):
        kind, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            more = size & 0x7F
            size = int.from_bytes(data[at : at + more])
            at += more
        yield kind, data[at : at + size]
        at += size
