"""The promises of every journal. A new engine adds its URL; what needs an optional part says so by `needs`."""

import re
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.chat.test_words import LINES
from tests.conftest import PATIENCE_S
from tests.journal.bare_engine import BARE
from tests.loop_watch import HELD_S, longest_hold
from tests.work import measured
from trio_chat.chat.events import PRESENCE, Draft, Entry, Kind, Receipt
from trio_chat.chat.nodes import Nodes
from trio_chat.chat.removal import REMOVABLE, is_tombstone, notice_of, target_of
from trio_chat.chat.session_record import Told
from trio_chat.chat.text import clean
from trio_chat.chat.words import phrase, words
from trio_chat.journal import (
    AccountRecord,
    AuditFilter,
    AuditRecord,
    BanRecord,
    HookRecord,
    Importable,
    InviteRecord,
    InviteSpentError,
    Journal,
    JournalError,
    KeyRecord,
    MarkRecord,
    MemoryRecord,
    MuteRecord,
    NameTakenError,
    Origin,
    Prunable,
    Searchable,
    SearchError,
    SessionEnd,
    SessionRecord,
    Shareable,
    need,
    open_history,
    open_journal,
)
from trio_chat.journal.engines import ENGINES
from trio_chat.journal.protocol import REMEMBERED_MIN
from trio_chat.journal.search_words import SEARCHED

URLS = ("memory:", "sqlite:", "redis:")
"""A URL of each engine."""

ALL_URLS = (*URLS, "bare:")


def needs(*parts: type) -> pytest.MarkDecorator:
    """Run a test with the engines that have these optional parts."""
    engines = {**ENGINES, "bare": BARE}
    return pytest.mark.parametrize("url", [it for it in ALL_URLS if not engines[it.partition(":")[0]].lacks & {*parts}])


