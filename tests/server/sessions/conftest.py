"""Journals of both kinds that remember what was said, and what somebody with nc is answered."""

from pathlib import Path

import pytest


@pytest.fixture(params=["memory:", "sqlite:"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, object]:
    """Options of `open_server`: its journal, and where it is."""
    return {"journal_url": request.param, "data": tmp_path}


async def asked(line, command: str) -> list[str]:
    """The answer to a command of somebody with nc."""
    await line.send(f"{command}\n/who\n".encode())
    rows: list[str] = []
    while not (row := await line.line()).startswith(("*** 1 in #", "*** 2 in #")):
        rows.append(row)
    return rows
