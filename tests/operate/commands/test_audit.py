"""`trio-chat audit` against a running server."""

import getpass

from tests.operate.conftest import Operate


def test_actions_are_listed_with_who_did_them_and_filtered(operate: Operate) -> None:
    operate("ban", "192.0.2.1")
    operate("unban", "192.0.2.1")
    operate("ban", "192.0.2.2", "--reason", "spam")

    table = operate("audit", "-n", "3")
    filtered = operate("audit", "--action", "ban", "-n", "1", "--since", "1h", "--json").json

    assert [row[2] for row in table.rows] == ["ban", "unban", "ban"]
    assert {row[1] for row in table.rows} == {f"{getpass.getuser()} (127.0.0.1)"}
    assert [one["what"] for one in filtered["audit"]] == ["192.0.2.2 (0 kicked): spam"]


def test_more_than_a_page_is_read_page_by_page(operate: Operate, monkeypatch) -> None:
    monkeypatch.setattr("trio_chat.operate.pages.PAGE", 2)
    for number in range(1, 6):
        operate("ban", f"198.51.100.{number}")

    listed = operate("audit", "--action", "ban", "-n", "5", "--json").json["audit"]

    assert [one["what"].split()[0] for one in listed] == [f"198.51.100.{number}" for number in range(1, 6)]


def test_nothing_found_is_said_on_stderr(operate: Operate) -> None:
    assert operate("audit", "--who", "nobody") == (0, "", "no operator did anything of that kind\n")


def test_a_time_that_is_none_is_status_2(operate: Operate) -> None:
    done = operate("audit", "--since", "tea time")

    assert done.status == 2
    assert "expected 14:00" in done.err
