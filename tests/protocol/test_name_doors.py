"""Names at the doors of TLS and of the operator: proven by a password, handed out, and taken away."""

import signal
from pathlib import Path

from tests.protocol.conftest import Peer, Server
from tests.protocol.test_frames import HELLO, Frames
from tests.protocol.test_names import ELSEWHERE, HERE, OURS, PASSWORD, Key, claim_by_lines, read_up_to, say_hello
from tests.protocol.test_operators import ask

ECHO_OFF, ECHO_ON = b"\xff\xfb\x01", b"\xff\xfc\x01"


def connect_by_tls_from_elsewhere(server: Server) -> Peer:
    """Connect by TLS through a proxy, for somebody at another machine."""
    peer = server.connect(ELSEWHERE)
    peer.begin_tls().do_handshake()
    return peer


def test_a_password_is_asked_for_over_tls_from_anywhere(start, certificate: Path) -> None:
    server = start("--tls-cert", str(certificate), "--proxy", "127.0.0.1/32")
    owner = claim_by_lines(server, header=HERE)

    alice = connect_by_tls_from_elsewhere(server)
    alice.send(b"/login alice\n")
    asked = alice.until(" ***")
    while "password for [alice]" not in asked[-1]:
        asked += alice.until(" ***")
    alice.send(f"{PASSWORD}\nit is me\n".encode())

    assert asked[-1] == "*** password for [alice] (it is shown as you type): ***"
    alice.until(OURS)
    heard = owner.until("it is me")
    assert heard[-1] == "[alice®]> it is me"
    assert not any(PASSWORD in line for line in heard)


def test_a_telnet_over_tls_does_not_show_the_password(start, certificate: Path) -> None:
    server = start("--tls-cert", str(certificate), "--proxy", "127.0.0.1/32")
    claim_by_lines(server, header=HERE)

    alice = connect_by_tls_from_elsewhere(server)
    alice.send(b"/login alice\r\n")
    asked = read_up_to(alice, b"(it may be shown as you type): ***\r\n")
    alice.send(b"\xff\xfd\x01" + PASSWORD.encode() + b"\r\n/quit\r\n")
    rest = alice.rest()

    assert asked.count(ECHO_OFF) == 1
    assert rest.count(ECHO_ON) == 1
    assert rest.index(ECHO_ON) < rest.index("®".encode())
    assert PASSWORD.encode() not in asked + rest


def test_a_chat_for_members_asks_for_the_password_over_tls(start, certificate: Path) -> None:
    server = start()
    claim_by_lines(server)
    assert server.stop() == 0
    server = start("--names", "members", "--tls-cert", str(certificate), "--proxy", "127.0.0.1/32")

    alice = connect_by_tls_from_elsewhere(server)
    alice.send(f"/login alice\n{PASSWORD}\n/who\n".encode())

    assert alice.until("(you) ***")[-1] == "*** 1 in #lobby: [alice®] (you) ***"


def test_a_key_taken_out_of_the_file_of_names_ends_its_connections_at_a_reload(start, tmp_path: Path) -> None:
    file, keys = tmp_path / "names", {"alice": Key(), "bob": Key()}
    lines = {name: f"ssh-ed25519 {key.blob} {name}\n" for name, key in keys.items()}
    file.write_text("".join(lines.values()))
    server = start("--names-file", str(file))
    alice, bob = ({name: Frames(server, type="challenge", key="c") for name in keys}).values()
    for name, client in (("alice", alice), ("bob", bob)):
        proof = keys[name].proof(client.until("challenge", key="c"), name=name)
        assert say_hello(client, nick=name, rooms=["lobby"], proof=proof)["you"]["account"]

    file.write_text(lines["bob"])
    server.process.send_signal(signal.SIGHUP)

    server.console("^Reloaded the file of names$")
    alice.peer.rest()
    bob.send(type="say", room="lobby", text="still here", key="s")
    assert bob.until("entry", key="s")["text"] == "still here"
    again = Frames(server, type="challenge", key="c")
    refused = say_hello(again, nick="alice", proof=keys["alice"].proof(again.until("challenge", key="c")))
    assert refused["code"] == "proof"


def test_a_name_that_is_handed_out_is_taken_from_the_guest_who_has_it(server) -> None:
    guest, bob = Frames.enter(server, nick="alice", rooms=["lobby"]), server.join()

    ask(server, "POST", "/names", name="alice", key=f"ssh-ed25519 {Key().blob}")

    assert b"belongs to somebody" in guest.peer.rest()
    back = Frames(server, **HELLO, nick="alice", needs_nick=True, key="h")
    assert back.receive()["code"] == "name-claimed"
    bob.until("[alice] left the chat ***")
