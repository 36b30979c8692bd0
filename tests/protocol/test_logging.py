"""The log on stderr, seen from outside."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

HTTP = b"GET /\x1b[2J\xe2\x80\xae HTTP/1.1\r\nHost: x\r\n\r\n"


def test_messages_are_never_logged_and_records_are_json(start) -> None:
    server = start("--log-format", "json", "--log-level", "debug")
    alice, bob = server.join(), server.join()

    bob.send(b"a secret recipe\n/nick se\x1bcret\n/msg nobody secret\n")
    alice.until("> a secret recipe")
    server.connect(HTTP).rest()
    bob.close()
    alice.until("left the chat ***")
    assert server.stop() == 0

    log = server.process.stderr.read().decode()
    assert any("refused HTTP" in json.loads(line)["message"] for line in log.splitlines())
    assert "secret" not in log


def test_m8_a_log_whose_reader_is_gone_stops_nobody(start) -> None:
    server = start("--log-level", "debug")
    server.process.stderr.close()

    for _ in range(20):
        server.connect(HTTP).rest()

    alice, bob = server.join(), server.join()
    alice.line()
    bob.send(b"still here\n")
    assert alice.line() == f"[127.0.0.1:{bob.port}]> still here"


EXPIRED = datetime(2020, 1, 2, tzinfo=UTC)


@pytest.fixture
def expired(tmp_path: Path) -> Path:
    """Write a certificate that has expired, with its key."""
    file = tmp_path / "expired.pem"
    issued = trustme.CA().issue_cert("localhost", not_before=EXPIRED - timedelta(days=90), not_after=EXPIRED)
    issued.private_key_and_cert_chain_pem.write_to_path(file)
    return file


def test_an_expired_certificate_of_a_proxy_is_said_at_the_start_and_in_the_status(start, expired: Path) -> None:
    server = start("--proxy", "127.0.0.1/32", "--proxy-cert", str(expired))
    status = json.loads(server.http("GET /status").partition(b"\r\n\r\n")[2])
    server.stop()

    said = f"the certificate of the proxy {expired} has expired on 2020-01-02"
    assert [reason.startswith(said) for reason in status["reasons"]] == [True]
    assert f"ERROR {said}" in server.process.stderr.read().decode()


def test_an_expired_certificate_is_said_at_the_start_and_is_a_metric(start, expired: Path) -> None:
    server = start("--tls-cert", str(expired))
    metrics = server.http("GET /metrics").decode()
    server.stop()

    (value,) = re.findall(r"^trio_chat_tls_certificate_expires_timestamp_seconds (\S+)$", metrics, re.MULTILINE)
    assert float(value) == EXPIRED.timestamp()
    assert f"ERROR the TLS certificate {expired} has expired on 2020-01-02" in server.process.stderr.read().decode()
