"""Actions of operators on a running server, and their effect after a restart."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from tests.conftest import PATIENCE_S
from trio_chat.chat.wording import IN_LOBBY_ALREADY

SERVE = [sys.executable, "-m", "trio_chat", "serve", "--port", "0", "--admin-port", "0"]


def test_a_ban_holds_after_a_restart_and_so_does_the_audit(start) -> None:
    server = start()
    alice = server.join()
    server.type("ban 127.0.0.1 rude")
    server.console(r"^Banned 127\.0\.0\.1; 1 kicked$")
    assert b"*** you are banned: rude ***" in alice.rest()
    assert server.stop() == 0

    server = start()
    outcast = server.connect()

    assert outcast.rest() == b"*** you are banned: rude ***\n"
    server.type("audit")
    server.console(r"UTC  console  ban  127\.0\.0\.1 \(1 kicked\): rude$")
    server.type("unban 127.0.0.1")
    server.console(r"^Unbanned 127\.0\.0\.1$")
    server.join()


@pytest.mark.parametrize("host", ["0.0.0.0", "*"])
def test_a6_an_admin_api_that_others_reach_is_not_served_without_a_word_on_who_may_ask(
    tmp_path: Path, host: str
) -> None:
    done = subprocess.run([*SERVE, "--admin-host", host, "--data", tmp_path], capture_output=True, text=True)

    shown = "0.0.0.0" if host != "*" else r"(0\.0\.0\.0|::)"
    expected = rf"trio-chat: anyone who can reach {shown} could use the admin API: .*--admin-token-file.*--admin-open\n"
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(expected, done.stderr)


@pytest.mark.parametrize("flag", ["--admin-open", "--admin-allow=127.0.0.0/8", "--admin-token-file={}/token"])
def test_a_word_is_enough(start, tmp_path: Path, flag: str) -> None:
    server = start("--admin-host", "127.0.0.1", flag.format(tmp_path))

    assert server.http("GET /health").startswith(b"HTTP/1.1 401" if "token" in flag else b"HTTP/1.1 200")


def test_a_token_is_made_once_shown_once_and_known_to_health_and_curl(start, tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "token"
    server = start("--admin-token-file", str(file))
    token = server.console(rf"^Admin token, stored in {re.escape(str(file))}: (\S{{32}})$").group(1)
    health = [sys.executable, "-m", "trio_chat", "health", "--admin-port", str(server.admin_port)]
    url = f"http://localhost:{server.admin_port}/clients"

    assert file.stat().st_mode & 0o777 == 0o600
    assert subprocess.run(health, capture_output=True).returncode == 1
    assert subprocess.run([*health, "--admin-token-file", file], capture_output=True).returncode == 0
    assert b'"clients": []' in subprocess.check_output(["curl", "-s", "-u", f":{token}", url])
    assert b'"status": 401' in subprocess.check_output(["curl", "-s", url])
    assert server.stop() == 0

    server = start("--admin-token-file", str(file))

    assert server.http(f"GET /health HTTP/1.0\r\nAuthorization: Bearer {token}\r\nX:").startswith(b"HTTP/1.1 200")
    assert server.stop() == 0
    assert token not in server.process.communicate()[0].decode()


def test_the_admin_api_has_the_certificate_of_the_chat_also_when_it_is_renewed(start, tmp_path: Path) -> None:
    authority, file, trusted = trustme.CA(), tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(file)
    server = start("--admin-tls", "--tls-cert", str(file))
    url = f"https://localhost:{server.admin_port}/health"
    curl = ["curl", "-sS", "--cacert", trusted, url]
    health = [sys.executable, "-m", "trio_chat", "health", "--admin-tls", "--admin-port", str(server.admin_port)]

    assert b'"status": "ok"' in subprocess.check_output(curl)
    assert subprocess.run(health, capture_output=True).returncode == 0
    other = trustme.CA()
    other.cert_pem.write_to_path(trusted)
    other.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(file)
    server.type("reload")
    server.console("^Reloaded the TLS certificate")
    assert b'"status": "ok"' in subprocess.check_output(curl)
    assert server.stop() == 0


def test_tls_without_a_certificate_is_refused(tmp_path: Path) -> None:
    done = subprocess.run([*SERVE, "--admin-tls", "--data", tmp_path], capture_output=True, text=True)

    expected = (
        "trio-chat: TLS for the admin API needs a certificate: give one with --tls-cert, or have one made with --tls\n"
    )
    assert (done.returncode, done.stderr) == (1, expected)


@pytest.mark.parametrize("way", ["lines", "frames", "tls"])
def test_a_client_banned_while_connected_is_told_why_and_until_when(start, certificate, way: str) -> None:
    server = start("--tls-cert", str(certificate), "--tls-key", str(certificate))
    if way == "frames":
        client = server.connect(b'{"type":"hello","protocol":1}\n')
        assert '"welcome"' in client.line()
    elif way == "tls":
        client = server.connect()
        client.begin_tls()
        client.socket.do_handshake()
        server.console(rf"^Client \[.*, {client.port}\] connected$")
    else:
        client = server.join()

    server.type("ban 127.0.0.1 90 too much spam")
    server.console(r"^Banned 127\.0\.0\.1 until .*; 1 kicked$")

    last = client.rest().decode().splitlines()[-1]
    told = json.loads(last) if way == "frames" else {"type": "bye", "reason": "kicked", "text": last.strip("* ")}
    assert (told["type"], told["reason"]) == ("bye", "kicked")
    assert re.fullmatch(r"you are banned until \d{4}-\d\d-\d\d \d\d:\d\d UTC: too much spam", told["text"])


def ask(server, method: str, path: str, **body: object) -> dict:
    """Ask the admin API. -> the JSON of the answer"""
    data = json.dumps(body)
    head = f"{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.admin_port), PATIENCE_S) as sock:
        sock.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n{data}".encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def say_hello(client) -> str:
    """Say something in frames. -> the type of the answer, or the text of an error"""
    key = f"key-{client.port}"  # a key of its own, or what was kept under it before would be acknowledged
    client.send(b'{"type":"say","room":"lobby","text":"let me in","key":"%s"}\n' % key.encode())
    while (frame := json.loads(client.line())).get("key") != key:
        pass
    return frame.get("text") if frame["type"] == "error" else frame["type"]


def test_a_mute_holds_over_reconnect_rename_and_restart(start) -> None:
    server = start()
    hello = b'{"type":"hello","protocol":1,"nick":"%s","rooms":["lobby"],"session":"%s"}\n'
    alice = server.connect(hello % (b"alice", b"a" * 20), source=("127.0.0.2", 0))
    assert say_hello(alice) == "entry"

    made = ask(server, "POST", "/mutes", who="alice", reason="spam", minutes=30)["mute"]
    why = f"you are muted until {made['until'][:10]} {made['until'][11:16]} UTC: spam"
    alice.send(b'{"type":"nick","nick":"mallory","key":"n"}\n')
    while (refused := json.loads(alice.line())).get("key") != "n":
        pass

    def is_muted(server) -> None:
        again = server.connect(hello % (b"alice", b"a" * 20), source=("127.0.0.4", 0))
        assert say_hello(again) == why
        other = server.connect(hello % (b"somebody", b"b" * 20), source=("127.0.0.2", 0))
        assert say_hello(other) == why
        lines = b"/nick carol\nhi\n/me waves\n/msg alice psst\n/topic mine\n/leave\n"
        plain = server.connect(lines, source=("127.0.0.2", 0))
        told = [row for row in iter(plain.line, f"*** {IN_LOBBY_ALREADY} ***") if "muted" in row]
        assert told == [f"*** {why} ***"] * 4
        for peer in (again, other, plain):
            peer.close()

    assert (refused["code"], refused["text"]) == ("muted", why)
    is_muted(server)
    assert server.stop() == 0
    server = start()
    is_muted(server)
    dave = server.connect(b"/nick dave\n", source=("127.0.0.3", 0))
    assert "*** you are [dave] now ***" in dave.until("now ***")
    dave.send(b"/history\nhello\n")
    assert not [row for row in dave.until("[alice]> let me in") if "waves" in row or "psst" in row]

    assert ask(server, "DELETE", "/mutes/alice")["mute"]["id"] == made["id"]
    assert say_hello(server.connect(hello % (b"alice", b"a" * 20), source=("127.0.0.2", 0))) == "entry"


def test_an_announcement_to_some_is_theirs_alone_and_they_find_it_again(start) -> None:
    server = start()
    hello = b'{"type":"hello","protocol":1,"nick":"alice","rooms":["lobby"],"session":"aaaaaaaaaaaaaaaaaaaa"%s}\n'
    alice, bob = server.connect(hello % b""), server.join()
    welcome = json.loads(next(line for line in iter(alice.line, "") if '"welcome"' in line))
    plain = server.join()

    only_alice = ask(server, "POST", "/announcements", text="for alice", filter={"nick": "ali"})
    only_lines = ask(server, "POST", "/announcements", text="for nc", filter={"mode": "lines"})
    everybody = ask(server, "POST", "/announcements", text="for all")
    heard = [json.loads(line) for line in alice.until('"for all"}')]
    told = [frame for frame in heard if frame["type"] == "entry" and frame["kind"] == "announced"]

    assert [one["count"] for one in (only_alice, only_lines, everybody)] == [1, 2, 3]
    assert [(one["room"], one["author"], one["text"]) for one in told] == [
        ("@", "server", "for alice"),
        ("lobby", "server", "for all"),
    ]
    for peer in (bob, plain):
        assert [row for row in peer.until("for all") if "server" in row] == ["[server]> for nc", "[server]> for all"]
    alice.close()
    server.console("disconnected")
    since = b',"since":{"@":%d,"lobby":%d},"epoch":"%s"' % (told[0]["id"] - 1, told[1]["id"], welcome["epoch"].encode())
    again = server.connect(hello % since)
    assert next(line for line in iter(again.line, "") if "for alice" in line)


def test_texts_of_one_paste_are_refused_once(server) -> None:
    bob = server.connect(b"/who\n", source=("127.0.0.5", 0))
    bob.until("(you) ***")
    ask(server, "POST", "/mutes", who="127.0.0.5", reason="spam")

    bob.send(b"one\ntwo\n/me three\nfour\n/who\n")

    *refusals, _who = bob.until("(you) ***")
    assert len([row for row in refusals if "muted" in row]) == 3, refusals
