"""`trio-chat hook` against a running server."""

from urllib.request import Request, urlopen

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server


def test_a_hook_is_made_used_listed_and_removed(server: Server, operate: Operate) -> None:
    join_as(server, "alice", "/join ops")

    made = operate("hook add", "ops", "--name", "deploy")
    url = made.out.strip()
    with urlopen(Request(url, data=b"build 71 is green", headers={"Content-Type": "text/plain"})) as answer:
        assert answer.status == 201
    listed = operate("hook list")
    removed = operate("hook remove", "deploy")

    assert url.startswith(f"http://127.0.0.1:{server.admin_port}/hook/")
    assert f"curl -d 'build 71 is green' {url}\n" in made.err
    assert operate("tail", "ops", "--no-follow").out.endswith("[deploy]> build 71 is green\n")
    assert ["deploy", "#ops"] in [row[:2] for row in listed.rows]
    assert url.rpartition("/")[2] not in listed.out
    assert removed.out == "removed the hook [deploy] of #ops\n"
    assert "deploy" not in operate("hook list").out


def test_a_hook_that_is_not_there_is_status_3(operate: Operate) -> None:
    done = operate("hook remove", "nothing")

    assert (done.status, done.err) == (3, "trio-chat: there is no hook 'nothing': trio-chat hook list lists all\n")


def test_json_has_the_whole_address(server: Server, operate: Operate) -> None:
    made = operate("hook add", "lobby", "--name", "ci", "--json").json

    assert made["url"] == f"http://127.0.0.1:{server.admin_port}{made['path']}"