@pytest.fixture(autouse=True)
def _bare_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add an engine that lacks every optional part."""
    monkeypatch.setitem(ENGINES, "bare", BARE)


DAY_S = 86400


@pytest.fixture(params=ALL_URLS)
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


async def test_kept_entries_are_read_back_whole(journal: Journal) -> None:
    draft = Draft("ops", Kind.TOLD, "alice", "hi", to="bob", session="secret", key="k1", account="a1", to_account="a2")
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


async def test_the_newest_entries_are_remembered(journal: Journal) -> None:
    await journal.post(*(said(str(number)) for number in range(REMEMBERED_MIN // 2))).kept()
    await journal.post(*(said(str(number), room="ops") for number in range(REMEMBERED_MIN // 2))).kept()

    assert len(await journal.read(None, limit=REMEMBERED_MIN)) == REMEMBERED_MIN
    assert journal.pruned_to == 0


async def test_an_entry_that_was_followed_can_be_read(journal: Journal) -> None:
    following = journal.follow()
    journal.post(said("hello"))

    heard = await anext(following)

    assert await journal.read("lobby", limit=10) == heard


async def test_a_reader_that_begins_at_any_moment_hears_what_comes_behind_the_last_id(journal: Journal) -> None:
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:

            async def speak() -> None:
                while True:
                    await keep(journal, said("a"), said("b"))

            nursery.start_soon(speak)
            for _ in range(30):
                following, last_id = journal.follow(), journal.last_id
                past = [entry.id for entry in await journal.read(None, limit=1000, before=last_id + 1)]
                heard = [entry.id for entry in await hear(following, 2)]

                assert [*past, *heard] == list(range(1, last_id + len(heard) + 1))
            nursery.cancel_scope.cancel()


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


async def test_what_several_tasks_post_in_one_turn_of_the_loop_is_one_batch(journal: Journal) -> None:
    receipts: list[Receipt] = []

    async def post(text: str) -> None:
        receipts.append(journal.post(said(text)))

    async with trio.open_nursery() as nursery:
        for text in "abcd":
            nursery.start_soon(post, text)

    assert receipts == receipts[:1] * 4


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


async def test_history_can_be_read_without_presence(journal: Journal) -> None:
    await keep(journal, *(Draft("lobby", kind, "alice", kind) for kind in Kind), said("elsewhere", room="ops"))
    await keep(journal, *(Draft("lobby", Kind.LEFT, "alice") for _ in range(20)), said("last"))

    past = [it for it in await journal.read("lobby", limit=100, without_presence=True) if isinstance(it, Entry)]
    newest = await journal.read("lobby", limit=2, without_presence=True)
    oldest = await journal.read("lobby", limit=2, after=0, without_presence=True)
    everywhere = await journal.read(None, limit=100, without_presence=True)

    kinds = [it.draft.kind for it in past]
    assert kinds == [*(kind for kind in Kind if kind not in PRESENCE), Kind.SAID]
    assert newest == past[-2:]
    assert oldest == past[:2]
    assert len(everywhere) == len(past) + 1


@needs(Prunable)
async def test_pruned_entries_are_not_read_any_more(journal: Journal) -> None:
    await keep(journal, said("a"), said("b"), Draft("lobby", Kind.LEFT, "alice"), said("c"))

    assert isinstance(journal, Prunable)
    await journal.prune(more_than=2)

    past = await journal.read("lobby", limit=9, without_presence=True)
    assert [it.draft.text for it in past if isinstance(it, Entry)] == ["c"]


async def test_rooms_are_read_apart(journal: Journal) -> None:
    await keep(journal, said("1", room="ops"), said("2"), said("3", room="ops"))

    assert await texts(journal, "ops") == ["1", "3"]
    assert await texts(journal) == ["2"]
    assert await texts(journal, "nobody") == []


@needs(Shareable)
async def test_no_two_clients_have_the_same_id(journal: Journal) -> None:
    ids = [need(journal, Shareable).nodes.new_client_id() for _ in range(200)]

    assert isinstance(journal.nodes, Nodes)  # type: ignore[attr-defined]
    assert len({*ids}) == 200
    assert all(re.fullmatch("c[1-9][0-9]{0,18}", it) for it in ids)


@pytest.mark.parametrize("client", ["", "c1", "c2117"])
async def test_what_is_followed_names_the_client_that_caused_it(journal: Journal, client: str) -> None:
    following = journal.follow()

    await keep(journal, Draft("lobby", Kind.SAID, "alice", "hi", client=client))

    [entry] = await hear(following, 1)
    assert entry.draft.client == client


async def test_a_later_repeat_is_not_stored(journal: Journal) -> None:
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


async def test_an_entry_is_found_by_session_and_key(journal: Journal) -> None:
    await keep(journal, said("first", session="s", key="k"), said("other", session="s"))

    found = await journal.find("s", "k")

    assert found is not None
    assert (found.id, found.draft.text) == (1, "first")
    assert await journal.find("s", "other") is None
    assert await journal.find("s", "") is None


@needs(Prunable)
async def test_a_pruned_entry_is_not_found_by_its_key(journal: Journal) -> None:
    await keep(journal, said("first", session="s", key="k"), said("second"))

    await journal.prune(more_than=1)

    assert await journal.find("s", "k") is None


async def test_all_is_well_with_a_journal_that_keeps(journal: Journal) -> None:
    await keep(journal, said("hello"))

    assert journal.fault is None
    assert journal.damage is None
    assert journal.promise
    assert sum(journal.commits.counts) in (0, 1)  # an engine that makes nothing durable has none


async def test_rooms_are_known_by_their_newest_entry_and_topic(journal: Journal) -> None:
    await keep(
        journal,
        said("1", room="ops"),
        Draft("ops", Kind.TOPIC, "alice", "old"),
        Draft("ops", Kind.TOPIC, "alice", "new"),
        said("4", room="dev"),
        Draft("@1", Kind.TOLD, "alice", "in private", to="bob"),
        said("6", room="ops"),
    )

    assert sorted((room.name, room.topic, room.last_id) for room in await journal.rooms()) == [
        ("dev", "", 4),
        ("ops", "new", 6),
    ]


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


@needs(Importable)
async def test_entries_of_another_journal_are_taken_once_even_without_keys(journal: Journal) -> None:
    await keep(journal, said("mine"))
    theirs = [Entry(number, 1764000000.0, said(str(number))) for number in range(1, 6)]

    counts = [await journal.load(theirs[:end], Origin("another")) for end in (3, 3, 5)]

    assert counts == [3, 0, 2]
    assert await texts(journal) == ["mine", "1", "2", "3", "4", "5"]


@needs(Importable)
async def test_an_import_that_fails_changes_nothing(journal: Journal) -> None:
    def entries() -> Iterator[Entry]:
        yield Entry(8, 1764000000.0, said("theirs"))
        raise ValueError("line 2 is damaged")

    before = journal.epoch, journal.pruned_to, journal.last_id

    with pytest.raises(ValueError, match="line 2"):
        await journal.load(entries(), Origin("another", pruned_to=7))

    assert (journal.epoch, journal.pruned_to, journal.last_id) == before
    assert await texts(journal) == []


@needs(Importable)
@pytest.mark.parametrize(("since", "first"), [(0, 1), (100, 1), (100.5, 2), (101, 2), (103, 3), (109, 6), (109.1, 7)])
async def test_a_time_divides_older_entries_from_newer_ones(journal: Journal, since: float, first: int) -> None:
    times = (100, 102, 104, 104, 104, 109)
    await journal.load((Entry(number, at, said("hi")) for number, at in enumerate(times, 1)), Origin("another"))

    assert await journal.first_id_since(since) == first


@needs(Importable)
async def test_ids_that_are_missing_are_among_those_that_a_time_parts(journal: Journal) -> None:
    await journal.load((Entry(number**5, number, said(str(number))) for number in range(1, 60)), Origin("another"))

    firsts = [await journal.first_id_since(number) for number in range(1, 61)]

    for number, first in enumerate(firsts, 1):
        assert [entry.draft.text for entry in await journal.read("lobby", limit=1, before=first)] == (
            [str(number - 1)] if number > 1 else []
        )
        assert [entry.draft.text for entry in await journal.read("lobby", limit=1, after=first - 1)] == (
            [str(number)] if number < 60 else []
        )


async def test_a_time_parts_nothing_where_nothing_was_kept_or_all_is_older(journal: Journal) -> None:
    assert await journal.first_id_since(time.time()) == 1

    await keep(journal, said("hi"), said("bye"))

    assert await journal.first_id_since(time.time() + DAY_S) == 3
    assert await journal.first_id_since(time.time() - DAY_S) == 1


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


async def found(
    journal: Journal,
    words: str,
    *rooms: str,
    limit: int = 100,
    before: int | None = None,
    after: int | None = None,
    author: str = "",
) -> list[str]:
    entries = await journal.search(rooms or ["lobby"], words, limit=limit, before=before, after=after, author=author)
    return [entry.draft.text for entry in entries]


@needs(Searchable)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("deploy", ["deploy the site", "Deployment is done"]),
        ("DEPLOY", ["deploy the site", "Deployment is done"]),
        ("done deploy", ["Deployment is done"]),
        ("eploy", []),
        ("gruße", ["viele Grüße"]),
        ("can't", ["I can't come"]),
        ("can", ["I can't come"]),
        ("the done", []),
        ("deploy -site", ["deploy the site"]),
        ('"deploy the" site', ["deploy the site"]),
        ('"the deploy"', []),
        ('deploy the "the site', ["deploy the site"]),
        ("site OR done", []),
        ("", []),
        ("!?", []),
    ],
)
async def test_entries_are_found_by_the_beginnings_of_all_words(
    journal: Journal, words: str, expected: list[str]
) -> None:
    await keep(journal, *map(said, ("deploy the site", "viele Grüße", "I can't come", "Deployment is done")))

    assert await found(journal, words) == expected


@needs(Searchable)
async def test_a_search_returns_the_newest_oldest_first(journal: Journal) -> None:
    await keep(journal, *(said(f"hello {number}") for number in range(5)))

    assert await found(journal, "hello", limit=2) == ["hello 3", "hello 4"]
    assert await found(journal, "hello", limit=0) == []
    assert await found(journal, "hello", limit=-1) == []


@needs(Searchable)
async def test_a_search_goes_on_before_an_id(journal: Journal) -> None:
    await keep(journal, *(said(f"hello {number}") for number in range(5)))

    assert await found(journal, "hello", limit=2, before=4) == ["hello 1", "hello 2"]
    assert await found(journal, "hello", before=1) == []


@needs(Searchable)
async def test_a_search_may_end_after_an_id(journal: Journal) -> None:
    await keep(journal, *(said(f"hello {number}") for number in range(5)))

    assert await found(journal, "hello", after=3) == ["hello 3", "hello 4"]
    assert await found(journal, "hello", after=3, before=5) == ["hello 3"]
    assert await found(journal, "hello", after=5) == []


@needs(Searchable)
async def test_a_search_may_be_for_what_one_person_said(journal: Journal) -> None:
    authors = ("alice", "José", "小明", "ali", "alice b")
    await keep(journal, *(Draft("lobby", Kind.SAID, author, f"hello from {author}") for author in authors))

    for author, spelling in zip(authors, ("ALICE", "jose", "小明", "ali", "alice b"), strict=True):
        assert await found(journal, "hello", author=spelling) == [f"hello from {author}"]
        assert await found(journal, "", author=spelling) == [f"hello from {author}"]
        assert await found(journal, "bye", author=spelling) == []
    assert await found(journal, "hello", author="明") == []
    assert await found(journal, "hello", author="!") == []


@needs(Searchable)
async def test_a_search_finds_entries_of_a_moment_ago(journal: Journal) -> None:
    await keep(journal, *(said(f"服务器 {number}") for number in range(3)))

    assert await found(journal, "务器") == ["服务器 0", "服务器 1", "服务器 2"]
    assert not journal.is_indexing


def is_held(text: str, query: str) -> bool:
    """Tell whether a text holds a query, in the simplest way."""
    held = words(text)
    for wanted in (phrase(part).split() for part in query.split()):
        starts = range(len(held) - len(wanted) + 1)
        *first, last = wanted or [""]
        if wanted and not any(
            held[start : start + len(first)] == first and held[start + len(first)].startswith(last) for start in starts
        ):
            return False
    return any(map(phrase, query.split()))


@needs(Searchable, Importable, Prunable)
@settings(max_examples=15)
@given(
    lines=st.lists(LINES, min_size=1, max_size=20),
    queries=st.lists(LINES.map(lambda line: " ".join(line[:12].split()[:8])), max_size=8),
    data=st.data(),
)
def test_a_search_finds_what_a_naive_one_does_in_every_script(
    url: str, lines: list[str], queries: list[str], data: st.DataObject
) -> None:
    lines = [clean(line) for line in lines]
    for line in lines:
        start = data.draw(st.integers(0, len(line)))
        queries.append(" ".join(line[start : start + data.draw(st.integers(1, 6))].split()[:8]))
    pruned = data.draw(st.integers(0, len(lines) - 1))

    async def check() -> None:
        with TemporaryDirectory() as folder:
            async with open_journal(url, data=Path(folder)) as journal:
                await journal.load(
                    (Entry(number, 1.7e9, said(line)) for number, line in enumerate(lines, 1)), Origin("one")
                )
                for remaining in (lines, lines[pruned:]):
                    for query in queries:
                        assert await found(journal, query) == [line for line in remaining if is_held(line, query)], (
                            query
                        )
                    await journal.prune(more_than=len(lines) - pruned)

    trio.run(check)


@needs(Searchable)
async def test_a_search_looks_into_the_given_rooms_only(journal: Journal) -> None:
    await keep(journal, said("hello", room="ops"), said("hello all"), said("hello dev", room="dev"))

    assert await found(journal, "hello", "ops", "dev") == ["hello", "hello dev"]
    assert await found(journal, "hello", "nobody") == []
    assert list(await journal.search([], "hello", limit=9)) == []


@needs(Searchable)
@pytest.mark.parametrize("kind", Kind)
async def test_only_what_people_said_is_searched(journal: Journal, kind: Kind) -> None:
    await keep(journal, Draft("lobby", kind, "alice", "hello"))

    assert await found(journal, "hello") == (["hello"] if kind in SEARCHED else [])


@needs(Searchable, Prunable)
async def test_pruned_entries_are_not_found_by_a_search(journal: Journal) -> None:
    await keep(journal, *(said(f"hello {number}") for number in range(5)))

    await journal.prune(more_than=2)

    assert await found(journal, "hello") == ["hello 3", "hello 4"]


SPELLINGS = (
    "deploy",
    "DEPLOY",
    "Deploy",
    "deploy,",
    "(deploy)",
    "déploy",
    "de\u0301ploy",
    "deploy!",
    "...deploy",
    "#deploy",
)


@needs(Searchable)
async def test_words_that_find_the_same_count_as_one(journal: Journal) -> None:
    await keep(journal, said("deploy the site"))

    assert await found(journal, " ".join(SPELLINGS)) == ["deploy the site"]


@needs(Searchable)
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("a b c d e f g h i", "at most 8 words"),
        (" ".join(f"{a}.{b}" for a in "aitohfw" for b in "aitohfw"), "at most 8 words"),
        ("a" * 257, "at most 256 characters"),
        ("a" + "\u0301\u0327" * 40_000, "at most 256 characters"),  # normalising that takes seconds
    ],
    ids=["words", "phrases", "letters", "marks"],
)
async def test_a_search_for_too_much_is_refused_before_anything_is_done(
    journal: Journal, words: str, reason: str
) -> None:
    with measured() as work, pytest.raises(SearchError, match=reason):
        await found(journal, words)

    assert work.usual_s < 0.05


@needs(Searchable, Importable)
async def test_a_search_holds_the_loop_for_moments_only(journal: Journal) -> None:
    origin = Origin("another")
    await journal.load((Entry(number, 1.7e9, said("water time " * 370)) for number in range(1, 501)), origin)

    async with longest_hold() as longest_s:
        assert await found(journal, "nothing water") == []

    assert 0 < longest_s() < HELD_S


@needs(Prunable)
@pytest.mark.parametrize(("more_than", "left"), [(9, 5), (5, 5), (2, 2), (1, 1), (0, 1)])
async def test_all_but_the_newest_are_pruned(journal: Journal, more_than: int, left: int) -> None:
    await keep(journal, *map(said, "abcde"))

    await journal.prune(more_than=more_than)

    assert await texts(journal) == list("abcde")[-left:]
    assert journal.pruned_to == 5 - left
    await keep(journal, said("f"))
    assert journal.last_id == 6


@needs(Prunable, Importable)
async def test_entries_are_pruned_by_age(journal: Journal) -> None:
    ages_days = (40, 31, 29, 1)
    old = [Entry(number, time.time() - age * DAY_S, said(f"{age} days")) for number, age in enumerate(ages_days, 1)]
    await journal.load(old, Origin("another"))

    await journal.prune(older_than=30 * DAY_S)

    assert await texts(journal) == ["29 days", "1 days"]
    assert journal.pruned_to == 2


@needs(Prunable, Importable)
async def test_an_old_entry_behind_a_younger_one_is_not_pruned(journal: Journal) -> None:
    ages_days = (40, 1, 40, 1)
    old = [Entry(number, time.time() - age * DAY_S, said(str(number))) for number, age in enumerate(ages_days, 1)]
    await journal.load(old, Origin("another"))

    await journal.prune(older_than=30 * DAY_S)

    assert await texts(journal) == ["2", "3", "4"]


@needs(Prunable, Importable)
async def test_the_newest_entry_is_never_pruned(journal: Journal) -> None:
    old = [Entry(number, time.time() - 40 * DAY_S, said(str(number))) for number in (1, 2)]
    await journal.load(old, Origin("another"))

    await journal.prune(older_than=30 * DAY_S)

    assert await texts(journal) == ["2"]


@needs(Prunable, Importable)
@pytest.mark.parametrize(
    ("ages_days", "left"),
    [
        ((40, -3000, 39, 38, 1), "4"),
        ((40, *[-3000] * 9, 39, 38, 1), "12"),
        ((-3000, 40, 39, 1), "3"),
        ((40, -3000, 1, 1), "123"),
        ((2, 2, 2, 20000, 1, 1), "012345"),
        ((40, 39, 38, 2, 2, 20000, 1, 1), "34567"),
        ((-3000, -3000), "01"),
    ],
    ids=["once ahead", "ahead for a while", "ahead first", "ahead, then young", "once behind", "both", "ahead still"],
)
async def test_m14_a_clock_that_was_wrong_once_neither_keeps_old_entries_nor_prunes_young_ones(
    journal: Journal, ages_days: Sequence[int], left: str
) -> None:
    now = time.time()
    entries = [Entry(number + 1, now - age * DAY_S, said(str(number))) for number, age in enumerate(ages_days)]
    await journal.load(entries, Origin("another"))

    await journal.prune(older_than=30 * DAY_S)

    expected = ["12"] if left == "12" else list(left)
    assert await texts(journal) == expected


@needs(Prunable)
async def test_pruned_ids_are_known_by_room(journal: Journal) -> None:
    await keep(journal, said("a", room="ops"), *map(said, "bcd"), said("e", room="dev"))

    assert [await journal.pruned_in(room) for room in ("lobby", "ops", "dev", "nobody")] == [0, 0, 0, 0]
    await journal.prune(more_than=2)

    assert [await journal.pruned_in(room) for room in ("lobby", "ops", "dev", "nobody")] == [3, 1, 0, 0]
    await journal.prune(more_than=1)
    assert [await journal.pruned_in(room) for room in ("lobby", "ops", "dev", "nobody")] == [4, 1, 0, 0]


@needs(Prunable)
async def test_a_topic_counts_as_pruned_once_it_is_gone(journal: Journal) -> None:
    topic = Draft("ops", Kind.TOPIC, "alice", "old")
    await keep(journal, topic, said("a"), said("b"))
    await journal.prune(more_than=1)
    assert await journal.pruned_in("ops") == 0

    await keep(journal, Draft("ops", Kind.TOPIC, "alice", "new"), said("c"))
    await journal.prune(more_than=1)

    assert await journal.pruned_in("ops") == 1


@needs(Importable)
async def test_of_what_another_journal_pruned_every_room_may_have_lost_some(journal: Journal) -> None:
    await journal.load([Entry(8, 1764000000.0, said("theirs"))], Origin("another", pruned_to=7))

    assert [await journal.pruned_in(room) for room in ("lobby", "ops")] == [7, 7]


@needs(Prunable)
async def test_topics_outlive_pruning(journal: Journal) -> None:
    topics = [Draft("lobby", Kind.TOPIC, "alice", topic) for topic in ("old", "new")]
    await keep(journal, *topics, *map(said, "abc"))

    await journal.prune(more_than=1)

    assert [room.topic for room in await journal.rooms()] == ["new"]
    assert await texts(journal) == ["new", "c"]


async def record_all(journal: Journal, *records: AuditRecord) -> list[AuditRecord]:
    """Keep records of the audit log, and return them as they are read."""
    for one in records:
        await journal.record_audit(one)
    return [msgspec.structs.replace(one, id=number) for number, one in enumerate(records, 1)]


AUDIT = tuple(
    AuditRecord(float(number), f"http {who}@10.0.0.1", action, f"10.0.0.{number}:47634")
    for number, (who, action) in enumerate([("ann", "kick"), ("bob", "ban"), ("ann", "ban"), ("bob", "kick")], 10)
)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (AuditFilter(), [1, 2, 3, 4]),
        (AuditFilter(who="ann"), [1, 3]),
        (AuditFilter(who="%"), []),
        (AuditFilter(action="ban"), [2, 3]),
        (AuditFilter(action="ba"), []),
        (AuditFilter(since=11.0), [2, 3, 4]),
        (AuditFilter(until=11.0), [1]),
        (AuditFilter(before=3), [1, 2]),
        (AuditFilter(who="bob", action="kick", since=11.0, until=14.0, before=9), [4]),
    ],
    ids=str,
)
async def test_the_audit_log_is_read_by_a_filter(journal: Journal, wanted: AuditFilter, numbers: list[int]) -> None:
    await record_all(journal, *AUDIT)

    assert [record.id for record in await journal.read_audit(9, wanted)] == numbers
    assert [record.id for record in await journal.read_audit(1, wanted)] == numbers[-1:]


async def test_the_newest_of_the_audit_log_are_read_oldest_first(journal: Journal) -> None:
    made = [AuditRecord(float(number), "console", "kick", f"10.0.0.{number}:47634") for number in range(5)]
    records = await record_all(journal, *made)

    assert await journal.read_audit(3) == records[2:]
    assert await journal.read_audit(9) == records
    assert await journal.read_audit(0) == []
    assert await journal.read_audit(-1) == []


async def test_hooks_are_read_oldest_first_until_they_are_removed(journal: Journal) -> None:
    old = HookRecord("deploy", "ops", "0" * 64, "console", 2.0)
    new = HookRecord("alert", "ops", "1" * 64, "console", 3.0)
    for hook in (new, old):
        await journal.add_hook(hook)
    assert await journal.read_hooks() == [old, new]

    await journal.remove_hook("nobody")
    await journal.remove_hook("deploy")
    assert await journal.read_hooks() == [new]


async def test_a_ban_replaces_an_earlier_one_of_the_same_network(journal: Journal) -> None:
    old, new = (BanRecord("10.0.0.0/8", reason, "console", 2.0, until) for reason, until in (("a", None), ("b", 9.5)))
    other = BanRecord("192.0.2.0/24", "spam", "api", 1.0)
    for ban in (old, other, new):
        await journal.add_ban(ban)

    assert await journal.read_bans() == [other, new]


async def test_a_ban_that_is_removed_is_gone(journal: Journal) -> None:
    ban = BanRecord("10.0.0.0/8", "spam", "console", 2.0)
    await journal.add_ban(ban)

    await journal.remove_ban("192.0.2.0/24")
    assert await journal.read_bans() == [ban]

    await journal.remove_ban(ban.network)
    assert await journal.read_bans() == []


def mute_record(number: int, since: float = 1.0, *, reason: str = "spam", until: float | None = None) -> MuteRecord:
    return MuteRecord(number, "alice", "10.0.0.1/32", "s" * 32, "a b", reason, "console", since, until)


async def test_a_mute_replaces_an_earlier_one_with_its_number(journal: Journal) -> None:
    old, new, other = mute_record(2, 2.0), mute_record(2, 2.0, reason="flood", until=9.5), mute_record(7)
    for mute in (old, other, new):
        await journal.add_mute(mute)

    assert await journal.read_mutes() == [other, new]


async def test_a_mute_that_is_removed_is_gone(journal: Journal) -> None:
    await journal.add_mute(mute_record(2))

    await journal.remove_mute(3)
    assert await journal.read_mutes() == [mute_record(2)]

    await journal.remove_mute(2)
    assert await journal.read_mutes() == []


def record(owner: str, *rooms: str, nick: str = "") -> SessionRecord:
    return SessionRecord(owner, "frames", nick or "10.0.0.1:47634", nick, rooms)


async def test_each_session_record_replaces_the_earlier_one_of_its_owner(journal: Journal) -> None:
    await journal.post(sessions=[record("a", "lobby"), record("b"), record("c", "lobby")]).kept()

    ends = [SessionEnd("c"), SessionEnd("nobody")]
    await journal.post(sessions=[record("a", "ops", "lobby", nick="alice"), *ends]).kept()

    assert await journal.read_sessions() == [record("a", "ops", "lobby", nick="alice"), record("b")]


async def test_a_session_record_has_an_address_and_what_others_were_told(journal: Journal) -> None:
    told = (None, Told("10.0.0.1:47634", ()), Told("bob", ("lobby", "ops")))
    records = [replace(record(f"{n}", "dev"), address="2001:db8::1", told=it) for n, it in enumerate(told)]

    await journal.post(sessions=records).kept()

    assert await journal.read_sessions() == records


@pytest.mark.parametrize("is_ended_last", [False, True])
async def test_of_two_changes_of_one_session_record_the_last_one_holds(journal: Journal, is_ended_last: bool) -> None:
    changes = [SessionEnd("a"), record("a")]
    for change in reversed(changes) if is_ended_last else changes:
        journal.post(sessions=[change])

    await journal.settled()

    assert await journal.read_sessions() == ([] if is_ended_last else [record("a")])


async def test_session_records_are_kept_with_their_drafts(journal: Journal) -> None:
    following = journal.follow()

    await journal.post(said("1", room="ops"), said("2", room="dev"), sessions=[record("a", "ops", "dev")]).kept()

    assert [entry.draft.text for entry in await hear(following, 2)] == ["1", "2"]
    assert await journal.read_sessions() == [record("a", "ops", "dev")]


async def test_a_session_record_is_kept_though_its_draft_is_a_repeat(journal: Journal) -> None:
    await keep(journal, said("first", session="s", key="k"))

    await journal.post(said("first", session="s", key="k"), sessions=[record("a")]).kept()

    assert await texts(journal) == ["first"]
    assert await journal.read_sessions() == [record("a")]


async def test_any_number_of_session_records_is_kept_at_once(journal: Journal) -> None:
    records = [record(f"owner {number:03}", "lobby", "ops") for number in range(200)]
    await journal.post(sessions=records).kept()

    await journal.post(sessions=[SessionEnd(one.owner) for one in records[:101]]).kept()

    assert await journal.read_sessions() == records[101:]


async def test_owners_of_any_text_are_told_apart(journal: Journal) -> None:
    owners = ["", "\0", "\0a", "1", "1.0", "'; --", "null", "é", "e\u0301"]

    await journal.post(sessions=[record(owner) for owner in owners]).kept()

    assert [one.owner for one in await journal.read_sessions()] == sorted(owners)


async def test_of_drafts_posted_together_none_is_kept_again_where_one_is_a_repeat(journal: Journal) -> None:
    group = [said("a"), said("b"), said("c", session="s", key="k")]

    receipts = [journal.post(*group), journal.post(*group), journal.post(said("d"))]
    for receipt in receipts:
        await receipt.kept()
    again = journal.post(*group)
    await again.kept()
    other = journal.post(said("e"), said("f", session="s", key="k"))
    await other.kept()

    assert await texts(journal) == ["a", "b", "c", "d"]
    for receipt in (again, other):
        kept = receipt.repeated("s", "k")
        assert kept is not None
        assert (kept.id, kept.draft.text) == (3, "c")


async def test_drafts_posted_together_stand_together_beside_others(journal: Journal) -> None:
    for number in range(30):
        journal.post(said(f"one {number}"))
        journal.post(*(said(f"{number}.{line}") for line in range(7)))
    await journal.settled()

    kept = await texts(journal, limit=500)
    assert kept == [
        text for number in range(30) for text in (f"one {number}", *(f"{number}.{line}" for line in range(7)))
    ]


async def remove(journal: Journal, entry_id: int, reason: str = "") -> Entry:
    """Remove an entry, and return its tombstone."""
    before, after = entry_id + 1, entry_id - 1
    (entry,) = await journal.read(None, limit=1, before=before, after=after)
    assert isinstance(entry, Entry)
    await journal.post(notice_of(entry, reason)).kept()
    (tombstone,) = await journal.read(None, limit=1, before=before, after=after)
    assert isinstance(tombstone, Entry)
    return tombstone


@pytest.mark.parametrize("kind", REMOVABLE)
async def test_a_removed_entry_leaves_a_tombstone_in_its_place_and_a_notice_at_the_end(
    journal: Journal, kind: Kind
) -> None:
    room = "@bob" if kind is Kind.TOLD else "lobby"
    await keep(journal, replace(said("secret", room=room), kind=kind), said("later", room=room))
    (entry, _) = await journal.read(room, limit=9)
    assert isinstance(entry, Entry)

    tombstone = await remove(journal, 1, "rude")

    past = await journal.read(room, limit=9, without_presence=True)
    assert [it.id for it in past] == [1, 2, 3]
    assert past[0] == tombstone
    assert tombstone.id == entry.id
    assert tombstone.time == entry.time
    assert (tombstone.draft.room, tombstone.draft.author, tombstone.draft.kind) == (room, "alice", Kind.REMOVED)
    assert is_tombstone(tombstone.draft)
    assert not is_tombstone(past[2].draft)
    assert target_of(past[2].draft) == 1
    assert past[2].draft.text.endswith("was removed: rude")
    assert "secret" not in str(past)


async def test_a_tombstone_comes_to_the_follower_ahead_of_its_notice(journal: Journal) -> None:
    await keep(journal, said("secret"), said("later"))
    following = journal.follow()

    await remove(journal, 1)
    await keep(journal, said("last"))

    assert [(it.id, it.draft.kind) for it in await hear(following, 3)] == [
        (1, Kind.REMOVED),
        (3, Kind.REMOVED),
        (4, Kind.SAID),
    ]


async def test_an_entry_is_removed_once_however_often_it_is_asked_for(journal: Journal) -> None:
    await keep(journal, said("secret"))
    (entry,) = await journal.read("lobby", limit=1)
    assert isinstance(entry, Entry)
    notices = [notice_of(entry, reason) for reason in ("first", "second", "third")]

    receipts = [journal.post(notice) for notice in notices[:2]]
    for receipt in receipts:
        await receipt.kept()
    await (late := journal.post(notices[2])).kept()

    (_, kept) = await journal.read("lobby", limit=9)
    assert isinstance(kept, Entry)
    assert kept.draft.text.endswith("first")
    for receipt, notice in ((receipts[1], notices[1]), (late, notices[2])):
        assert receipt.repeated(notice.session, notice.key) == kept
    assert journal.last_id == 2


async def test_what_was_removed_still_counts_as_said_under_its_key(journal: Journal) -> None:
    await keep(journal, said("secret", session="s" * 16, key="k"))
    tombstone = await remove(journal, 1)

    receipt = journal.post(said("secret", session="s" * 16, key="k"))
    await receipt.kept()

    assert receipt.repeated("s" * 16, "k") == tombstone == await journal.find("s" * 16, "k")
    assert journal.last_id == 2


async def test_the_room_of_what_was_removed_is_kept(journal: Journal) -> None:
    await keep(journal, said("secret", room="ops"))

    await remove(journal, 1)

    assert [(it.name, it.last_id) for it in await journal.rooms()] == [("ops", 2)]


async def test_the_topic_before_a_removed_one_holds_again_unless_it_is_cleared(journal: Journal) -> None:
    topics = [replace(said(text), kind=Kind.TOPIC) for text in ("first", "second")]
    await keep(journal, *topics)

    await remove(journal, 2)
    before = [it.topic for it in await journal.rooms()]
    await remove(journal, 1)

    assert before == ["first"]
    assert [it.topic for it in await journal.rooms()] == [""]


@pytest.mark.parametrize("kind", [Kind.JOINED, Kind.KICKED, Kind.RENAMED, Kind.CROWD, Kind.REMOVED])
async def test_entries_without_words_of_anybody_are_not_removed(journal: Journal, kind: Kind) -> None:
    await keep(journal, replace(said("bob"), kind=kind))

    await keep(journal, Draft("lobby", Kind.REMOVED, "server", "it was removed", "1"))

    past = await journal.read("lobby", limit=1, before=2)
    assert [(it.draft.kind, it.draft.text) for it in past if isinstance(it, Entry)] == [(kind, "bob")]


@pytest.mark.parametrize("target", ["2", "99", "x", "-1", "1" * 30, "\u0661", "0"])
async def test_a_notice_that_names_no_entry_of_its_room_removes_nothing(journal: Journal, target: str) -> None:
    await keep(journal, said("here"), said("there", room="ops"))

    await keep(journal, Draft("lobby", Kind.REMOVED, "server", "it was removed", target))

    assert (await texts(journal))[0] == "here"
    assert await texts(journal, "ops") == ["there"]


@needs(Searchable)
async def test_what_was_removed_is_not_found_by_a_search(journal: Journal) -> None:
    await keep(journal, said("the secret plan"), said("the other plan"))

    await remove(journal, 1)

    assert await found(journal, "secret") == []
    assert await found(journal, "plan") == ["the other plan"]
    assert await found(journal, "", author="alice") == ["the other plan"]


@needs(Prunable)
async def test_tombstones_and_their_notices_are_pruned_like_other_entries(journal: Journal) -> None:
    await keep(journal, said("secret"), said("kept"))
    await remove(journal, 1)
    await keep(journal, said("newest"))
    assert isinstance(journal, Prunable)

    await journal.prune(more_than=1)

    assert await texts(journal) == ["newest"]


async def removed_and_exported(tmp_path: Path) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of a journal before the second of three was removed, and after."""
    async with open_journal("memory:", data=tmp_path) as other:
        await keep(other, said("one"), said("secret"), said("three"))
        before = [it for it in await other.read(None, limit=9) if isinstance(it, Entry)]
        await remove(other, 2)
        return before, [it for it in await other.read(None, limit=9) if isinstance(it, Entry)]


