"""`trio-chat mute`, `unmute` and `mutes` against a running server."""

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server


def test_a_client_is_muted_listed_and_may_speak_again(server: Server, operate: Operate) -> None:
    alice = join_as(server, "alice")

    tried = operate("mute", "alice", "--dry-run")
    made = operate("mute", "alice", "--minutes", "90", "--reason", "too noisy")
    alice.send(b"hello\n/who\n")
    refused = "\n".join(alice.until("(you) ***"))
    listed = operate("mutes")
    lifted = operate("unmute", "alice")

    assert tried.err.endswith("a mute of [alice] would silence: 1 client; nothing was done\n")
    assert made.status == 0, made.err
    assert made.out.startswith("muted [alice] until ")
    assert "too noisy" in refused
    assert [row[1] for row in listed.rows] == ["[alice]"]
    assert lifted.out == "[alice] may speak again\n"
    assert operate("mutes") == (0, "", "nobody is muted\n")


def test_a_network_is_muted(operate: Operate) -> None:
    made = operate("mute", "192.0.2.0/24")

    assert made.out.startswith("muted 192.0.2.0/24 for good; ")
    assert operate("unmute", "192.0.2.0/24").out == "192.0.2.0/24 may speak again\n"


def test_nobody_of_that_name_is_status_3(operate: Operate) -> None:
    done = operate("mute", "nobody")

    assert (done.status, done.err) == (3, "trio-chat: there is no client 'nobody': trio-chat clients lists all\n")
    done = operate("unmute", "nobody")
    assert (done.status, done.err) == (3, "trio-chat: there is no mute of 'nobody': trio-chat mutes lists all\n")


def test_an_empty_name_is_status_2(operate: Operate) -> None:
    assert operate("mute", "").status == operate("unmute", " ").status == 2


def test_the_end_of_a_mute_is_changed_by_its_id(operate: Operate) -> None:
    made = operate("mute", "192.0.2.0/25", "--json").json["mute"]

    changed = operate("mute", made["id"], "--change", "--minutes", "90")
    operate("unmute", made["id"])

    assert changed.out.startswith("the mute of 192.0.2.0/25 now holds until ")


def test_a_muted_client_is_marked_and_its_mute_is_found_by_its_name(server: Server, operate: Operate) -> None:
    join_as(server, "gina")
    operate("mute", "gina")

    listed = operate("clients", "--nick", "gina")
    shown = operate("clients", "gina")
    found, none = operate("mutes", "--search", "gin"), operate("mutes", "--search", "nobody")
    operate("unmute", "gina")

    assert "lines muted" in listed.out
    assert "\nmuted      yes\n" in shown.out
    assert [row[1] for row in found.rows] == ["[gina]"]
    assert none.err == "no mute matches\n"
