"""Stray keys and other programs at the chat port, by the names of the list of faults."""

import itertools

import pytest

KEYS = (
    *(b"\x1b[A", b"\x1b[D\x1b[C", b"\x1bOA", b"\x1b[[A", b"\x1b[3~", b"\x1b[200~", b"\x1bx", b"\x1b[M !!", b"\x1b["),
    *(b"\x7f", b"\x08", b"\x00", b"\t", b"\r", b"\x15", b"x\x7f", b"hello\r", b"hello\x1b[D"),
    *(b" ", b"\xc2\xa0", b"\xe3\x80\x80", b"\xef\xbb\xbf", b"\xe2\x80\x8b", b"\xe2\x80\xae", b"\xef\xb8\x8f"),
    *(b"\xff\xfe", b"\xfe\xff", b"\xff\xf9", b"\xff\xfb\x03", b"\x9b"),
)


@pytest.mark.parametrize("command", [b"/msg bob secret", "\uff0fmsg bob secret".encode(), b"/msg\xc2\xa0bob secret"])
def test_c23_nobody_else_sees_a_private_message_after_any_key(start, command: bytes) -> None:
    server = start("--rate", "0")
    alice, bob, carol = server.join_all(3)
    bob.send(b"/nick bob\n")
    carol.until("is now [bob] ***")

    for prefix, is_split in itertools.product(KEYS, (False, True)):
        alice.send(prefix)
        if is_split:
            alice.send(b"")  # a packet of its own: Nagle's algorithm is off
        alice.send(command + b"\n")
    alice.send(b"over\n")

    assert not [line for line in carol.until("]> over") if "secret" in line]
    assert [line for line in bob.until("]> over") if line.endswith("-> bob]> secret")]


def test_c23_utf_16_is_refused(start) -> None:
    server = start("--rate", "0")
    alice, bob, carol = server.join_all(3)
    bob.send(b"/nick bob\n")
    carol.until("is now [bob] ***")

    alice.send("/msg bob secret\n".encode("utf-16") + b"\n")
    alice.send("/msg bob secret\n".encode("utf-16-le") + b"\n")
    alice.send(b"over\n")

    assert not [line for line in carol.until("]> over") if "secret" in line]


@pytest.mark.parametrize("before", [b"", b" ", b"\xef\xbb\xbf", b"\x1b[A", b"\x1bOp"])
def test_c23_a_frame_with_something_private_in_it_is_not_said_by_a_plain_client(server, before: bytes) -> None:
    alice, bob = server.join(), server.join()
    assert alice.line().endswith("joined the chat ***")

    alice.send(before + b'{"type":"tell","to":"bob","text":"secret"}\n')
    alice.send(before + b'{"type":"hello","protocol":1,"password":"secret"}\n')

    assert "this connection speaks lines, so nothing was sent" in alice.line()
    assert "that hello came too late for frames" in alice.line()
    assert alice.rest() == b""
    assert not [line for line in bob.until("left the chat ***") if "secret" in line]
