"""The validity of a certificate and its chain, and the warning about it."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from trio_chat.cli import run
from trio_chat.server.transport.certificate import WARN_BEFORE_S, Validity, validities_of, validity_warning

NOW = datetime.now(UTC).replace(microsecond=0)


def write_certificate(folder: Path, expires: datetime) -> Path:
    file = folder / "server.pem"
    issued = trustme.CA().issue_cert("localhost", not_before=NOW - timedelta(days=900), not_after=expires)
    issued.private_key_and_cert_chain_pem.write_to_path(file)
    return file


@pytest.mark.parametrize("expires", [NOW - timedelta(days=1), NOW + timedelta(days=5), NOW.replace(year=2079, day=1)])
def test_the_end_of_the_first_certificate_is_read(tmp_path: Path, expires: datetime) -> None:
    own, *chain = validities_of(write_certificate(tmp_path, expires).read_bytes())

    assert own == Validity((NOW - timedelta(days=900)).timestamp(), expires.timestamp())
    assert all(validity.begins_at < NOW.timestamp() < validity.ends_at for validity in chain)


@pytest.mark.parametrize("keep", range(0, 700, 7))
def test_a_damaged_certificate_has_no_end_and_is_no_error(tmp_path: Path, keep: int) -> None:
    pem = write_certificate(tmp_path, NOW).read_bytes()
    start = pem.index(b"-----BEGIN CERTIFICATE-----") + 28

    found = validities_of(pem[: start + keep] + b"\n-----END CERTIFICATE-----\n")

    assert [validity.ends_at for validity in found] in ([], [NOW.timestamp()])


@pytest.mark.parametrize(
    ("left_s", "level"),
    [(-1, logging.ERROR), (0, logging.ERROR), (1, logging.WARNING), (WARN_BEFORE_S, logging.WARNING)],
)
def test_an_end_that_is_near_is_said_with_its_date(left_s: float, level: int) -> None:
    found = validity_warning(Path("chat.pem"), [Validity(0.0, 1e9 + left_s)], 1e9)

    assert found
    assert found[0] == level
    assert ("expired on" if left_s <= 0 else "expires on") in found[1]
    assert "2001-09-" in found[1]


def test_an_end_that_is_far_is_not_said() -> None:
    assert validity_warning(Path("chat.pem"), [Validity(0.0, 1e9 + WARN_BEFORE_S + 1)], 1e9) is None


def test_a_beginning_that_is_still_to_come_is_said_with_its_date() -> None:
    found = validity_warning(Path("chat.pem"), [Validity(1e9 + 1, 2e9)], 1e9)

    assert found == (
        logging.ERROR,
        "the TLS certificate chat.pem is not valid before 2001-09-09 01:46 UTC: "
        "clients will refuse it until then; is the clock right?",
    )


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (Validity(0.0, 1e9), "has expired on 2001-09-09 01:46 UTC"),
        (Validity(1e9 + 1, 2e9), "is not valid before 2001-09-09 01:46 UTC"),
    ],
)
def test_a_chain_with_a_certificate_that_is_not_valid_is_said(other: Validity, why: str) -> None:
    good = Validity(0.0, 2e9)

    found = validity_warning(Path("chat.pem"), [good, good, other], 1e9)

    assert found == (logging.WARNING, f"in the chain of chat.pem, a certificate {why}: clients may refuse it")


@pytest.mark.parametrize(
    ("flag", "name"), [("--tls-cert", "TLS certificate"), ("--proxy-cert", "certificate of the proxy")]
)
def test_check_config_says_that_a_certificate_has_expired(
    flag: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_certificate(tmp_path, NOW - timedelta(days=1))

    status = run(["check-config", "--quiet", "--data", str(tmp_path / "data"), flag, str(file)])

    assert status == 0
    assert f"the {name} {file} has expired on" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "rubbish"])
def test_check_config_refuses_a_certificate_of_a_proxy_that_no_server_could_use(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "proxy.pem"
    if content:
        file.write_text(content)

    status = run(["check-config", "--quiet", "--data", str(tmp_path / "data"), "--proxy-cert", str(file)])

    assert status == 1
    assert f"the certificate of the proxy {file}: " in capsys.readouterr().err
