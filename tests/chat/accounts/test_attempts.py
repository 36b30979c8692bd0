import pytest

from trio_chat.chat.accounts.attempts import REMEMBERED_MAX, Attempts
from trio_chat.chat.errors import ChatError


def test_a_few_attempts_are_free_and_the_others_wait_their_turn() -> None:
    attempts = Attempts(burst=3, every_s=20, wait_max_s=50)

    assert [attempts.begin(["alice"], 0.0) for _ in range(5)] == [0, 0, 0, 20, 40]
    with pytest.raises(ChatError) as refusal:
        attempts.begin(["alice"], 0.0)

    assert refusal.value.code == "slow-down"
    assert attempts.begin(["bob"], 0.0) == 0
    assert attempts.begin(["alice"], 20.0) == 40
    assert attempts.begin(["alice"], 1000.0) == 0


def test_an_attempt_is_charged_to_all_of_its_keys_or_to_none() -> None:
    attempts = Attempts(burst=1, every_s=20, wait_max_s=0)
    attempts.begin(["alice"], 0.0)

    with pytest.raises(ChatError):
        attempts.begin(["10.0.0.1", "alice"], 0.0)

    assert attempts.begin(["10.0.0.1"], 0.0) == 0


def test_a_good_attempt_costs_nothing() -> None:
    attempts = Attempts(burst=1, every_s=20, wait_max_s=0)

    for _ in range(100):
        attempts.begin(["alice"], 0.0)
        attempts.give_back(["alice"])

    assert attempts.begin(["alice"], 0.0) == 0


def test_the_number_of_keys_remembered_is_bounded() -> None:
    attempts = Attempts(burst=1, every_s=20, wait_max_s=0)
    for number in range(REMEMBERED_MAX + 1):
        attempts.begin([number], 0.0)

    assert attempts.begin([0], 0.0) == 0
    with pytest.raises(ChatError):
        attempts.begin([REMEMBERED_MAX], 0.0)
