"""`trio-chat clients` and `kick` against a running server."""

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server


def test_clients_are_listed_in_a_table_and_as_the_api_has_them(server: Server, operate: Operate) -> None:
    alice = join_as(server, "alice", "/join list")
    join_as(server, "bob", "/join list")

    table = operate("clients", "--room", "list", "--sort", "nick")
    listed = operate("clients", "--room", "list", "--sort", "-nick", "--json").json

    assert table.out.split("\n")[0].split() == [
        *("NICK", "ADDRESS", "PORT", "ROOMS", "HERE", "IDLE", "BEHIND", "AWAY", "MODE", "LINES", "ID")
    ]
    assert [row[0] for row in table.rows] == ["alice", "bob"]
    assert table.out.split("\n")[1].split()[1:4] == ["127.0.0.1", str(alice.port), "#list"]
    assert [client["nick"] for client in listed["clients"]] == ["bob", "alice"]


def test_one_client_is_shown(server: Server, operate: Operate) -> None:
    carol = join_as(server, "carol", "/join dev")

    shown = operate("clients", str(carol.port))

    assert shown.status == 0
    assert "nick       carol\n" in shown.out
    assert f"address    127.0.0.1, port {carol.port}\n" in shown.out
    assert "rooms      #dev\n" in shown.out
    assert operate("clients", "carol", "--json").json["port"] == carol.port


def test_a_filter_that_fits_nobody_is_no_failure(operate: Operate) -> None:
    done = operate("clients", "--nick", "nobody")

    assert (done.status, done.out) == (0, "")
    assert done.err.startswith("0 of ")


def test_a_client_is_kicked_and_told_why(server: Server, operate: Operate) -> None:
    dave = join_as(server, "dave")

    done = operate("kick", "dave", "--reason", "too noisy")

    assert (done.status, done.out) == (0, f"kicked [dave] 127.0.0.1:{dave.port}\n")
    assert dave.until("too noisy ***")[-1] == "*** you were kicked: too noisy ***"
    assert dave.rest() == b""


def test_nobody_of_that_name_is_status_3(operate: Operate) -> None:
    for who in ("nobody", "65000", "../bans", "10.0.0.1:5"):
        done = operate("kick", who)

        assert (done.status, done.out) == (3, ""), who
        assert done.err == f"trio-chat: there is no client '{who}': trio-chat clients lists all\n"


def test_two_clients_with_one_port_are_both_named(server: Server, operate: Operate) -> None:
    first = join_as(server, "first")
    other = server.connect(source=("127.0.0.2", first.port))
    server.console(rf"^Client \[127.0.0.2, {first.port}\] connected$")

    done = operate("kick", str(first.port))

    assert done.status == 1
    assert f"\n  127.0.0.1:{first.port}  [first]\n" in done.err
    assert operate("kick", f"127.0.0.2:{first.port}").status == 0
    assert "was kicked" not in "".join(other.until("were kicked ***")[:-1])
    assert operate("clients", "first").status == 0


def test_a_filter_shows_whom_it_fits_and_kicks_those(server: Server, operate: Operate) -> None:
    join_as(server, "many1", "/join many")
    join_as(server, "many2", "/join many")
    join_as(server, "stays")

    dry = operate("kick", "--room", "many", "--mode", "lines", "--dry-run")
    unasked = operate("kick", "--room", "many")
    done = operate("kick", "--room", "many", "--yes", "--reason", "cleaning", "--json").json

    assert [line.split()[2] for line in dry.out.splitlines()] == ["[many1]", "[many2]"]
    assert (unasked.status, unasked.out) == (2, "")
    assert "--yes" in unasked.err
    assert (done["dry_run"], done["count"], len(done["clients"])) == (False, 2, 2)
    assert operate("clients", "--nick", "many").out == ""
    assert operate("clients", "stays").status == 0


def test_a_filter_of_kick_that_fits_nobody_is_status_3(operate: Operate) -> None:
    assert operate("kick", "--nick", "nobody", "--yes").status == 3


def test_kick_wants_one_client_or_a_filter(server: Server, operate: Operate) -> None:
    join_as(server, "safe")

    for arguments in ([], ["safe", "--room", "lobby"], [""], [" "], ["--yes"]):
        done = operate("kick", *arguments)

        assert (done.status, done.out) == (2, ""), arguments
    assert operate("clients", "safe").status == 0


def test_what_the_server_cannot_read_is_status_2(operate: Operate) -> None:
    done = operate("clients", "--address", "10.0.0.300")

    assert (done.status, done.out) == (2, "")
    assert "address" in done.err
