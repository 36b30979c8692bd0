"""Hostile users of names at a running server: they take no name, no key and no place from others."""

import signal
from pathlib import Path

from tests.protocol.test_frames import Frames
from tests.protocol.test_names import PASSWORD, Key, challenge, say_hello
from tests.protocol.test_operators import ask


def claim(client: Frames, key: Key, name: str) -> dict:
    """Claim a name by a key. -> the answer"""
    client.send(type="register", proof=key.proof(challenge(client), name=name, purpose="claim"), key="r")
    while (frame := client.receive()).get("key") != "r":
        pass
    return frame


def test_a_name_that_a_guest_has_is_not_claimed_by_another_guest(server) -> None:
    bob = Frames.enter(server, nick="bob")
    eve, mallory = Frames.enter(server, nick="guest-bob"), server.join()

    assert claim(eve, Key(), "bob")["code"] == "nick-taken"
    eve.send(type="command", room="lobby", line=f"/register {PASSWORD}", key="c")
    assert eve.until("error", key="c")["code"] == "nick-taken"
    eve.send(type="bye")
    eve.peer.rest()
    mallory.send(f"/nick guest-bob\n/register {PASSWORD}\n".encode())
    mallory.until("somebody else has the name [bob] just now ***")

    assert claim(bob, Key(), "bob")["type"] == "named"


def test_a_guest_who_takes_a_name_while_another_types_the_password_for_it_keeps_it(server) -> None:
    mallory = server.join()
    mallory.send(b"/nick guest-bob\n/register\n")
    mallory.until(" (it is shown as you type): ***")
    bob = Frames.enter(server, nick="bob")

    mallory.send(f"{PASSWORD}\n{PASSWORD}\n".encode())

    mallory.until("somebody else has the name [bob] just now ***")
    bob.send(type="say", room="lobby", text="still me", key="s")
    assert bob.until("entry", key="s")["author"] == "bob"


def test_an_invite_gets_nobody_the_name_that_a_guest_has(server) -> None:
    code = ask(server, "POST", "/invites", uses=2)["code"]
    bob = Frames.enter(server, nick="bob", session="b" * 32)
    key = Key()

    def hello(**fields: object) -> dict:
        client = Frames(server, type="challenge", key="c")
        proof = key.proof(client.until("challenge", key="c"), name="bob", purpose="claim")
        return say_hello(client, nick="bob", invite=code, proof=proof, **fields)

    assert hello()["code"] == "nick-taken"
    mallory = server.join()
    mallory.send(f"/invite {code}\nBOB\n{PASSWORD}\n{PASSWORD}\n".encode())
    mallory.until("somebody else has the name [BOB] just now: once more, or an empty line ***")
    bob.send(type="say", room="lobby", text="still me", key="s")
    assert bob.until("entry", key="s")["author"] == "bob"

    assert hello(session="b" * 32)["you"]["account"]


def test_whoever_adds_the_public_key_of_somebody_uses_none_of_their_names_up(server) -> None:
    key = Key()
    for number in range(5):
        squatter = Frames.enter(server, nick=f"squat{number}")
        assert claim(squatter, Key(), f"squat{number}")["type"] == "named"
        squatter.send(type="command", room="lobby", line=f"/key add ssh-ed25519 {key.blob}", key="k")
        assert squatter.until("output", key="k")["lines"][0].startswith("*** added SHA256:")

    assert claim(Frames.enter(server, nick="victim"), key, "victim")["type"] == "named"


def test_whoever_claims_a_name_and_adds_the_key_of_its_owner_is_told_of_at_a_reload_of_the_file(
    start, tmp_path: Path
) -> None:
    file, key = tmp_path / "names", Key()
    file.write_text("")
    server = start("--names-file", str(file))
    squatter = Frames.enter(server, nick="alice")
    assert claim(squatter, Key(), "alice")["type"] == "named"
    squatter.send(type="command", room="lobby", line=f"/key add ssh-ed25519 {key.blob}", key="k")
    squatter.until("output", key="k")

    file.write_text(f"ssh-ed25519 {key.blob} alice\n")
    server.process.send_signal(signal.SIGHUP)

    server.console("^names-file line 1: alice belongs to somebody: trio-chat names reset alice$")
