"""`trio-chat status` against a running server."""

import re
from pathlib import Path

from tests.operate.conftest import Operate, join_as
from tests.protocol.conftest import Server


def test_the_server_is_shown_at_a_glance(server: Server, operate: Operate) -> None:
    join_as(server, "alice")

    shown = operate("status")
    listed = operate("status", "--json").json

    assert shown.status == 0
    assert f"at http://127.0.0.1:{server.admin_port}\n" in shown.out
    assert "\nhealth    ok\n" in shown.out
    assert "\nnow       1 client, 0 away, " in shown.out
    assert listed["counts"]["clients"] == 1
    assert re.search(r"^used      clients  1 of \d+$", shown.out, re.MULTILINE)
    assert re.search(r"^          windows  \d+ KB of \d+ MB$", shown.out, re.MULTILINE)


def test_the_example_on_the_page_counts_what_is_counted(server: Server, operate: Operate) -> None:
    page = (Path(__file__).parents[3] / "docs/cli.md").read_text(encoding="utf-8")
    [counts] = re.findall(r"^    now       (.*)$", page, re.MULTILINE)
    resources = re.findall(r"^    (?:used|    )      (\w+)", page, re.MULTILINE)

    found = operate("status", "--json").json

    assert [name.removesuffix("s") for name in found["counts"]] == re.findall(r"\d+ (\w+?)s?\b", counts)
    assert [one["name"] for one in found["resources"]] == resources