@needs(Importable)
@pytest.mark.parametrize("own", [0, 7])
async def test_a_removal_is_imported_with_its_tombstone(journal: Journal, tmp_path: Path, own: int) -> None:
    assert isinstance(journal, Importable)
    await keep(journal, *(said(f"own {number}") for number in range(own)))
    _, entries = await removed_and_exported(tmp_path)

    await journal.load(entries, Origin("another"))

    past = await journal.read("lobby", limit=4)
    assert [it.id for it in past] == [own + 1, own + 2, own + 3, own + 4]
    assert [target_of(it.draft) for it in past if isinstance(it, Entry)] == [None, None, None, own + 2]


@needs(Importable)
@pytest.mark.parametrize("own", [0, 7])
async def test_a_removal_that_is_imported_removes_what_came_with_its_words(
    journal: Journal, tmp_path: Path, own: int
) -> None:
    assert isinstance(journal, Importable)
    await keep(journal, *(said(f"own {number}") for number in range(own)))
    before, after = await removed_and_exported(tmp_path)

    await journal.load([*before, after[-1]], Origin("another"))

    assert "secret" not in await texts(journal)
    assert (await texts(journal))[own:] == ["one", *[it.draft.text for it in after[1:2]], "three", after[-1].draft.text]


@needs(Importable)
async def test_a_later_import_removes_what_an_earlier_one_brought_under_the_same_ids(
    journal: Journal, tmp_path: Path
) -> None:
    assert isinstance(journal, Importable)
    before, after = await removed_and_exported(tmp_path)
    await journal.load(before, Origin("another"))

    await journal.load(after, Origin("another"))

    assert "secret" not in await texts(journal)


