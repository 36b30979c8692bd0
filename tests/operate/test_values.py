"""Durations and times, as operators type and read them."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from trio_chat.operate.values import DurationType, InstantType, age_of, operator_of, show_age, show_bytes


def instant(written: str, *, is_future: bool = False) -> datetime:
    return datetime.fromisoformat(InstantType(is_future=is_future).convert(written, None, None))


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1.5d", 129600)]
)
def test_a_duration_has_a_unit_or_is_in_seconds(written: str, seconds: float) -> None:
    assert DurationType().convert(written, None, None) == seconds


def test_a_duration_is_counted_back_or_on_from_now() -> None:
    now = datetime.now(UTC)

    assert timedelta(0) <= now - timedelta(hours=2) - instant("2h") < timedelta(seconds=5)
    assert timedelta(seconds=-5) < now + timedelta(hours=2) - instant("2h", is_future=True) < timedelta(seconds=5)


def test_a_time_of_day_is_the_last_one_or_the_next_one() -> None:
    now = datetime.now(UTC)

    for hour in range(24):
        assert now - timedelta(days=1) <= instant(f"{hour:02}:00") <= now
        assert now - timedelta(seconds=60) <= instant(f"{hour:02}:00", is_future=True) <= now + timedelta(days=1)


@pytest.mark.parametrize("written", ["2026-11-28T14:00Z", "2026-11-28 14:00:00Z"])
def test_a_whole_time_is_itself(written: str) -> None:
    assert instant(written) == instant(written, is_future=True) == datetime(2026, 11, 28, 14, tzinfo=UTC)


@pytest.mark.parametrize("written", ["", "soon", "25:00", "-5m", "2026-13-01", "1e9", "٩٠s"])
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(click.BadParameter):
        InstantType().convert(written, None, None)
    with pytest.raises(click.BadParameter):
        DurationType().convert(written, None, None)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, ""), (0, "0s"), (59.9, "59s"), (60, "1m"), (7199, "1h"), (1e6, "11d"), (-3, "0s")]
)
def test_an_age_is_in_its_largest_unit(seconds: float | None, shown: str) -> None:
    assert show_age(seconds) == shown


def test_the_age_of_nothing_is_nothing() -> None:
    assert age_of(None) == ""


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("http ann@192.0.2.1", "ann (192.0.2.1)"),
        ("http a@b@2001:db8::1", "a@b (2001:db8::1)"),
        ("http 192.0.2.1", "192.0.2.1"),
        ("console", "console"),
    ],
)
def test_an_operator_is_named_as_people_do(written: str, shown: str) -> None:
    assert operator_of(written) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 KB"), (5000, "4 KB"), (73 * 2**20, "73 MB"), (1288490189, "1.2 GB"), (3 * 2**40, "3.0 TB")],
)
def test_bytes_are_shown_in_their_largest_unit(number: int, shown: str) -> None:
    assert show_bytes(number) == shown
