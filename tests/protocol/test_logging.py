"""The log on stderr, seen from outside."""

import json
import re
from datetime import UTC, datetime, timedelta

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


def test_an_expired_certificate_is_said_at_the_start_and_is_a_metric(start, tmp_path) -> None:
    file = tmp_path / "expired.pem"
    end = datetime(2020, 1, 2, tzinfo=UTC)
    issued = trustme.CA().issue_cert("localhost", not_before=end - timedelta(days=90), not_after=end)
    issued.private_key_and_cert_chain_pem.write_to_path(file)

    server = start("--tls-cert", str(file))
    metrics = server.http("GET /metrics").decode()
    server.stop()

    (value,) = re.findall(r"^trio_chat_tls_certificate_expires_timestamp_seconds (\S+)$", metrics, re.MULTILINE)
    assert float(value) == end.timestamp()
    assert f"ERROR the TLS certificate {file} has expired on 2020-01-02" in server.process.stderr.read().decode()