@needs(Importable)
async def test_an_imported_removal_stands_in_the_way_of_none_here(journal: Journal, tmp_path: Path) -> None:
    assert isinstance(journal, Importable)
    await keep(journal, said("own"), said("own secret"))
    before, after = await removed_and_exported(tmp_path)
    await journal.load(before, Origin("another"))
    await journal.load(after, Origin("another"))
    assert "own secret" in await texts(journal)

    tombstone = await remove(journal, 2)

    assert is_tombstone(tombstone.draft)
    assert "own secret" not in await texts(journal)


async def test_what_gave_way_is_kept_beside_what_it_gave_way_to_and_only_a_repeat_of_it_is_left_out(
    journal: Journal,
) -> None:
    await keep(journal, said("first", session="s", key="used"))
    gave_way = [said(key, room="@gone", session="s", key=key) for key in ("a", "used", "last", "b", "a")]

    receipt = journal.post(said("sum"), said("last", session="s", key="last"), superseded=gave_way)
    await receipt.kept()

    assert await texts(journal) == ["first", "sum", "last"]
    assert await texts(journal, "@gone") == ["a", "b"]
    found = {key: await journal.find("s", key) for key in ("used", "last", "a", "b")}
    assert [entry.draft.text for entry in found.values() if isinstance(entry, Entry)] == ["first", "last", "a", "b"]
    repeated = receipt.repeated("s", "used")
    assert repeated
    assert repeated.draft.text == "first"
    assert [room.name for room in await journal.rooms()] == ["lobby"]


