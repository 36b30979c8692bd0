"""M12: very many clients at a server that is gone for a moment."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.faults.reconnects import ReconnectingClient, take_server_away
from trio_chat.client.link.outbox import open_outbox

CLIENTS = 60


@pytest.mark.slow
@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stopped"])
async def test_m12_all_come_back_in_time_but_not_at_once_and_no_line_is_lost(tmp_path: Path, is_killed: bool) -> None:
    with ExitStack() as stack:
        names = [f"regular{number}" for number in range(CLIENTS)]
        outboxes = [stack.enter_context(open_outbox("x", name, folder=tmp_path / "outboxes")) for name in names]
        people = [ReconnectingClient(name, "lobby", outbox) for name, outbox in zip(names, outboxes, strict=True)]

        seen = await take_server_away(tmp_path / "data", people, is_killed=is_killed)

    assert seen.is_good, seen
