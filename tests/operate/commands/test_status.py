"""`trio-chat status` against a running server."""

import re

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
