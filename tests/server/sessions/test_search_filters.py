"""Filters of searches, over nc and in frames: who, where, before and after what, and how to see older lines."""

import json
from datetime import datetime

import pytest

from tests.server.sessions.conftest import asked
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal import Origin

NOON = datetime(2026, 11, 26, 12).timestamp()
AUTHORS = ("alice", "Ümit", "10.0.0.1:77")


async def fill(server, count: int = 240) -> None:
    """Keep lines of three people, ten minutes apart; some are about cheese, and some are private or elsewhere."""
    drafts = [
        Draft("lobby", Kind.SAID, AUTHORS[number % 3], f"line {number}" + (" blue cheese" if number % 2 else ""))
        for number in range(1, count + 1)
    ]
    entries = [Entry(number, NOON + number * 600, draft) for number, draft in enumerate(drafts, 1)]
    private = Draft("@c1", Kind.TOLD, "alice", "private blue cheese", to="bob")
    elsewhere = Draft("dev", Kind.SAID, "alice", "elsewhere blue cheese")
    entries += [Entry(count + 1, NOON + 1e6, private), Entry(count + 2, NOON + 1e6, elsewhere)]
    await server.context.journal.load(entries, Origin("another"))


async def shown(line, command: str) -> list[str]:
    """The answer to a command of somebody with nc, without the zone."""
    return [row.partition("; times are")[0].removesuffix(" ***") for row in await asked(line, command)]


def numbers(rows: list[str]) -> list[int]:
    return [int(row.partition("line ")[2].split()[0]) for row in rows]


@pytest.mark.parametrize(
    ("search", "expected", "end"),
    [
        ("cheese from:alice before:20", [3, 9, 15], "*** 3 lines found"),
        ("from:ALICE before:10", [3, 6, 9], "*** 3 lines found"),
        ("before:11 from:ümit", [1, 4, 7, 10], "*** 4 lines found"),
        ("from:[10.0.0.1:77] before:6", [2, 5], "*** 2 lines found"),
        ('"blue cheese" after:235', [237, 239], "*** 2 lines found"),
        ('"cheese blue"', [], "*** nothing found"),
        ("cheese blue in:#Lobby after:237", [239], "*** 1 line found"),
        ("line after:2026-11-28 before:2026-11-28T00:30", [216, 217, 218], "*** 3 lines found"),
        ('line before:"2026-11-26 12:25"', [1, 2], "*** 2 lines found"),
        ("from:alice after:237 before:2026-11-29", [240], "*** 1 line found"),
        ("from:nobody", [], "*** nothing found"),
        ('"from:alice"', [], "*** nothing found"),
        ("http://x", [], "*** nothing found"),
    ],
)
async def test_filters_narrow_a_search_down(open_server, store, search: str, expected: list[int], end: str) -> None:
    async with open_server(**store) as server:
        await fill(server)

        *rows, behind = await shown(await server.join(), f"/search {search}")

    assert numbers(rows) == expected
    assert behind == end


async def test_whoever_goes_on_as_told_sees_everything_that_was_found_once(open_server, store) -> None:
    async with open_server(**store) as server:
        await fill(server)
        line = await server.join()
        command, found, answers = "/search cheese after:3", [], 0

        while command:
            *rows, end = await shown(line, command)
            found, answers = numbers(rows) + found, answers + 1
            command = end.partition("older: ")[2]

    assert found == list(range(5, 241, 2))
    assert answers == 3
    assert end == "*** 18 lines found"


async def test_what_is_private_or_in_a_room_of_others_is_found_by_no_filter(open_server, store) -> None:
    async with open_server(**store) as server:
        await fill(server, 2)
        line = await server.join()

        assert await shown(line, "/search private from:alice") == ["*** nothing found"]
        assert await shown(line, "/search elsewhere") == ["*** nothing found"]
        assert await shown(line, "/search cheese in:dev") == ["*** you are not in #dev"]
        assert (await shown(line, "/search cheese in:@c1"))[0].startswith("*** that is for a name that you have proven")


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("x before:lunch", "*** lunch is no time: expected 14:00, yesterday,"),
        ("from:", "*** say from: with something behind it, as in from:alice"),
        ("after:yesterday", "*** say a word to look for, or from:NICK"),
    ],
)
async def test_a_filter_that_means_nothing_is_answered_in_lines_and_frames(
    open_server, search: str, sentence: str
) -> None:
    async with open_server() as server:
        line, program = await server.join(), await server.connect()
        [answer] = await shown(line, f"/search {search}")
        await program.send(b'{"type":"hello","protocol":1}\n')
        await program.send(json.dumps({"type": "search", "text": search, "key": "k"}).encode() + b"\n")
        while (frame := json.loads(await program.line()))["type"] != "error":
            pass

    assert answer.startswith(sentence)
    assert f"*** {frame['text']} ***".startswith(sentence)
    assert (frame["code"], frame["key"]) == ("usage", "k")


async def test_programs_search_with_filters_in_the_rooms_that_they_are_in(open_server, store) -> None:
    async with open_server(**store) as server:
        await fill(server)
        program = await server.connect()
        await program.send(b'{"type":"hello","protocol":1,"rooms":["lobby","dev"]}\n')

        async def page(text: str, **fields: object) -> tuple[list[str], bool]:
            request = {"type": "search", "text": text, "limit": 2, "key": "k", **fields}
            await program.send(json.dumps(request).encode() + b"\n")
            while (frame := json.loads(await program.line()))["type"] != "page":
                assert frame["type"] in ("welcome", "entry"), frame
            return [entry["text"].split(" blue")[0] for entry in frame["entries"]], frame["more"]

        assert await page("cheese from:alice") == (["line 237", "elsewhere"], True)
        assert await page("cheese from:alice in:lobby") == (["line 231", "line 237"], True)
        assert await page("cheese from:alice", room="lobby", before=15) == (["line 3", "line 9"], False)
        assert await page("cheese from:alice in:dev", room="lobby") == (["elsewhere"], False)
        assert await page("from:alice before:9 before:2026-11-28T00:00Z") == (["line 3", "line 6"], False)
