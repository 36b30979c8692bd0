from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.log import SLICE_BYTES, Log, Mode, Track, Window


def entry(number: int, text: str) -> Entry:
    return Entry(number, 0.0, Draft("lobby", Kind.SAID, "a", text))


def encode(given_entry: Entry) -> bytes:
    return f"{given_entry.draft.text}\n".encode()


def log_of(texts: list[str], window: Window = Window()) -> Log:  # noqa: B008  # frozen
    log = Log({Mode.LINES: encode}, window)
    log.open_track(Mode.LINES)
    for number, text in enumerate(texts):
        log.extend([entry(number, text)])
    return log


def log_of_groups(groups: list[list[str]], window: Window = Window()) -> Log:  # noqa: B008  # frozen
    log = Log(dict.fromkeys(Mode, encode), window, after_id=-1)
    log.open_track(Mode.LINES)
    ids = count()
    for group in groups:
        log.extend([entry(next(ids), text) for text in group])
    return log


def track_of(texts: list[str]) -> Track:
    return log_of(texts).open_track(Mode.LINES)


texts = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20), min_size=1, max_size=30)


def test_a_slice_holds_what_follows_the_cursor() -> None:
    track = track_of(["one", "two", "three"])

    assert track.slice(1) == (b"two\nthree\n", 3)


def test_a_slice_at_the_end_is_empty() -> None:
    assert track_of(["one"]).slice(1) == (b"", 1)


def test_readers_with_the_same_cursor_share_one_bytes_object() -> None:
    track = track_of(["one", "two"])

    assert track.slice(0)[0] is track.slice(0)[0]


def test_a_slice_grows_with_newer_entries() -> None:
    log = log_of(["one"])
    track = log.open_track(Mode.LINES)
    track.slice(0)

    log.extend([entry(1, "two")])

    assert track.slice(0) == (b"one\ntwo\n", 2)


groups_of_texts = st.lists(st.lists(st.text("ab", max_size=5), min_size=1, max_size=4), min_size=1, max_size=6)


@given(groups_of_texts)
def test_it_makes_no_difference_in_what_groups_entries_come(groups: list[list[str]]) -> None:
    texts = [text for group in groups for text in group]
    grouped = log_of_groups(groups)

    one_by_one = log_of(texts)
    track, other = grouped.open_track(Mode.LINES), one_by_one.open_track(Mode.LINES)
    assert (track.pieces, track.starts, grouped.end) == (other.pieces, other.starts, one_by_one.end)
    places = [grouped.index_after(number) for number in range(-1, len(texts))]
    assert places == [one_by_one.index_after(number) for number in range(-1, len(texts))]
    assert grouped.open_track(Mode.FRAMES).after_id == len(texts) - 1


@given(groups_of_texts, st.integers(1, 6), st.integers(1, 30))
def test_a_window_that_ends_inside_a_group_keeps_its_bounds_and_its_indices(
    groups: list[list[str]], entries: int, size: int
) -> None:
    texts = [text for group in groups for text in group]

    log = log_of_groups(groups, Window(entries, size))

    track = log.open_track(Mode.LINES)
    assert (track.base, log.end) == (log.base, len(texts))
    assert log.end - log.base <= entries
    assert track.size_bytes <= size or log.end - log.base == 1
    assert track.pieces == [encode(entry(0, text)) for text in texts[log.base :]]
    assert track.after_id == log.base - 1
    assert [log.index_after(number) for number in range(len(texts))] == [
        max(number + 1, log.base) for number in range(len(texts))
    ]


def test_a_slice_is_capped_but_always_carries_one_whole_entry() -> None:
    huge = "x" * (SLICE_BYTES + 1)
    track = track_of([huge, "y" * SLICE_BYTES, "z"])

    assert track.slice(0) == (f"{huge}\n".encode(), 1)
    assert track.slice(1)[1] == 2


@given(texts, st.data())
def test_any_number_of_torn_sends_delivers_every_byte_once(lines: list[str], data: st.DataObject) -> None:
    """For any cut by the kernel and any own entries of the reader, the rest arrives in order."""
    track = track_of(lines)
    own = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1))))
    cursor, tail, received = 0, b"", b""

    while tail or cursor < len(lines):
        mine = [index for index in own if index >= cursor]
        rest, end = track.slice_without(cursor, mine)
        offered = len(tail + rest)
        sent = offered - data.draw(st.integers(0, max(offered - 1, 0)))
        received += (tail + rest)[:sent]
        if sent < len(tail):
            tail = tail[sent:]
        elif sent == offered:
            cursor, tail = end, b""
        else:
            cursor, tail = track.split(cursor, sent - len(tail), mine)

    assert received == b"".join(f"{text}\n".encode() for index, text in enumerate(lines) if index not in own)


@given(texts, st.integers(1, 10), st.integers(1, 200))
def test_the_window_stays_within_its_bounds_and_keeps_the_newest(lines: list[str], entries: int, size: int) -> None:
    log = log_of(lines, Window(entries, size))
    track = log.open_track(Mode.LINES)

    assert log.end == len(lines)
    assert log.end - log.base <= entries
    assert track.size_bytes <= size or log.end - log.base == 1
    assert b"".join(track.pieces) == b"".join(encode(entry(0, text)) for text in lines[log.base :])


def test_a_cursor_is_found_by_the_last_id_that_was_seen() -> None:
    log = Log({Mode.LINES: encode}, Window())
    for number in (10, 20, 30):
        log.extend([entry(number, "x")])

    assert [log.index_after(number) for number in (5, 10, 15, 30, 40)] == [0, 1, 1, 3, 3]


def test_the_size_between_two_indices_is_that_of_the_bytes_there() -> None:
    track = track_of(["one", "two", "three"])

    assert track.size_between(1, 3) == len(b"two\nthree\n")


@given(texts, st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40), st.data())
def test_a_tombstone_takes_the_place_of_an_entry_and_moves_nothing_else(
    lines: list[str], stone: str, data: st.DataObject
) -> None:
    at, kept = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(1, len(lines)))
    log = log_of(lines, Window(entries=kept))
    track, base = log.open_track(Mode.LINES), log.base
    track.slice(base)

    log.replace(entry(at, stone))

    left = [stone if number == at else line for number, line in enumerate(lines)][base:]
    assert track.slice(base) == ("".join(f"{line}\n" for line in left).encode(), log.end)
    for index, line in enumerate(left, base):
        assert track.size_between(index, index + 1) == len(f"{line}\n".encode())
        assert log.id_at(index) == index
    before = log.memory_bytes
    log.shrink(0, keep=0)
    assert before - log.memory_bytes >= sum(len(f"{line}\n".encode()) for line in left)


def test_a_tombstone_is_put_only_where_its_entry_is() -> None:
    log = log_of(["one", "two", "three", "four"], Window(entries=2))
    late = log.open_track(Mode.LINES)

    for number in (-1, 0, 4, 99):
        log.replace(entry(number, "gone"))

    assert late.slice(log.base)[0] == b"three\nfour\n"


def test_a_tombstone_is_put_into_no_track_that_began_behind_it() -> None:
    log = Log(dict.fromkeys(Mode, encode), Window())
    early = log.open_track(Mode.LINES)
    log.extend([entry(1, "one")])
    late = log.open_track(Mode.FRAMES)
    log.extend([entry(2, "two")])

    log.replace(entry(1, "gone"))

    assert early.slice(0)[0] == b"gone\ntwo\n"
    assert late.slice(1)[0] == b"two\n"
