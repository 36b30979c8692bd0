"""A certificate in its file: the digest, its validity and that of its chain, and the warning about that."""

import hashlib
import logging
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Validity:
    """The time for which a certificate is valid, in seconds since 1970."""

    begins_at: float
    ends_at: float


def validities_of(pem: bytes) -> list[Validity]:
    """Return the validity of each certificate, the server's own first; of none from the first that cannot be read."""
    found: list[Validity] = []
    for certificate in _PEM.findall(pem):
        try:
            found.append(_validity_of(ssl.PEM_cert_to_DER_cert(certificate.decode())))
        except (ValueError, IndexError, StopIteration):
            break
    return found


@dataclass(frozen=True, slots=True)
class ProxyCertificate:
    """The certificate of the proxy that ends TLS: its file, its SHA-256 in DER (64 hex digits), and its validity.

    `validities` are those of the certificate and of its chain.
    """

    file: Path
    digest: str
    validities: tuple[Validity, ...] = ()

    def validity_warning(self, now: float) -> tuple[int, str] | None:
        """Return the level and text of the warning about its dates, or None. `now` is in seconds since 1970."""
        return validity_warning(self.file, self.validities, now, name="certificate of the proxy")


def validity_warning(
    certificate: Path, validities: Sequence[Validity], now: float, *, name: str = "TLS certificate"
) -> tuple[int, str] | None:
    """Return the level and text of the warning about a certificate that clients refuse, or soon will, or None.

    `validities` are those of the certificate and of its chain; `name` is that of the certificate for people.
    """
    if not validities:
        return None
    own = validities[0]
    if own.begins_at > now:
        why = f"is not valid before {_date(own.begins_at)}: clients will refuse it until then; is the clock right?"
        return logging.ERROR, f"the {name} {certificate} {why}"
    if own.ends_at <= now:
        why = f"has expired on {_date(own.ends_at)}: clients will refuse it; renew it"
        return logging.ERROR, f"the {name} {certificate} {why}"
    if outside := [other for other in validities[1:] if not other.begins_at <= now < other.ends_at]:
        is_early = outside[0].begins_at > now
        when = f"is not valid before {_date(outside[0].begins_at)}" if is_early else ""
        when = when or f"has expired on {_date(outside[0].ends_at)}"
        return logging.WARNING, f"in the chain of {certificate}, a certificate {when}: clients may refuse it"
    if own.ends_at - now <= WARN_BEFORE_S:
        return logging.WARNING, f"the {name} {certificate} expires on {_date(own.ends_at)}: renew it"
    return None


def _date(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _validity_of(der: bytes) -> Validity:
    """Read `Certificate.tbsCertificate.validity` (RFC 5280, 4.1)."""
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
    return Validity(_time(*next(times)), _time(*next(times)))


def _time(kind: int, written: bytes) -> float:
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
