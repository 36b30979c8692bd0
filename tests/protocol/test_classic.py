"""The classic behaviour, to the byte: what plain clients and the operator see."""

import re
import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from tests.protocol.conftest import PATIENCE_S, Lines, Peer


def test_lines_joins_leaves_and_kicks_look_exactly_so(server) -> None:
    alice = server.join()
    bob = server.join()
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"

    bob.send(b"hello @smile\n")
    assert alice.line() == f"[127.0.0.1:{bob.port}]> hello @smile"

    bob.send(b"quit()\n")
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] left the chat ***"
    assert bob.rest() == b"*** you have left ***\n"

    carol = server.join()
    alice.line()
    server.type(f"kill {carol.port}")
    assert alice.line() == f"*** [127.0.0.1:{carol.port}] was kicked ***"


def test_the_console_reports_as_it_always_did(server) -> None:
    alice = server.connect()
    server.console(rf"^Client \[127\.0\.0\.1, {alice.port}\] connected$")
    alice.close()
    server.console(rf"^Client \[127\.0\.0\.1:{alice.port}\] disconnected$")

    bob = server.join()
    server.type(f"kill {bob.port}")
    server.console(rf"^Client \[127\.0\.0\.1:{bob.port}\] kicked$")


def test_an_ipv6_client_is_shown_in_brackets(server) -> None:
    alice = server.join("::1")
    bob = server.join()
    assert alice.line() == f"*** [127.0.0.1:{bob.port}] joined the chat ***"

    alice.send(b"hi\n")

    assert bob.line() == f"[[::1]:{alice.port}]> hi"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("kill", "Usage: kill PORT"),
        ("kill 1 2", "Usage: kill PORT"),
        ("kill abc", "Usage: kill PORT"),
        ("kill 99999", "Unknown port number"),
        ("kill 0", "Unknown port number"),
        ("kill 1", "Unknown port number"),
        ("say", "Usage: say TEXT"),
        ("frobnicate", "Unknown command: frobnicate (help lists the commands)"),
        ("list", "No clients"),
    ],
)
def test_the_console_answers(server, command: str, answer: str) -> None:
    server.type(command)

    server.console(f"^{re.escape(answer)}$")


def test_a_port_at_two_addresses_kicks_nobody_and_names_both(server) -> None:
    first = server.join()
    second = server.connect(source=("127.0.0.2", first.port))
    server.console(rf"^Client \[127\.0\.0\.2, {first.port}\] connected$")

    server.type(f"kill {first.port}")
    server.console(rf"^127\.0\.0\.1:{first.port}$")
    server.console(rf"^127\.0\.0\.2:{first.port}$")

    server.type(f"kill 127.0.0.2:{first.port}")
    server.console(rf"^Client \[127\.0\.0\.2:{first.port}\] kicked$")
    assert second.rest() == b"*** you were kicked ***\n"


def test_list_and_say(server) -> None:
    alice = server.join()

    server.type("say lunch is here")
    assert alice.line() == "[server]> lunch is here"

    server.type("list")
    server.console(rf"^{alice.port} +127\.0\.0\.1 +- +lines ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_which_announces_it_and_keeps_accepted_lines(start, number: int) -> None:
    server = start()
    alice, bob = server.join(), server.join()
    bob.send(b"remember this\n")
    alice.until("remember this")

    assert server.stop(number) == 0
    assert alice.rest().endswith(b"*** the server is shutting down ***\n")

    again = start().join()
    again.send(b"/history\n")
    assert again.until("remember this")


def test_quit_on_the_console_stops_the_server(server) -> None:
    server.type("quit()")

    assert server.process.wait(PATIENCE_S) == 0


def test_a_line_said_just_before_the_server_stops_is_delivered(server) -> None:
    alice = server.join()

    server.type("say good night\nquit()")

    assert alice.rest().decode().splitlines() == ["[server]> good night", "*** the server is shutting down ***"]
    assert server.process.wait(PATIENCE_S) == 0


def test_a_client_that_connects_at_once_is_reported_below_both_addresses(tmp_path) -> None:
    command = [sys.executable, "-m", "trio_chat", "serve", "--port", "0", "--admin-port", "0", "--no-console"]
    with subprocess.Popen([*command, "--data", str(tmp_path)], bufsize=0, stdout=subprocess.PIPE) as process:
        output = Lines(process.stdout)
        port = int(output.until(r"^Chat Server started on port: (\d+)$").group(1))
        with closing(Peer(socket.create_connection(("127.0.0.1", port), PATIENCE_S))) as alice:
            alice.send(b"/who\n")
            alice.line()
            output.until(r"\] connected$")
        process.terminate()

    assert [line.partition(" ")[0] for line in output.seen[:3]] == ["Chat", "Admin", "Client"]


def test_the_end_of_input_leaves_the_server_running(server) -> None:
    server.process.stdin.close()
    server.process.stdin = None

    alice = server.join()
    alice.send(b"/who\n")

    assert alice.line() == f"*** 1 in #lobby: [127.0.0.1:{alice.port}] (you) ***"


def test_nc_is_enough(server) -> None:
    alice = server.join()

    subprocess.run(
        ["nc", "-N", "127.0.0.1", str(server.port)], input=b"hello from nc\n", timeout=PATIENCE_S, check=True
    )

    assert alice.until("hello from nc")
    assert alice.line().endswith("left the chat ***")


def test_curl_ends_a_connection_as_typed(server) -> None:
    alice = server.join()

    url = f"localhost:{server.admin_port}/clients/{alice.port}"
    answer = subprocess.run(["curl", "-sS", "-X", "DELETE", url], capture_output=True, timeout=PATIENCE_S, check=True)

    assert f'"port": {alice.port}' in answer.stdout.decode()
    assert alice.rest() == b"*** you were kicked ***\n"
    server.console(rf"^Client \[127\.0\.0\.1:{alice.port}\] kicked$")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/topic", "*** the topic of #lobby: cheese ***"),
        ("/rooms", "  #lobby      1  cheese"),
        ("/join lobby", "*** you are in #lobby: cheese ***"),
    ],
)
def test_an_answer_knows_the_topic_that_was_set_in_the_same_packet(server, command: str, answer: str) -> None:
    alice = server.join()

    alice.send(f"/topic cheese\n{command}\n".encode())

    assert alice.line() == answer


def test_the_sender_of_a_private_message_reads_that_it_was_kept(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()
    bob.send(b"/nick bob\n")
    bob.line(), alice.line()

    alice.send(b"/msg BOB psst  \x1b[31mtwice\nhello\n")

    assert alice.line() == "*** to [bob]: psst  twice ***"
    assert bob.line() == f"[127.0.0.1:{alice.port} -> bob]> psst  twice"
    alice.send(b"quit()\n")
    assert alice.rest() == b"*** you have left ***\n"