async def test_what_gave_way_is_kept_in_the_batch_of_what_it_gave_way_to(journal: Journal) -> None:
    following = journal.follow()

    journal.post(said("last"), superseded=[said("old", room="@gone", session="s", key="k")])

    assert [entry.draft.text for entry in await anext(following)] == ["last", "old"]


@pytest.mark.parametrize("accounts", [("a1", ""), ("", "a2"), ("a1", "a2")])
async def test_an_account_is_kept_beside_entries_without_one(journal: Journal, accounts: tuple[str, str]) -> None:
    account, to_account = accounts
    borne = replace(said("borne", key="k", session="s"), account=account, to_account=to_account)
    drafts = [said("before"), borne, said("after")]

    await keep(journal, *drafts)
    crowd = [journal.post(draft) for draft in (said("one"), replace(borne, text="two", key=""), said("three"))]
    for receipt in crowd:
        await receipt.kept()

    entries = [it for it in await journal.read("lobby", limit=9) if isinstance(it, Entry)]
    assert [(it.draft.account, it.draft.to_account) for it in entries] == [("", ""), accounts, ("", "")] * 2
    assert await journal.find("s", "k") == entries[1]


async def test_a_tombstone_bears_the_account_of_what_was_removed(journal: Journal) -> None:
    await keep(journal, replace(said("secret"), account="a1"))

    await remove(journal, 1)

    [tombstone, _] = await journal.read("lobby", limit=9)
    assert isinstance(tombstone, Entry)
    assert is_tombstone(tombstone.draft)
    assert tombstone.draft.account == "a1"


