"""What every journal promises. A new one adds a parameter."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import PATIENCE_S
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.journal import Journal, JournalError, Origin, SessionRecord, open_journal

URLS = ("memory:", "sqlite:")


@pytest.fixture(params=URLS)
def url(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def journal(url: str, tmp_path: Path) -> AsyncIterator[Journal]:
    async with open_journal(url, data=tmp_path) as journal:
        yield journal


def said(text: str, *, room: str = "lobby", session: str = "", key: str = "") -> Draft:
    return Draft(room, Kind.SAID, "alice", text, session=session, key=key)


async def keep(journal: Journal, *drafts: Draft) -> None:
    for receipt in [journal.post(draft) for draft in drafts]:
        await receipt.kept()


async def texts(journal: Journal, room: str = "lobby", *, limit: int = 100) -> list[str]:
    return [entry.draft.text for entry in await journal.read(room, limit=limit)]


async def hear(following: AsyncIterator[Sequence[Entry]], count: int) -> list[Entry]:
    heard: list[Entry] = []
    while len(heard) < count:
        heard.extend(await anext(following))
    return heard


async def test_what_was_kept_is_read_back_whole(journal: Journal) -> None:
    draft = Draft("ops", Kind.TOLD, "[::1]:5555", "hello", to="bob", session="secret", key="k1")
    earliest = time.time()

    await journal.post(draft).kept()

    [entry] = await journal.read("ops", limit=10)
    assert entry.draft == draft
    assert entry.id == 1
    assert earliest <= entry.time <= time.time()
    assert journal.damage is None


@pytest.mark.parametrize("kind", Kind)
async def test_every_kind_of_entry_is_kept(journal: Journal, kind: Kind) -> None:
    await journal.post(Draft("lobby", kind, "alice")).kept()

    [entry] = await journal.read("lobby", limit=1)
    assert entry.draft.kind is kind


@pytest.mark.parametrize("url", URLS)
@given(said_texts=st.lists(st.text(), max_size=5))
@settings(max_examples=20)
async def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, url: str, said_texts: list[str]
) -> None:
    async with open_journal(url, data=tmp_path_factory.mktemp("data")) as journal:
        await keep(journal, *map(said, said_texts))

        assert await texts(journal) == said_texts


async def test_ids_rise_by_one_in_the_order_of_posting(journal: Journal) -> None:
    following = journal.follow()

    for start in (0, 3, 6):
        await keep(journal, *(said(str(number)) for number in range(start, start + 3)))

    heard = await hear(following, 9)
    assert [(entry.id, entry.draft.text) for entry in heard] == [(n + 1, str(n)) for n in range(9)]


async def test_a_crowd_of_drafts_posted_at_once_keeps_its_order(journal: Journal) -> None:
    drafts = [said(str(number)) for number in range(200)]

    await keep(journal, *drafts)

    entries = await journal.read("lobby", limit=1000)
    assert [entry.draft for entry in entries] == drafts
    assert [entry.id for entry in entries] == list(range(1, 201))


async def test_what_is_heard_can_be_read_already(journal: Journal) -> None:
    following = journal.follow()
    journal.post(said("hello"))

    heard = await anext(following)

    assert await journal.read("lobby", limit=10) == heard


async def test_nothing_is_lost_before_the_reader_begins_to_read(journal: Journal) -> None:
    following = journal.follow()
    await keep(journal, said("early"))
    await keep(journal, said("also early"))

    heard = await anext(following)

    assert [entry.draft.text for entry in heard] == ["early", "also early"]


async def test_all_who_wait_for_one_batch_are_told(journal: Journal) -> None:
    told = 0

    async def speak(number: int) -> None:
        nonlocal told
        await journal.post(said(str(number))).kept()
        told += 1

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(speak, number)

    assert told == 50
    assert len(await texts(journal)) == 50


async def test_leaving_keeps_and_publishes_all_that_was_posted(url: str, tmp_path: Path) -> None:
    async with open_journal(url, data=tmp_path) as journal:
        following = journal.follow()
        receipts = [journal.post(said(str(number))) for number in range(100)]

    assert [entry.draft.text async for group in following for entry in group] == [str(n) for n in range(100)]
    for receipt in receipts:
        await receipt.kept()


async def test_a_draft_posted_after_closing_is_refused(url: str, tmp_path: Path) -> None:
    async with open_journal(url, data=tmp_path) as journal:
        pass

    with pytest.raises(JournalError, match="closed"):
        await journal.post(said("too late")).kept()


async def test_a_reader_ends_when_the_journal_is_closed(url: str, tmp_path: Path) -> None:
    async def follow(following: AsyncIterator[Sequence[Entry]]) -> None:
        async for _ in following:
            pass

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery, open_journal(url, data=tmp_path) as journal:
            nursery.start_soon(follow, journal.follow())


async def test_the_newest_are_read_oldest_first(journal: Journal) -> None:
    await keep(journal, *map(said, "abcde"))

    assert await texts(journal, limit=3) == ["c", "d", "e"]


@pytest.mark.parametrize(
    ("before", "after", "limit", "expected"),
    [
        (4, None, 2, [2, 3]),
        (2, None, 5, [1]),
        (1, None, 5, []),
        (None, 2, 2, [3, 4]),
        (None, 0, 2, [1, 2]),
        (None, 5, 2, []),
        (5, 1, 2, [2, 3]),
        (5, 1, 9, [2, 3, 4]),
        (None, None, 0, []),
        (None, None, -1, []),
        (None, 1, -1, []),
    ],
)
async def test_pages_lie_between_their_bounds(
    journal: Journal, before: int | None, after: int | None, limit: int, expected: list[int]
) -> None:
    await keep(journal, *map(said, "abcde"))

    page = await journal.read("lobby", limit=limit, before=before, after=after)

    assert [entry.id for entry in page] == expected


async def test_rooms_are_read_apart(journal: Journal) -> None:
    await keep(journal, said("1", room="ops"), said("2"), said("3", room="ops"))

    assert await texts(journal, "ops") == ["1", "3"]
    assert await texts(journal) == ["2"]
    assert await texts(journal, "nobody") == []


async def test_what_is_said_again_later_is_not_stored(journal: Journal) -> None:
    following = journal.follow()
    await keep(journal, said("first", session="s", key="k"))
    again = said("first", session="s", key="k")

    receipt = journal.post(again)
    await receipt.kept()

    first = receipt.repeated("s", "k")
    assert first is not None
    assert (first.id, first.draft.text) == (1, "first")
    await keep(journal, said("next"))
    assert [(entry.id, entry.draft.text) for entry in await hear(following, 2)] == [(1, "first"), (2, "next")]


async def test_what_was_kept_under_a_session_and_a_key_is_found(journal: Journal) -> None:
    await keep(journal, said("first", session="s", key="k"), said("other", session="s"))

    found = await journal.find("s", "k")

    assert found is not None
    assert (found.id, found.draft.text) == (1, "first")
    assert await journal.find("s", "other") is None
    assert await journal.find("s", "") is None


async def test_it_is_known_when_all_that_was_posted_is_kept(journal: Journal) -> None:
    for number in range(3):
        journal.post(said(str(number)))

    await journal.settled()

    assert [entry.draft.text for entry in await journal.read("lobby", limit=9)] == ["0", "1", "2"]
    assert journal.last_id == 3


async def test_of_two_drafts_posted_at_once_with_one_key_the_first_is_stored(journal: Journal) -> None:
    drafts = [said("a", session="s", key="k"), said("b"), said("c", session="s", key="k"), said("d")]

    receipts = [journal.post(draft) for draft in drafts]
    for receipt in receipts:
        await receipt.kept()

    first = receipts[2].repeated("s", "k")
    assert first is not None
    assert first.draft.text == "a"
    assert receipts[1].repeated("", "") is None
    entries = await journal.read("lobby", limit=9)
    assert [(entry.id, entry.draft.text) for entry in entries] == [(1, "a"), (2, "b"), (3, "d")]


async def test_a_repeat_at_the_end_of_a_crowd_leaves_the_others_whole(journal: Journal) -> None:
    await keep(journal, said("first", session="s", key="k"))

    await keep(journal, *(said(str(number)) for number in range(150)), said("first", session="s", key="k"))

    assert await texts(journal, limit=500) == ["first", *map(str, range(150))]


async def test_a_batch_of_nothing_but_repeats_is_kept(journal: Journal) -> None:
    await keep(journal, said("a", session="s", key="k"))

    await keep(journal, said("a", session="s", key="k"), said("a", session="s", key="k"))

    assert await texts(journal) == ["a"]


async def test_keys_of_other_sessions_and_empty_keys_repeat_nothing(journal: Journal) -> None:
    drafts = [said("a", session="s", key="k"), said("a", session="t", key="k"), said("a", session="s"), said("a")]

    await keep(journal, *drafts, *drafts[2:])

    assert len(await texts(journal)) == 6


async def test_entries_of_another_journal_are_taken_once_even_without_keys(journal: Journal) -> None:
    await keep(journal, said("mine"))
    theirs = [Entry(number, 1764000000.0, said(str(number))) for number in range(1, 6)]

    counts = [await journal.load(theirs[:end], Origin("another")) for end in (3, 3, 5)]

    assert counts == [3, 0, 2]
    assert await texts(journal) == ["mine", "1", "2", "3", "4", "5"]


async def test_an_import_that_fails_changes_nothing(journal: Journal) -> None:
    def entries() -> Iterator[Entry]:
        yield Entry(8, 1764000000.0, said("theirs"))
        raise ValueError("line 2 is damaged")

    before = journal.epoch, journal.pruned_to, journal.last_id

    with pytest.raises(ValueError, match="line 2"):
        await journal.load(entries(), Origin("another", pruned_to=7))

    assert (journal.epoch, journal.pruned_to, journal.last_id) == before
    assert await texts(journal) == []


async def test_every_journal_has_an_epoch_of_its_own(url: str, tmp_path: Path) -> None:
    async with (
        open_journal(url, data=tmp_path / "one") as one,
        open_journal(url, data=tmp_path / "two") as two,
    ):
        assert one.epoch
        assert one.epoch != two.epoch


@pytest.mark.parametrize("unknown", ["", "journal.db", "memory", "memory:x", "postgres://x"])
async def test_a_journal_that_does_not_exist_is_refused(tmp_path: Path, unknown: str) -> None:
    with pytest.raises(JournalError, match="expected sqlite:"):
        async with open_journal(unknown, data=tmp_path):
            pass


def place(owner: str, *rooms: str, nick: str = "") -> SessionRecord:
    return SessionRecord(owner, "frames", nick or "10.0.0.1:47634", nick, rooms)


async def test_places_are_kept_each_with_the_newest_that_its_owner_has(journal: Journal) -> None:
    await journal.save_sessions([place("a", "lobby"), place("b"), place("c", "lobby")], [])

    await journal.save_sessions([place("a", "ops", "lobby", nick="alice")], ["c", "nobody"])

    assert await journal.read_sessions() == [place("a", "ops", "lobby", nick="alice"), place("b")]


async def test_a_place_that_is_left_and_taken_in_one_step_is_taken(journal: Journal) -> None:
    await journal.save_sessions([place("a")], ["a"])

    assert await journal.read_sessions() == [place("a")]


async def test_places_are_there_again_after_a_restart(tmp_path: Path) -> None:
    async with open_journal("sqlite:", data=tmp_path) as journal:
        await journal.save_sessions([place("a", "lobby")], [])

    async with open_journal("sqlite:", data=tmp_path) as journal:
        assert await journal.read_sessions() == [place("a", "lobby")]
