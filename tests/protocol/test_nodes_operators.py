"""Hooks that operators of one server make and remove: they hold on the others."""

import urllib.error
import urllib.request

from tests.conftest import PATIENCE_S
from tests.protocol.conftest import Server
from tests.protocol.nodes import StartNode, until
from tests.protocol.test_operators import ask


def speak(server: Server, path: str, text: str) -> int:
    """Speak by a hook. -> the status"""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.admin_port}{path}", data=text.encode(), headers={"Content-Type": "text/plain"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_hook_of_one_node_speaks_once_by_any_until_another_removes_it(node: StartNode) -> None:
    one, two = node("one"), node("two")
    alice, bob = one.join(), two.join()
    path = ask(one, "POST", "/hooks", room="lobby", name="deploy")["path"]

    assert until(lambda: speak(two, path, "green") == 201)
    assert speak(one, path, "blue") == 201

    for peer in (alice, bob):
        peer.send(b"/nick\n")
        heard = peer.until("[deploy]> blue")
        assert [line for line in heard if "deploy" in line] == ["[deploy]> green", "[deploy]> blue"]
    alice.send(b"/nick deploy\n")
    alice.until_match("reserved for a program")
    assert ask(two, "DELETE", "/hooks/deploy")["hook"]["name"] == "deploy"
    until(lambda: speak(one, path, "red") == 404)
    until(lambda: ask(one, "GET", "/hooks")["hooks"] == [])