@needs(Importable)
async def test_accounts_in_entries_are_imported(journal: Journal) -> None:
    entry = Entry(5, 1.0, Draft("@a2", Kind.TOLD, "alice", "hi", to="bob", account="a1", to_account="a2"))

    assert await journal.load([entry], Origin("elsewhere")) == 1

    assert await journal.read("@a2", limit=9) == [entry]


async def test_a_session_record_and_a_mute_have_an_account(journal: Journal) -> None:
    session, mute = replace(record("s"), account="a1"), replace(mute_record(1), account="a1")

    await journal.post(sessions=[session]).kept()
    await journal.add_mute(mute)

    assert await journal.read_sessions() == [session]
    assert await journal.read_mutes() == [mute]


def account_record(name: str, since: float = 1.0, *, id: str = "", keys: tuple[KeyRecord, ...] = ()) -> AccountRecord:
    return AccountRecord(id or f"id-{name}", name, name.casefold(), since, since, "own", f"hash of {name}", keys)


BLOBS = [b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes([number]) * 32).decode() for number in range(2)]

KEYS = (KeyRecord(BLOBS[0], 1.5, "own"), KeyRecord(BLOBS[1], 2.5, "file"))


async def test_accounts_are_read_back_whole_oldest_first(journal: Journal) -> None:
    younger, older = account_record("alice", 2.0, keys=KEYS), account_record("bob", 1.0)

    await journal.keep_account(younger)
    await journal.keep_account(older)

    assert list(await journal.read_accounts()) == [older, younger]
    assert list(await journal.read_names()) == [(older, None), (younger, None)]


