"""Names that belong to somebody: claimed, proven, and kept from everybody else at each door of a running server."""

import hashlib
import json
import secrets
import signal
import sqlite3
import ssl
from base64 import b64encode
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.protocol.test_events import follow, read_all
from tests.protocol.test_frames import HELLO, Frames, as_line
from tests.protocol.test_operators import ask

PASSWORD = "correct horse"
SESSION = "s" * 32
OURS = "*** you are [alice®] now: the name is yours ***"
HERE = b"PROXY TCP4 127.0.0.1 192.0.2.1 4711 80\r\n"
ELSEWHERE = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"


class Key:
    """An Ed25519 key, and what it signs: written from docs/protocol.md."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        public = self._private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        self.blob = public.decode().split()[1]

    def proof(self, challenge: dict, *, name: str = "alice", purpose: str = "login", binding: str = "-") -> dict:
        fields = ("trio-chat proof 1", purpose, challenge["epoch"], challenge["nonce"], name, binding)
        digest = hashlib.sha512("\n".join(fields).encode()).digest()
        parts = (b"trio-chat", b"", b"sha512", digest)
        signed = b"SSHSIG" + b"".join(len(part).to_bytes(4) + part for part in parts)
        return {"key": self.blob, "signature": b64encode(self._private.sign(signed)).decode()}


def challenge(client: Frames) -> dict:
    client.send(type="challenge", key="c")
    return client.until("challenge", key="c")


def say_hello(client: Frames, **fields: object) -> dict:
    """Say hello. -> the welcome, or the error in its place"""
    client.send(**HELLO, **fields, key="h")
    while (frame := client.receive()).get("key") != "h":
        pass
    return frame


def first_certificate(pem: str) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return begin + pem.partition(begin)[2].partition(end)[0] + end


def read_up_to(peer, ending: bytes) -> bytes:
    """The bytes up to the ending, which may be no UTF-8."""
    data = b""
    while not data.endswith(ending):
        data += peer.socket.recv(1)
    return data


def claim_by_lines(server, *, name: str = "alice", password: str = PASSWORD, header: bytes = b""):
    """Let somebody with `nc` claim a name. -> the connection"""
    owner = server.connect()
    owner.send(header + f"/nick {name}\n/register {password}\n".encode())
    assert owner.until(" ***")
    while owner.line() != OURS.replace("alice", name):
        pass
    return owner


def claim_by_key(server, key: Key) -> Frames:
    """Let a program claim the name alice by a key. -> the connection, which is still there"""
    owner = Frames.enter(server, nick="alice", session=SESSION)
    owner.send(type="register", proof=key.proof(challenge(owner), purpose="claim"), key="r")
    assert owner.until("named", key="r")["label"] == "alice"
    return owner


def test_a_log_in_renews_the_time_for_which_a_name_is_kept(start) -> None:
    server = start()
    claim_by_lines(server)
    assert server.stop() == 0
    with closing(sqlite3.connect(server.data / "journal.db")) as db, db:
        db.execute("UPDATE account SET seen = since - 86400")
    server = start()

    owner = server.connect(f"/login alice {PASSWORD}\n".encode())
    while owner.line() != OURS:
        pass

    (name,) = ask(server, "GET", "/names")["names"]
    assert name["seen"] >= name["since"]


def test_a_private_message_to_a_member_is_confirmed_with_the_mark(server) -> None:
    claim_by_lines(server)
    bob = server.join()

    bob.send(b"/msg alice psst\n")

    assert bob.until("psst ***")[-1] == "*** to [alice®]: psst ***"


def test_a_name_is_claimed_over_nc_kept_over_kill_9_and_proven_again(start) -> None:
    server = start()
    claim_by_lines(server)
    server.stop(signal.SIGKILL)

    alice = start().join()
    alice.send(f"/nick alice\n/login alice {PASSWORD}\nhello\n/whois alice\n".encode())

    lines = alice.until("proven by password ***")
    assert any("the name [alice] belongs to somebody" in line for line in lines)
    assert OURS in lines
    assert any(line.startswith("*** [alice®]: a name since ") for line in lines)


def test_passwords_that_are_asked_for_are_neither_said_nor_obeyed(server) -> None:
    bob, alice = server.join(), server.join()
    bob.line()

    alice.send(b"/nick alice\nbefore\n/register\n/quit no\n/quit no\nafter\n")

    alice.until("(it is shown as you type): ***")
    while alice.line() != OURS:
        pass
    assert bob.until("after")[-1].endswith("[alice®]> after")
    again = server.join()
    again.send(b"/login alice\nhello all\n/quit no\nin\n")
    lines = again.until(OURS)
    assert any("do not belong together: once more" in line for line in lines)
    heard = [line for line in bob.until("> in") if ">" in line]
    assert [line.rpartition("> ")[2] for line in heard] == ["in"]


def test_two_passwords_that_differ_are_asked_for_again_and_an_empty_line_takes_it_back(server) -> None:
    bob, alice = server.join(), server.join()
    bob.line()

    alice.send(b"/nick alice\n/register\nfirst secret\nother secret\nthird secret\n\nhello\n")

    assert bob.until("hello")[-1].endswith("[alice]> hello")
    lines = alice.until("nothing was changed ***")
    assert any("two passwords" in line for line in lines)


def lines_typed(secret: str) -> list[bytes]:
    """Return lines with a secret in them as a person may type them, each as it reaches the server."""
    commands = [f"/register {secret}", f"/login {{}} {secret}", f"/password {secret}", f"/invite {secret}"]
    before = ["", " ", "\ufeff", "\t", "\x1b[A", "OA\x1b", "\x1b[200~", "x\x7f", "\x00", "\u200b"]
    typed = [f"{key}{command}" for command in commands for key in before]
    typed += [command.replace("/", "\uff0f") for command in commands] + [command.title() for command in commands]
    typed = [line.format(f"name{number}") for number, line in enumerate(typed)]  # one name is slowed down
    asked = [f"/login alice\n{secret}\n", f"/register\n{secret}\n{secret}\n", f"/password\n{secret}\n\n"]
    return [f"{line}\n".encode() for line in typed + asked]


def test_a_secret_is_found_nowhere_whatever_door_it_comes_by(start, tmp_path: Path) -> None:
    server = start("--log-level", "debug")
    claim_by_lines(server, password=secrets.token_hex(8))
    events = follow(server)
    witness = Frames.enter(server, nick="witness", rooms=["lobby"])
    secret = "hidden" + secrets.token_hex(8)

    for typed in lines_typed(secret):
        mallory = server.connect()
        mallory.send(typed + b"quit()\n\n" * 3)
        mallory.rest()
    owner = server.join()
    owner.send(f"/nick carol\n/register {secret}\n/password\n{secret}x\n{secret}x\nquit\n".encode())
    owner.until("your password is set ***")
    program = Frames(server, **HELLO, nick="alice", needs_nick=True, key="h", proof={"password": secret})
    assert program.receive()["code"] == "proof"
    guest = Frames.enter(server, nick="dave", rooms=["lobby"])
    guest.send(type="command", room="lobby", line=f"/login alice {secret}", key="1")
    assert secret not in json.dumps(guest.until("error", key="1"))
    guest.send(type="register", proof={"password": secret}, key="2")
    guest.until("named", key="2")
    guest.send(type="say", room="lobby", text="that was all", key="3")
    heard = []
    while (frame := witness.receive()).get("text") != "that was all":
        heard.append(json.dumps(frame))

    assert server.stop() == 0
    found = [path.name for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert found == []
    assert secret not in "".join(heard)
    assert secret.encode() not in read_all(events)
    assert secret not in "\n".join(server.seen)
    for output in (server.process.stdout, server.process.stderr):
        assert output
        assert secret.encode() not in output.read()


SPELLINGS = ["alice", "ALICE", "\u0430lice", "\uff41lice", "al\u0131ce"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_impostor_gets_the_name_in_no_spelling(server, spelling: str) -> None:
    claim_by_lines(server).close()

    impostor = server.join()
    impostor.send(f"/nick {spelling}\nI am alice\n/who\n".encode())
    program = Frames(server, **HELLO, nick=spelling, needs_nick=True, key="h")
    guest = Frames.enter(server, nick="eve")
    guest.send(type="nick", nick=spelling, key="n")

    while " in #lobby: " not in (line := impostor.line()):
        pass
    assert f"[127.0.0.1:{impostor.port}] (you)" in line
    assert program.receive()["code"] == "name-claimed"
    assert guest.until("error", key="n")["code"] == "name-claimed"


def test_neither_a_hook_nor_the_admin_api_speaks_under_a_claimed_name(server) -> None:
    owner = claim_by_lines(server)

    made = ask(server, "POST", "/hooks", room="lobby", name="Alice")
    said = ask(server, "POST", "/rooms/lobby/entries", text="I am alice", name="alice")
    server.type("say done")

    assert "belongs to somebody" in json.dumps(made)
    assert "belongs to somebody" in json.dumps(said)
    assert not any("I am alice" in line for line in owner.until("done"))


def test_a_stolen_session_of_a_member_is_worth_nothing(server) -> None:
    key = Key()
    owner = claim_by_key(server, key)
    thief = Frames(server, **HELLO, nick="alice", session=SESSION, since={"@": 0, "lobby": 0}, key="h")
    assert thief.receive()["code"] == "proof"
    assert say_hello(thief, session=SESSION, proof={"password": "guessed it"}, nick="alice")["code"] == "proof"
    owner.send(type="say", room="lobby", text="I am still here", key="s")
    assert owner.until("entry", key="s")["account"]

    owner.peer.close()
    back = Frames(server, **HELLO, nick="alice", session=SESSION, key="no")
    assert back.receive()["code"] == "proof"
    welcome = say_hello(back, nick="alice", session=SESSION, proof=key.proof(challenge(back)))
    assert (welcome["type"], welcome["resumed"]) == ("welcome", True)


def test_a_session_of_a_member_that_was_restored_needs_the_proof_too(start) -> None:
    key, server = Key(), start()
    owner = claim_by_key(server, key)
    owner.send(type="say", room="lobby", text="kept", key="s")
    owner.until("entry", key="s")
    server.stop(signal.SIGKILL)

    server = start()
    thief = Frames(server, **HELLO, nick="alice", session=SESSION, key="h")
    assert thief.receive()["code"] == "proof"
    welcome = say_hello(thief, nick="alice", session=SESSION, proof=key.proof(challenge(thief)))

    assert (welcome["type"], welcome["resumed"]) == ("welcome", True)
    assert welcome["you"]["account"]


def test_a_proof_is_good_for_one_connection_name_purpose_and_challenge(server) -> None:
    key = Key()
    claim_by_key(server, key)
    first, second = Frames(server, type="challenge", key="c"), Frames(server, type="challenge", key="c")
    given, other = first.receive(), second.receive()
    assert "binding" not in given

    replayed = key.proof(given)
    refused = [
        say_hello(second, nick="alice", proof=replayed),
        say_hello(second, nick="alice", proof=key.proof(other, purpose="claim")),
        say_hello(second, nick="alice", proof=key.proof(other, name="alic")),
        say_hello(second, nick="alice", proof=Key().proof(other)),
    ]
    challenge(second)
    refused.append(say_hello(second, nick="alice", proof=key.proof(other)))

    assert [it["code"] for it in refused] == ["proof"] * 5
    assert second.peer.rest() == b""
    assert say_hello(first, nick="alice", proof=replayed)["you"]["label"] == "alice"
    assert say_hello(Frames(server, type="challenge"), nick="alice", proof=replayed)["code"] == "proof"


def test_a_relay_in_the_middle_of_tls_is_refused(start, certificate: Path, tmp_path: Path) -> None:
    server = start("--tls-cert", str(certificate))
    key = Key()
    claim_by_key(server, key)
    relay = trustme.CA().issue_cert("localhost").cert_chain_pems[0].bytes().decode()
    seen_by_client = hashlib.sha256(ssl.PEM_cert_to_DER_cert(relay)).hexdigest()

    client = Frames.__new__(Frames)
    client.peer = server.connect_by_tls()
    given = challenge(client)
    real = hashlib.sha256(client.peer.socket.getpeercert(binary_form=True)).hexdigest()

    assert given["binding"] == "tls"
    assert say_hello(client, nick="alice", proof=key.proof(given, binding=seen_by_client))["code"] == "proof"
    assert say_hello(client, nick="alice", proof=key.proof(given))["code"] == "proof"
    assert say_hello(client, nick="alice", proof=key.proof(given, binding=real))["type"] == "welcome"


def test_a_password_in_the_clear_from_elsewhere_is_not_taken(start) -> None:
    server = start("--proxy", "127.0.0.1/32")
    claim_by_lines(server, header=HERE)

    alice = server.connect()
    alice.send(ELSEWHERE + f"/nick eve\n/login alice\n{PASSWORD}\n".encode())
    asked = alice.until("it may be a password ***")
    alice.send(f"/login alice {PASSWORD}\n/register {PASSWORD}\nhi\n".encode())
    told = alice.until("use it any more ***") + alice.until("use it any more ***")

    assert any(line.endswith("use TLS (ncat --ssl HOST PORT), or a key ***") for line in asked)
    assert len(told) == 2
    program = server.connect()
    program.send(ELSEWHERE + as_line({**HELLO, "nick": "alice", "key": "h", "proof": {"password": PASSWORD}}))
    assert json.loads(program.line())["code"] == "not-private"


def test_plain_passwords_can_be_allowed(start) -> None:
    server = start("--proxy", "127.0.0.1/32", "--plain-passwords")
    claim_by_lines(server, header=HERE)

    alice = server.connect()
    alice.send(ELSEWHERE + f"/login alice {PASSWORD}\n".encode())

    while alice.line() != OURS:
        pass


def test_behind_a_proxy_that_ends_tls_proofs_are_bound_to_its_certificate(start, certificate: Path) -> None:
    server = start("--proxy", "127.0.0.1/32", "--proxy-cert", str(certificate))
    bound = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first_certificate(certificate.read_text()))).hexdigest()
    key = Key()
    alice = Frames.__new__(Frames)
    alice.peer = server.connect(ELSEWHERE + as_line({**HELLO, "nick": "alice"}))
    given = challenge(alice)

    alice.send(type="register", proof=key.proof(given, purpose="claim"), key="no")
    alice.send(type="register", proof=key.proof(given, purpose="claim", binding=bound), key="r")

    assert given["binding"] == "tls"
    assert alice.until("error", key="no")["code"] == "proof"
    assert alice.until("named", key="r")["label"] == "alice"


def test_a_telnet_does_not_show_the_password(server) -> None:
    alice = server.join()
    alice.send(b"/nick alice\r\n/register\r\n")
    asked = read_up_to(alice, b"(it may be shown as you type): ***\r\n")
    assert asked.count(b"\xff\xfb\x01") == 1

    alice.send(b"\xff\xfd\x01" + PASSWORD.encode() + b"\r\n" + PASSWORD.encode() + b"\r\n/who\r\nquit()\r\n")

    rest = alice.rest()
    assert rest.count(b"\xff\xfc\x01") == 1
    assert rest.index(b"\xff\xfc\x01") < rest.index("®".encode())


def test_a_chat_for_members_tells_strangers_nothing(start) -> None:
    server = start()
    claim_by_lines(server).send(b"a secret of members\n")
    server.stop()
    server = start("--names", "members")

    stranger = server.connect()
    stranger.send(b"hello\n/who\n/rooms\n/login bob 12345678\n/login alice 12345678\n")
    programs = [
        Frames(server, **HELLO, nick=nick, session=SESSION, since={"lobby": 0}, key="h", **proof)
        for nick in ("alice", "bob")
        for proof in ({}, {"proof": {"password": "12345678"}})
    ]

    told = stranger.rest().decode()
    assert "secret" not in told
    assert "joined" not in told
    assert told.count("do not belong together") == 2
    assert told.count("this chat is for members: /login NAME, or /invite CODE") == 4
    answers = [program.receive() for program in programs]
    assert len({(it["code"], it["text"]) for it in answers}) == 1
    alice = server.connect()
    alice.send(f"/login alice\n{PASSWORD}\nin\n/who\n".encode())
    assert alice.until("(you) ***")[-1] == "*** 1 in #lobby: [alice®] (you) ***"


def test_guests_get_names_of_guests_where_names_are_claimed(start) -> None:
    server = start("--names", "claimed")
    bob, eve = server.join(), server.join()

    bob.send(b"/nick bob\n/register 12345678\n")
    assert "*** you are [guest-bob]: /register makes bob yours ***" in bob.until("the name is yours ***")
    eve.send(b"/nick bob\n/quit\n")
    assert b"the name [bob] belongs to somebody" in eve.rest()
    bob.send(b"/who\n")

    lines = bob.until("(you) ***")
    assert lines[-1] == "*** 1 in #lobby: [bob®] (you) ***"
