import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.token_bucket import TokenBucket


def spend(bucket: TokenBucket, cost: float, now: float) -> float:
    """Wait as told, then take. -> the time then"""
    now += bucket.wait_s(cost, now)
    assert bucket.wait_s(cost, now) == 0.0
    bucket.take(cost, now)
    return now


def test_a_burst_goes_through_at_once() -> None:
    bucket = TokenBucket(rate=5, burst=20, now=0.0)

    assert [spend(bucket, 1, 0.0) for _ in range(20)] == [0.0] * 20


def test_lines_beyond_a_burst_wait_their_turn() -> None:
    bucket = TokenBucket(rate=5, burst=1, now=0.0)
    bucket.take(1, 0.0)

    assert spend(bucket, 1, 0.0) == 0.2
    assert spend(bucket, 1, 0.2) == 0.4


def test_a_request_dearer_than_a_burst_passes_at_once_and_is_paid_off_afterwards() -> None:
    bucket = TokenBucket(rate=5, burst=20, now=0.0)

    assert spend(bucket, 100, 0.0) == 0.0
    assert bucket.wait_s(1, 0.0) == pytest.approx((100 - 20 + 1) / 5)
    assert bucket.wait_s(100, 0.0) == 100 / 5


def test_a_rate_of_zero_is_no_limit() -> None:
    bucket = TokenBucket(rate=0, burst=1, now=0.0)

    assert all(spend(bucket, 100, 0.0) == 0.0 for _ in range(100))


def test_another_rate_and_burst_hold_from_then_on() -> None:
    bucket = TokenBucket(rate=10, burst=10, now=0.0)
    bucket.take(1, 0.0)

    bucket.change(rate=2, burst=3)

    assert [spend(bucket, 1, 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_nothing_is_spent_without_enough_tokens() -> None:
    bucket = TokenBucket(rate=1, burst=2, now=0.0)

    assert [bucket.try_take(2, now) for now in (0.0, 1.0, 2.0)] == [True, False, True]
    assert TokenBucket(rate=0, burst=1, now=0.0).try_take(100, 0.0)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 99)), max_size=50), st.floats(0.5, 50), st.floats(1, 50))
def test_a_sender_that_waits_as_long_as_asked_never_exceeds_the_rate(
    inputs: list[tuple[float, float]], rate: float, burst: float
) -> None:
    bucket = TokenBucket(rate, burst, now=0.0)
    now = spent = 0.0

    for pause, cost in inputs:
        now = spend(bucket, cost, now)
        assert spent + min(cost, burst) <= burst + rate * now + 1e-3  # what is above a burst is paid off afterwards
        spent += cost
        now += pause
