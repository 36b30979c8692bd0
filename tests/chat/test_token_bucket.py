from hypothesis import given
from hypothesis import strategies as st

from trio_chat.chat.token_bucket import TokenBucket


def test_a_burst_goes_through_at_once() -> None:
    bucket = TokenBucket(rate=5, burst=20, now=0.0)

    assert [bucket.take(1, 0.0) for _ in range(20)] == [0.0] * 20


def test_what_is_more_than_a_burst_waits_its_turn() -> None:
    bucket = TokenBucket(rate=5, burst=1, now=0.0)
    bucket.take(1, 0.0)

    assert bucket.take(1, 0.0) == 0.2
    assert bucket.take(1, 0.2) == 0.2


def test_a_rate_of_zero_is_no_limit() -> None:
    bucket = TokenBucket(rate=0, burst=1, now=0.0)

    assert all(bucket.take(100, 0.0) == 0.0 for _ in range(100))


def test_another_rate_and_burst_hold_from_then_on() -> None:
    bucket = TokenBucket(rate=10, burst=10, now=0.0)
    bucket.take(1, 0.0)

    bucket.change(rate=2, burst=3)

    assert [bucket.take(1, 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_what_there_are_no_tokens_for_is_not_taken() -> None:
    bucket = TokenBucket(rate=1, burst=2, now=0.0)

    assert [bucket.try_take(2, now) for now in (0.0, 1.0, 2.0)] == [True, False, True]
    assert TokenBucket(rate=0, burst=1, now=0.0).try_take(100, 0.0)


@given(st.lists(st.floats(0, 10), max_size=50), st.floats(0.5, 50), st.floats(1, 50))
def test_a_sender_that_waits_as_long_as_asked_never_exceeds_the_rate(
    pauses: list[float], rate: float, burst: float
) -> None:
    bucket = TokenBucket(rate, burst, now=0.0)
    now = 0.0

    for count, pause in enumerate(pauses, 1):
        now += bucket.take(1, now)
        assert count <= burst + rate * now + 1e-6
        now += pause
