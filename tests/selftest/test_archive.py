from pathlib import Path

from trio_chat.chat.events import Draft, Kind
from trio_chat.journal import Prunable, need, open_journal
from trio_chat.selftest.archive import KEPT_MIN, NOTICES_MAX, Archive


async def test_an_archive_has_what_is_pruned_and_knows_that_it_is_gone(tmp_path: Path) -> None:
    archive = Archive()
    async with open_journal("sqlite:", data=tmp_path) as journal:
        await journal.post(*(Draft("lobby", Kind.SAID, "bob", f"line {number}") for number in range(10))).kept()
    await archive.update(tmp_path)
    assert archive.pruned_ids == frozenset()
    async with open_journal("sqlite:", data=tmp_path) as journal:
        await need(journal, Prunable).prune(more_than=4)
        await journal.post(Draft("lobby", Kind.SAID, "bob", "the end")).kept()

    await archive.update(tmp_path)

    first = archive.entries[0].id
    assert [entry.id for entry in archive.entries] == list(range(first, first + 11))
    assert archive.pruned_ids == frozenset(range(first, first + 6))
    assert [line.text for line in archive.lines("line 3", "line 5")] == ["line 3", "line 4", "line 5"]


async def test_what_may_be_said_again_is_kept(tmp_path: Path) -> None:
    archive = Archive()
    async with open_journal("sqlite:", data=tmp_path) as journal:
        for number in range(100):
            key = f"key {number}"
            await journal.post(Draft("lobby", Kind.SAID, "bob", "x", session="s", key=key)).kept()
    await archive.update(tmp_path)

    assert archive.to_keep([]) == KEPT_MIN
    assert archive.to_keep(["another", "key 70", "key 60"]) == 40 + NOTICES_MAX
