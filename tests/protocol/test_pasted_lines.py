"""Pastes over `nc`: tabs and blank lines are there for everyone, each line with its author."""

import json
import subprocess

from tests.protocol.conftest import Peer

CODE = b"def f():\n\treturn 1\n\n\ndef g():\n\tx\ty\t# z\n"
SEEN = ["def f():", "        return 1", "", "", "def g():", "        x       y       # z"]


def lines_of(alice: Peer, author: str) -> list[str]:
    """The lines that somebody says, up to `end`."""
    said = alice.until("> end")[:-1]
    assert all(line.startswith(f"[{author}]> ") for line in said), said
    return [line.removeprefix(f"[{author}]> ") for line in said]


def answer(peer: Peer, key: str) -> dict[str, object]:
    """The next frame with that key."""
    while (frame := json.loads(peer.line())).get("key") != key:
        pass
    return frame


def test_a_paste_keeps_its_tabs_and_blank_lines(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(CODE + b"end\n")

    assert lines_of(alice, f"127.0.0.1:{bob.port}") == SEEN


def test_a_file_that_nc_sends_keeps_its_tabs_and_the_blank_lines_inside(server) -> None:
    alice = server.join()

    subprocess.run(["nc", "-N", "127.0.0.1", str(server.port)], input=b"\n\n" + CODE + b"\n\n", check=True)

    joined, *said, left = alice.until("left the chat ***")
    author = joined.split("[")[1].split("]")[0]
    assert said == [f"[{author}]> {line}" for line in SEEN]
    assert left == f"*** [{author}] left the chat ***"


def test_a_blank_line_alone_or_beside_a_command_says_nothing(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()
    author = f"127.0.0.1:{bob.port}"

    bob.send(b"\n")
    bob.send(b"\n\none\n\n")
    assert alice.line() == f"[{author}]> one"
    bob.send(b"\n\ntwo\n\n/who\n\nthree\n \t\n\x1b[A\n/who\nfour\n")
    bob.until("(you) ***")
    bob.send(b"\nend\n")

    assert lines_of(alice, author) == ["two", "three", "four"]


def test_texts_and_commands_of_one_paste_keep_their_order(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()
    names = [f"127.0.0.1:{bob.port}", "bob"]

    bob.send(b"1\n2\n/me 3\n//4\n5\n\n6\n/nick bob\n7\n\xff\n{8\n/who\n9\nquit()\n10\n")

    says, bob_says = (f"[{name}]> %s" for name in names)
    assert alice.until("left the chat ***") == [
        *(says % text for text in "12"),
        f"* [{names[0]}] 3",
        *(says % text for text in ("/4", "5", "", "6")),
        f"*** [{names[0]}] is now [bob] ***",
        *(bob_says % text for text in ("7", "{8", "9")),
        "*** [bob] left the chat ***",
    ]


def test_a_blank_line_between_two_reads_of_a_long_paste_is_kept(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"\n\n".join(b"%04d" % number + b"x" * 700 for number in range(40)) + b"\nend\n")

    said = lines_of(alice, f"127.0.0.1:{bob.port}")
    assert [line for line in said if line] == [f"{number:04}{'x' * 700}" for number in range(40)]
    assert said.count("") == 39


def test_a_paste_cannot_forge_a_notice_or_another_author(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"a\n\n*** [carol] left the chat ***\n\t\n[carol]> b\nend\n")

    assert lines_of(alice, f"127.0.0.1:{bob.port}") == ["a", "", "*** [carol] left the chat ***", "", "[carol]> b"]


def test_a_line_that_tabs_would_make_too_long_has_one_blank_for_each(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()

    bob.send(b"\t" * 513 + b"x\nend\n")

    assert lines_of(alice, f"127.0.0.1:{bob.port}") == [" " * 513 + "x"]


def test_lines_in_frames_are_kept_as_they_are_and_acknowledged_again(server) -> None:
    alice = server.join()
    bob = server.connect(b'{"type":"hello","protocol":1,"nick":"bob"}\n')
    say = {"type": "say", "room": "lobby", "key": "k", "lines": ["", "a\tb", " ", "c", "\t"]}
    blank = {"type": "say", "room": "lobby", "key": "b", "lines": ["", " \t"]}

    bob.send(json.dumps(say).encode() + b"\n")
    first = answer(bob, "k")
    bob.send(json.dumps(say).encode() + b"\n")
    again = answer(bob, "k")
    bob.send(json.dumps(blank).encode() + b"\n")
    refusal = answer(bob, "b")
    bob.send(b'{"type":"say","room":"lobby","text":"end"}\n')

    assert alice.line().startswith("*** [bob] joined")
    assert lines_of(alice, "bob") == ["", "a       b", "", "c", ""]
    assert again == first | {"again": True}
    assert refusal["type"] == "error"
