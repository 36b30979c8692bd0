"""`trio-chat names` and `trio-chat invite` against a running server."""

import re
from base64 import b64encode

from tests.operate.conftest import Operate
from tests.protocol.conftest import Server

BLOB = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()


def test_names_are_handed_out_listed_reset_and_removed(server: Server, operate: Operate) -> None:
    line_for = r"trio-chat join {0}@chat\.example:{1}/[a-z2-7]{{26}}/-\n".format

    added = operate("names add", "alice", "--key", f"ssh-ed25519 {BLOB} laptop")
    invited = operate("names add", "bob", "--host", "chat.example")
    listed = operate("names list")
    reset = operate("names reset", "alice", "--host", "chat.example")
    removed = operate("names remove", "bob")

    assert added.err == "[alice] is handed out\n"
    assert re.fullmatch(line_for("bob", server.port), invited.out)
    assert [row[0] for row in listed.rows] == ["alice", "bob"]
    assert "-n NAME" not in reset.err
    assert "SHA256:" in listed.out
    assert "its invite" in listed.out
    assert re.fullmatch(line_for("alice", server.port), reset.out)
    assert removed.out == "[bob] is free now\n"
    assert operate("names list", "bob").err == "nobody has claimed such a name\n"


def test_a_name_that_nobody_owns_is_status_3(operate: Operate) -> None:
    for command in ("names remove", "names reset"):
        done = operate(command, "nobody")
        assert (done.status, done.err) == (3, "trio-chat: there is no name 'nobody': trio-chat names list lists all\n")


def test_an_invite_is_one_line_to_paste(server: Server, operate: Operate) -> None:
    made = operate("invite", "--uses", "5", "--expires", "2d", "--host", "::1")

    assert re.fullmatch(rf"trio-chat join \[::1\]:{server.port}/[a-z2-7]{{26}}/-\n", made.out)
    assert "Good for 5 names, until " in made.err
    assert made.err.endswith("\nWhoever uses it adds the name that they want: -n NAME\n\n")
    (row,) = [row for row in operate("invites").rows if row[1] == "5"]
    assert operate("uninvite", row[0]).out == f"the invite {row[0]} can no longer be used\n"
    assert operate("uninvite", row[0]).status == 3
    assert row[0] not in operate("invites").out