async def test_an_account_is_changed_by_its_id(journal: Journal) -> None:
    await journal.keep_account(account_record("alice", keys=KEYS))
    changed = replace(account_record("alice", keys=KEYS[:1]), name="Alice", seen=9.0, password="")

    await journal.keep_account(changed)

    assert list(await journal.read_accounts()) == [changed]


async def test_a_name_belongs_to_one_account(journal: Journal) -> None:
    first, second = account_record("alice"), replace(account_record("Alice", id="other"), password="mine")
    await journal.keep_account(first)

    with pytest.raises(NameTakenError, match="Alice"):
        await journal.keep_account(second)

    assert list(await journal.read_accounts()) == [first]


async def test_an_account_cannot_be_changed_to_the_name_of_another(journal: Journal) -> None:
    await journal.keep_account(alice := account_record("alice"))
    await journal.keep_account(bob := account_record("bob"))

    with pytest.raises(NameTakenError):
        await journal.keep_account(replace(bob, folded=alice.folded))

    assert list(await journal.read_accounts()) == [alice, bob]


async def test_of_two_claims_at_once_one_wins(journal: Journal) -> None:
    lost: list[str] = []

    async def claim(account: AccountRecord) -> None:
        try:
            await journal.keep_account(account)
        except NameTakenError:
            lost.append(account.id)

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(claim, account_record("alice", id=str(number)))

    [winner] = await journal.read_accounts()
    assert sorted([winner.id, *lost]) == ["0", "1", "2", "3", "4"]


def invite_record(digest: str, uses: int = 1, *, account: str = "", since: float = 1.0) -> InviteRecord:
    return InviteRecord(digest, account, uses, "console", since, since + DAY_S)


async def test_invites_are_read_oldest_first_until_they_are_removed(journal: Journal) -> None:
    younger, older = invite_record("d1", 3, since=2.0), invite_record("d2", account="id-bob")
    for invite in (younger, older, replace(younger, uses=2)):
        await journal.keep_invite(invite)
    await journal.remove_invite("nobody's")

    assert list(await journal.read_invites()) == [older, replace(younger, uses=2)]

    await journal.remove_invite("d2")
    assert list(await journal.read_invites()) == [replace(younger, uses=2)]


async def test_an_invite_is_used_up_by_as_many_accounts_as_it_is_for(journal: Journal) -> None:
    await journal.keep_invite(invite_record("d1", 2))
    for name in ("alice", "bob"):
        await journal.keep_account(account_record(name), invite="d1")

    for digest in ("d1", "unknown"):
        with pytest.raises(InviteSpentError):
            await journal.keep_account(account_record("carol"), invite=digest)

    assert [it.name for it in await journal.read_accounts()] == ["alice", "bob"]
    assert [it.uses for it in await journal.read_invites()] == [0]


async def test_a_claim_that_is_refused_takes_no_use_of_its_invite(journal: Journal) -> None:
    await journal.keep_invite(invite_record("d1"))
    await journal.keep_account(account_record("alice"))

    with pytest.raises(NameTakenError):
        await journal.keep_account(account_record("alice", id="other"), invite="d1")

    assert [it.uses for it in await journal.read_invites()] == [1]


def memory_record(account: str, *rooms: str) -> MemoryRecord:
    return MemoryRecord(account, rooms, ("eve", "mallory"), (MarkRecord("lobby", 7, 1.5), MarkRecord("@", 2**40, 2.5)))


async def test_memories_are_kept_until_others_take_their_place(journal: Journal) -> None:
    await journal.keep_memories([memory_record("id-alice", "lobby"), memory_record("id-bob")])

    await journal.keep_memories([memory_record("id-alice", "lobby", "dev")])

    assert await journal.read_memory("id-alice") == memory_record("id-alice", "lobby", "dev")
    assert await journal.read_memory("id-bob") == memory_record("id-bob")
    assert await journal.read_memory("id-carol") is None


async def test_with_an_account_go_its_memory_and_its_invites(journal: Journal) -> None:
    for name in ("alice", "bob"):
        await journal.keep_account(account_record(name))
        await journal.keep_memories([memory_record(f"id-{name}", "lobby")])
        await journal.keep_invite(invite_record(f"for {name}", account=f"id-{name}"))
    await journal.keep_invite(invite_record("for all"))

    await journal.remove_account("id-alice")
    await journal.remove_account("nobody's")

    assert list(await journal.read_names()) == [(account_record("bob"), memory_record("id-bob", "lobby"))]
    assert await journal.read_memory("id-alice") is None
    assert {it.digest for it in await journal.read_invites()} == {"for bob", "for all"}


@needs(Importable)
@pytest.mark.parametrize("keeps_marks", [True, False])
async def test_names_of_another_journal_are_taken_unless_they_are_taken_here(
    journal: Journal, *, keeps_marks: bool
) -> None:
    bob = memory_record("id-bob", "dev")
    await journal.keep_account(alice := account_record("alice"))
    names = [
        (replace(alice, by="elsewhere"), memory_record("id-alice")),  # the same account: here it may be newer
        (account_record("bob", 2.0, keys=KEYS), bob),
        (account_record("Alice", id="other"), memory_record("other")),
    ]

    refused = await journal.load_names(names, keeps_marks=keeps_marks)

    kept = bob if keeps_marks else replace(bob, marks=())
    assert list(refused) == ["Alice"]
    assert list(await journal.read_names()) == [(alice, None), (account_record("bob", 2.0, keys=KEYS), kept)]
    assert await journal.read_memory("other") is None


def told(author: str, to: str, text: str, *, account: str = "", to_account: str = "", room: str = "@a1") -> Draft:
    return Draft(room, Kind.TOLD, author, text, to, account=account, to_account=to_account)


CONVERSATIONS = (
    told("bob", "alice", "1 from a member", account="a2", to_account="a1"),
    told("alice", "bob", "2 to a member", account="a1", to_account="a2"),
    told("Bob", "alice", "3 from a guest of that name", to_account="a1"),
    told("alice", "BOB", "4 to a guest of that name", account="a1"),
    told("carol", "alice", "5 from another", account="a3", to_account="a1"),
    Draft("@a1", Kind.ANNOUNCED, "bob", "6 told to nobody", account="a2"),
    told("bob", "alice", "7 in another mailbox", account="a2", room="@a3"),
    told("bob", "alice", "8 from a member", account="a2", to_account="a1"),
)


@pytest.mark.parametrize(
    ("other", "bounds", "found"),
    [
        ({"account": "a2"}, {}, "128"),
        ({"name": "bob"}, {}, "34"),
        ({"name": "bOB"}, {"limit": 1}, "4"),
        ({"account": "a2"}, {"limit": 2}, "28"),
        ({"account": "a2"}, {"before": 8, "limit": 1}, "2"),
        ({"account": "a2"}, {"after": 1, "limit": 1}, "2"),
        ({"account": "a2"}, {"after": 1, "before": 8}, "2"),
        ({"account": "a4"}, {}, ""),
        ({"name": "dave"}, {}, ""),
        ({"name": "bob"}, {"limit": 0}, ""),
    ],
)
async def test_a_conversation_is_with_one_other(
    journal: Journal, other: dict[str, str], bounds: dict[str, int], found: str
) -> None:
    await keep(journal, *CONVERSATIONS)

    past = await journal.conversation("@a1", **other, **{"limit": 100, **bounds})  # type: ignore[arg-type]

    assert "".join(it.draft.text[0] for it in past if isinstance(it, Entry)) == found


