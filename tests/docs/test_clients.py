"""The table of other people's clients: each was run at a server, and each that was run is in it."""

import re

from scripts.tables import ROOT
from tests.protocol.test_other_clients import BY_TLS, KERMIT, RAW, WAITING, WITH_CR_LF, WITH_LF

RUN = {*WITH_CR_LF, *WITH_LF, *BY_TLS, RAW, KERMIT}
ROW = re.compile(r"^\| `([^`]+)`[^|]*\| [^|]+ \| (it ends|press Enter)", re.MULTILINE)


def test_the_table_has_what_the_tests_run_and_how_each_ends() -> None:
    text = (ROOT / "docs" / "netcat.md").read_text(encoding="utf-8").partition("## What other programs show")[2]

    rows = {row[1].replace("5555", "{port}").replace("HOST", "127.0.0.1"): row[2] for row in ROW.finditer(text)}

    assert rows.keys() == RUN
    assert {command for command, end in rows.items() if end == "press Enter"} == WAITING
