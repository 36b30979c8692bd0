"""Reading what was said before, over nc and in frames: as far back as it is kept, and how to read on."""

import json
import re
import time
from datetime import datetime

import pytest

from tests.server.sessions.conftest import asked
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal import Origin

COUNT = 2500
"""Lines that were said: more than anybody is shown at once."""

NOON = datetime(2026, 11, 26, 12).timestamp()
"""The time of the first; they are a minute apart, in this machine's zone, and the last is of two days later."""


async def fill(server, room: str = "lobby") -> None:
    """Keep lines, with notices among them that nobody asks for, and what was said elsewhere."""
    kinds = {0: (Kind.JOINED, room, ""), 1: (Kind.SAID, "elsewhere", "not for everyone")}
    drafts = [Draft(name, kind, "alice", text) for kind, name, text in kinds.values()]
    drafts = [it for number in range(COUNT) for it in (Draft(room, Kind.SAID, "alice", f"line {number}"), *drafts)]
    entries = [Entry(number, NOON + number // 3 * 60, draft) for number, draft in enumerate(drafts)]
    await server.context.journal.load((entry for entry in entries if entry.id), Origin("another"))


async def test_pages_read_by_the_notices_have_everything_once_and_in_order(open_server, store) -> None:
    async with open_server(**store) as server:
        await fill(server)
        line = await server.join()
        command, read, answers = "/history 300", [], 0

        while command:
            *rows, end = await asked(line, command)
            answers += 1
            told = re.fullmatch(r"\*\*\* older: (/history 300 before [0-9]+)(; times are .*)? \*\*\*", end)
            assert bool(told and told[2]) == (answers == 1), end
            command = told[1] if told else ""
            read = [row.partition("> ")[2] for row in (rows if told else [*rows, end])] + read

    assert read == [f"line {number}" for number in range(1, COUNT)]
    assert answers == 9


async def test_a_changed_topic_counts_as_a_line_and_coming_and_going_does_not(open_server, store) -> None:
    acts = ((Kind.SAID, "one"), (Kind.SAID, "two"), (Kind.TOPIC, "lunch"), (Kind.JOINED, ""), (Kind.RENAMED, "bob"))
    async with open_server(**store) as server:
        drafts = [Draft("lobby", kind, "alice", text) for kind, text in acts]
        await server.context.journal.load([Entry(id_, NOON, it) for id_, it in enumerate(drafts, 1)], Origin("another"))
        line = await server.join()

        said, topic, end = await asked(line, "/history 2")

    assert said.endswith("[alice]> two")
    assert "lunch" in topic
    assert end.startswith("*** older: /history 2 before 2;")


async def test_the_zone_is_told_behind_the_first_times_and_when_it_is_another(
    open_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        async with open_server() as server:
            times = [datetime.fromisoformat(day).timestamp() for day in ("2026-10-24", "2026-10-26", "2026-10-27")]
            drafts = [Draft("lobby", Kind.SAID, "alice", f"line {number}") for number in range(3)]
            entries = [Entry(number, *it) for number, it in enumerate(zip(times, drafts, strict=True), 1)]
            await server.context.journal.load(entries, Origin("another"))
            line = await server.join()

            ends = [(await asked(line, f"/history {count}"))[-1] for count in (1, 2, 3, 3)]

        assert ends == [
            "*** older: /history 1 before 3; times are UTC+1 ***",
            "*** older: /history 2 before 2 ***",
            "*** times are UTC+2, then UTC+1 ***",
            "2026-10-27 00:00 [alice]> line 2",
        ]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("command", "first", "last", "end"),
    [
        ("/history 2 before 2026-11-27", 718, 719, "*** older: /history 2 before 2154; times are "),
        ("/history 2 before 2026-11-27 12:30", 1468, 1469, "*** older: /history 2 before 4404; times are "),
        ("/history 2 before 2026-11-27T12:30:30", 1469, 1470, "*** older: /history 2 before 4407; times are "),
        ("/history 2 after 2026-11-27", 720, 721, "*** newer: /history 2 after 2163; times are "),
        ("/history 2 after 2163", 722, 723, "*** newer: /history 2 after 2169; times are "),
        ("/history 3 before 10", 1, 3, "*** times are "),
        ("/history 3 after 7490", 2497, 2499, "*** times are "),
    ],
)
async def test_lines_before_and_after_a_time_or_an_id_are_shown(
    open_server, store, command: str, first: int, last: int, end: str
) -> None:
    async with open_server(**store) as server:
        await fill(server)

        *rows, behind = await asked(await server.join(), command)

    assert [row.partition("> ")[2] for row in rows] == [f"line {number}" for number in range(first, last + 1)]
    assert behind.startswith(end)


async def test_there_is_nothing_before_the_first_line_and_nothing_of_other_rooms(open_server, store) -> None:
    async with open_server(**store) as server:
        await fill(server)
        line = await server.join()

        assert await asked(line, "/history before 3") == ["*** nothing found ***"]
        assert await asked(line, "/history before 1971-01-01") == ["*** nothing found ***"]
        await line.send(b"/join dev\n")
        assert await line.line() == "*** you are in #dev ***"
        assert await asked(line, "/history 1000 before 99999") == ["*** nothing found ***"]


async def test_programs_ask_by_times_and_are_told_whether_there_is_more(open_server, store) -> None:
    async with open_server(**store) as server:
        await fill(server)
        program = await server.connect()
        await program.send(b'{"type":"hello","protocol":1}\n')
        minute = NOON + 100 * 60

        async def page(**bounds: float) -> tuple[list[str], bool]:
            request = {"type": "history", "room": "lobby", "presence": False, "limit": 2, "key": "k", **bounds}
            await program.send(json.dumps(request).encode() + b"\n")
            while (frame := json.loads(await program.line()))["type"] != "page":
                assert frame["type"] in ("welcome", "entry")
            return [entry["text"] for entry in frame["entries"]], frame["more"]

        assert await page(before_time=minute) == (["line 98", "line 99"], True)
        assert await page(before_time=minute + 0.5) == (["line 99", "line 100"], True)
        assert await page(after_time=minute) == (["line 100", "line 101"], True)
        assert await page(after_time=minute, before_time=minute + 60) == (["line 100"], False)
        assert await page(before_time=minute, before=30) == (["line 8", "line 9"], True)
        assert await page(after_time=minute, after=450) == (["line 151", "line 152"], True)
        assert await page(before_time=NOON) == ([], False)


async def test_a_time_that_is_none_is_answered_with_examples(open_server) -> None:
    async with open_server() as server:
        [answer] = await asked(await server.join(), "/history 20 before lunch")

    assert answer.startswith("*** lunch is no time: expected 14:00, yesterday, ")
