"""The log on stderr, seen from outside."""

import json

HTTP = b"GET /\x1b[2J\xe2\x80\xae HTTP/1.1\r\nHost: x\r\n\r\n"


def test_what_is_said_is_never_logged_and_what_is_logged_is_json(start) -> None:
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
