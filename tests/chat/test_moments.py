import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from trio_chat.chat.errors import ChatError
from trio_chat.chat.moments import MOMENT_EXAMPLES, TIME_MAX, Bounds, iso_utc, read_bound, zone_at


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the zone of this process one that has a summer time, with its rule: not every system has a list of zones."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def local(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


NOON = "2026-11-28 12:00"


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("11:00", "2026-11-28T11:00+01:00"),
        ("9:05", "2026-11-28T09:05+01:00"),
        ("12:00", "2026-11-28T12:00+01:00"),
        ("14:00", "2026-11-27T14:00+01:00"),
        ("12:00:01", "2026-11-27T12:00:01+01:00"),
        ("today", "2026-11-28T00:00+01:00"),
        ("Yesterday", "2026-11-27T00:00+01:00"),
        ("yesterday 14:00", "2026-11-27T14:00+01:00"),
        ("today 14:00", "2026-11-28T14:00+01:00"),
        ("2026-11-28", "2026-11-28T00:00+01:00"),
        ("2026-07-01", "2026-07-01T00:00+02:00"),
        ("2026-07-01 14:00", "2026-07-01T14:00+02:00"),
        ("2026-07-01t14:00:30", "2026-07-01T14:00:30+02:00"),
        ("2026-07-01T14:00Z", "2026-07-01T14:00+00:00"),
        ("2026-07-01T14:00:30.25Z", "2026-07-01T14:00:30+00:00"),
        ("2026-07-01 14:00-03:30", "2026-07-01T14:00-03:30"),
        ("2026-07-01T14:00+0545", "2026-07-01T14:00+05:45"),
    ],
)
def test_a_time_is_read_in_the_zone_of_this_machine_unless_it_names_one(typed: str, meant: str) -> None:
    instant = local(meant)

    assert read_bound("before", typed, local(NOON)) == Bounds(before_time=instant)
    assert read_bound("after", typed, local(NOON)) == Bounds(after_time=instant)


@pytest.mark.parametrize(
    "typed",
    [
        *("lunch", "25:00", "14:60", "14h", "1:2", "2026-02-31", "2026-13-01", "28.11.2026", "2026-11-28T", "T14:00"),
        *("-1",),
        *("4711x", "１４:00", "1" * 19, "yesterday yesterday", "14:00Z9", "2026-11-28 14:00+24:00", "z", "\x1b[31m"),
        *("2026-11-28" + " " * 100_000 + "14:00", "9" * 100_000),
    ],
)
def test_an_invalid_time_is_answered_with_examples(typed: str) -> None:
    with pytest.raises(ChatError) as refused:
        read_bound("before", typed, local(NOON))

    assert refused.value.text.endswith(f" is no time: expected {MOMENT_EXAMPLES}")
    assert refused.value.text.isprintable()
    assert len(refused.value.text) < 150


@pytest.mark.parametrize("typed", ["1969-01-01", "0001-01-01", "9999-12-31T23:59:59-12:00", "9999-12-31"])
def test_a_time_that_no_entry_has_is_within_what_the_protocol_takes(typed: str) -> None:
    try:
        bounds = read_bound("before", typed, local(NOON))
    except ChatError:  # the platform does not know it
        return

    assert bounds.before_time is not None
    assert 0 <= bounds.before_time <= TIME_MAX


@pytest.mark.parametrize(("word", "bounds"), [("before", Bounds(before=4711)), ("after", Bounds(after=4711))])
def test_a_number_is_an_id(word: str, bounds: Bounds) -> None:
    assert read_bound(word, "4711", local(NOON)) == bounds


def test_an_instant_is_the_same_wherever_it_is_read() -> None:
    assert iso_utc(90_000.0) == "1970-01-02T01:00:00Z"
    assert read_bound("before", iso_utc(90_000.0), 0.0) == Bounds(before_time=90_000.0)


def test_bounds_within_others_are_the_narrower_ones() -> None:
    assert Bounds(before=9, after=2).within(Bounds(before=7, after=1, before_time=5.0)) == Bounds(7, 2, 5.0)
    assert Bounds(after_time=1.0).within(Bounds(after_time=3.0)) == Bounds(after_time=3.0)


@pytest.mark.parametrize(
    ("zone", "name"),
    [("UTC0", "UTC"), ("CET-1", "UTC+1"), ("NST3:30", "UTC-3:30"), ("NPT-5:45", "UTC+5:45"), ("XXX12", "UTC-12")],
)
def test_a_zone_is_named_by_its_distance(monkeypatch: pytest.MonkeyPatch, zone: str, name: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert zone_at(1.8e9) == name
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.usefixtures("berlin")
def test_the_zone_is_that_of_the_time_and_not_of_now() -> None:
    assert zone_at(local("2026-07-01 12:00")) == "UTC+2"
    assert zone_at(local("2026-11-28 12:00")) == "UTC+1"
