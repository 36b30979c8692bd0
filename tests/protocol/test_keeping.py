"""The settings of holding, keeping and announcing, seen from outside."""

import json

SECRET = "s" * 32


def enter(server, **fields: object):
    return server.connect(json.dumps({"type": "hello", "protocol": 1, **fields}).encode() + b"\n")


def test_a_place_is_held_for_as_long_as_the_operator_says(start) -> None:
    server = start("--hold", "0.1s")
    bob = server.join()
    alice = enter(server, session=SECRET, nick="alice")
    bob.until("[alice] joined the chat ***")

    alice.close()

    assert bob.line() == "*** [alice] left the chat ***"


def test_a_room_above_the_limit_sums_up_who_comes(start) -> None:
    server = start("--announce-max", "1")
    bob = server.join()

    server.join()

    assert bob.line() == "*** 1 joined ***"


def test_only_the_newest_are_kept_after_a_start_and_topics_stay(start) -> None:
    server = start()
    bob = server.join()
    bob.send(b"/topic cheese\n" + b"".join(b"line %d\n" % number for number in range(50)) + b"/who\n")
    bob.until("(you) ***")
    server.stop()

    server = start("--keep", "10")
    carol = server.join()
    carol.send(b"/rooms\n/history 50\n/who\n")
    lines = carol.until("(you) ***")
    while "line 30" in "".join(lines):
        carol.send(b"/history 50\n/who\n")
        lines = carol.until("(you) ***")

    assert not [line for line in lines if "line 30" in line]
    assert [line for line in lines if "line 49" in line]
    carol.send(b"/topic\n")
    assert carol.line() == "*** the topic of #lobby: cheese ***"


def test_why_a_connection_ended_is_logged_unless_it_left_or_was_kicked(start) -> None:
    server = start()
    bob, alice = server.join(), enter(server, session=SECRET)
    bob.until("joined the chat ***")
    carol = server.join()

    server.type(f"kill {carol.port}")
    server.console("kicked")
    bob.send(b"/quit\n")
    bob.rest()  # a connection that is closed with something unread is reset
    alice.close()
    server.console("disconnected")
    server.console("disconnected")
    server.stop()

    assert server.process.stderr
    log = server.process.stderr.read().decode()
    assert f"127.0.0.1:{alice.port} (c2) ended: broken" in log
    assert f"127.0.0.1:{bob.port}" not in log
    assert f"127.0.0.1:{carol.port}" not in log