async def test_an_account_is_not_a_guest_of_an_empty_name(journal: Journal) -> None:
    await keep(journal, *CONVERSATIONS)

    assert list(await journal.conversation("@a1", limit=9)) == []


async def test_news_are_what_was_said_above_a_mark(journal: Journal) -> None:
    others = [Draft("dev", kind, "bob", "") for kind in PRESENCE]
    await keep(journal, said("1"), said("2", room="dev"), *others, said("3", room="dev"), told("bob", "alice", "4"))
    last = journal.last_id

    assert await journal.count_news({"lobby": 0, "dev": 1, "@a1": 0, "empty": 0}) == {
        "lobby": 1,
        "dev": 2,
        "@a1": 1,
        "empty": 0,
    }
    assert await journal.count_news({"dev": 2, "@a1": last, "lobby": 1}) == {"dev": 1, "@a1": 0, "lobby": 0}
    assert await journal.count_news({"dev": 0}, most=1) == {"dev": 1}


def by_guest(digest: str, to_account: str) -> Draft:
    return Draft(f"@{to_account}", Kind.TOLD, "guest", "hi", "to", session=digest, to_account=to_account)


def by_member(account: str, to_account: str) -> Draft:
    return told("member", "to", "hi", account=account, to_account=to_account, room=f"@{to_account}")


async def waiting_of(journal: Journal, *, per_account: int = 100, most: int = 1000) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for it in await journal.count_waiting(per_account=per_account, most=most):
        assert it.sender not in found.setdefault(it.account, {})
        found[it.account][it.sender] = it.number
    return found


async def test_what_others_told_an_account_above_its_mark_waits_by_sender(journal: Journal) -> None:
    for account in ("a1", "a2", "a3", "a4"):
        await journal.keep_account(account_record(f"name-{account}", id=account))
    await keep(journal, by_member("a2", "a1"), by_guest("f00d", "a2"))
    read_to = journal.last_id
    await keep(
        journal,
        *(by_guest("f00d", "a1"), by_member("a2", "a1"), by_guest("f00d", "a1"), by_guest("beef", "a1")),
        told("me", "to", "my own copy", account="a1", to_account="a2", room="@a1"),
        Draft("@a1", Kind.ANNOUNCED, "server", "to all"),
        told("guest", "to", "before senders were kept", to_account="a1", room="@a1"),
        *(by_guest("f00d", "removed"), by_guest("f00d", "a3")),
        told("guest", "to", "in a room", room="a3"),
    )
    await journal.keep_memories(
        [
            MemoryRecord("a1", marks=(MarkRecord("lobby", 2**40, 1.0), MarkRecord("@", read_to, 1.0))),
            MemoryRecord("a2", marks=(MarkRecord("@", journal.last_id, 1.0),)),
        ]
    )

    assert await waiting_of(journal) == {"a1": {"f00d": 2, "a2": 1, "beef": 1, "": 1}, "a3": {"f00d": 1}}


async def test_what_was_removed_waits_no_longer(journal: Journal) -> None:
    await journal.keep_account(account_record("alice", id="a1"))
    await keep(journal, by_guest("f00d", "a1"), by_guest("f00d", "a1"))
    (first, _) = await journal.read("@a1", limit=9)
    assert isinstance(first, Entry)

    await journal.post(notice_of(first)).kept()

    assert await waiting_of(journal) == {"a1": {"f00d": 1}}


async def test_counting_what_waits_is_bounded(journal: Journal) -> None:
    for account in ("a1", "a2", "a3"):
        await journal.keep_account(account_record(f"name-{account}", id=account))
        await keep(journal, *(by_guest("f00d", account) for _ in range(6)))

    def total(found: dict[str, dict[str, int]]) -> int:
        return sum(sum(it.values()) for it in found.values())

    assert await waiting_of(journal, per_account=4) == {it: {"f00d": 4} for it in ("a1", "a2", "a3")}
    assert total(await waiting_of(journal, per_account=4, most=10)) == 10
    assert total(await waiting_of(journal, most=3)) == 3
    assert await waiting_of(journal, most=0) == {}


async def test_names_are_there_again_after_a_restart(tmp_path: Path) -> None:
    names = account_record("alice", keys=KEYS), memory_record("id-alice", "lobby")
    async with open_journal("sqlite:", data=tmp_path) as journal:
        await journal.keep_account(names[0])
        await journal.keep_memories([names[1]])
        await journal.keep_invite(invite_record("d1"))

    async with open_journal("sqlite:", data=tmp_path) as journal:
        assert list(await journal.read_names()) == [names]
        assert list(await journal.read_invites()) == [invite_record("d1")]
    async with open_history("sqlite:", data=tmp_path) as history:
        assert list(await history.read_names()) == [names]


LASTING = [it for it in URLS if ENGINES[it.partition(":")[0]].open_history is not None]
"""The URLs of journals that outlast their server."""


async def everything_in(journal: Journal) -> dict[str, object]:
    """All that a journal has to have kept, by what it is."""
    return {
        "epoch": journal.epoch,
        "last id": journal.last_id,
        "entries": list(await journal.read(None, limit=10)),
        "rooms": list(await journal.rooms()),
        "by key": await journal.find("s", "k"),
        "sessions": list(await journal.read_sessions()),
        "bans": list(await journal.read_bans()),
        "mutes": list(await journal.read_mutes()),
        "hooks": list(await journal.read_hooks()),
        "audit": list(await journal.read_audit(10)),
        "accounts": list(await journal.read_accounts()),
        "invites": list(await journal.read_invites()),
        "memory": await journal.read_memory("id-alice"),
    }


@pytest.mark.parametrize("url", LASTING)
async def test_a_journal_that_outlasts_its_server_has_everything_when_it_is_opened_again(
    url: str, tmp_path: Path
) -> None:
    async with open_journal(url, data=tmp_path) as journal:
        journal.post(said("a"), said("b", room="ops", session="s", key="k"), sessions=[record("a", "lobby")])
        await journal.settled()
        await journal.add_ban(BanRecord("10.0.0.0/8", "spam", "console", 2.0))
        await journal.add_mute(mute_record(1))
        await journal.add_hook(HookRecord("deploy", "ops", "0" * 64, "console", 2.0))
        await journal.record_audit(AuditRecord(1.0, "console", "kick", "10.0.0.1:47634"))
        await journal.keep_account(account_record("alice"))
        await journal.keep_invite(invite_record("d1"))
        await journal.keep_memories([memory_record("id-alice", "lobby")])
        before = await everything_in(journal)

    async with open_journal(url, data=tmp_path) as journal:
        after = await everything_in(journal)

    assert [what for what, kept in before.items() if not kept] == []
    assert [what for what, kept in before.items() if after[what] != kept] == []
