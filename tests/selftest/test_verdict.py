from dataclasses import replace

import pytest

from trio_chat.selftest.verdict import Line, Transcript, judge

HISTORY = (
    Line(3, "said", "alice", "one"),
    Line(4, "joined", "carol", ""),
    Line(5, "said", "bob", "two"),
    Line(8, "said", "alice", "three"),
)


def alice(**changes: object) -> Transcript:
    whole = Transcript(
        "alice", said={"a1": "one", "a3": "three"}, shown=[*HISTORY], sent=["a1", "a3"], failed=[], missed=0
    )
    return replace(whole, **changes)


def bob(**changes: object) -> Transcript:
    return replace(Transcript("bob", said={"b2": "two"}, shown=[*HISTORY], sent=["b2"]), **changes)


def test_where_everything_is_as_promised_there_are_no_findings() -> None:
    assert judge(HISTORY, [alice(), bob()]) == []


def test_what_was_shown_before_the_beginning_and_after_the_end_counts_for_nothing() -> None:
    before, after = Line(2, "joined", "bob", ""), Line(9, "left", "alice", "")

    assert judge(HISTORY, [alice(shown=[before, *HISTORY]), bob(shown=[*HISTORY, after])]) == []


def test_a_line_that_failed_and_is_nowhere_is_in_order() -> None:
    said = {"a1": "one", "a3": "three", "a4": "four"}

    assert judge(HISTORY, [alice(said=said, failed=["a4"]), bob()]) == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"shown": [HISTORY[0], *HISTORY]}, "alice was shown entry 3 2 times"),
        ({"shown": [*HISTORY, HISTORY[1]]}, "alice was shown entry 4 2 times"),
        ({"shown": HISTORY[1:]}, "alice was never shown (3, 'said', 'alice', 'one')"),
        ({"shown": HISTORY[:-1]}, "alice was never shown (8, 'said', 'alice', 'three')"),
        ({"shown": HISTORY[::-1]}, "alice was shown entry 5 after 8"),
        (
            {"shown": [HISTORY[0], Line(4, "said", "eve", "lost"), *HISTORY[2:]]},
            "alice was shown (4, 'said', 'eve', 'lost'), which is not in the history",
        ),
        (
            {"shown": [*HISTORY[:3], Line(7, "said", "eve", "lost"), HISTORY[3]]},
            "alice was shown (7, 'said', 'eve', 'lost'), which is not in the history",
        ),
        ({"sent": ["a1"]}, "alice said 'three' and was told 0 times what became of it"),
        ({"sent": ["a1", "a3", "a3"]}, "alice said 'three' and was told 2 times what became of it"),
        ({"failed": ["a3"]}, "alice said 'three' and was told 2 times what became of it"),
        ({"sent": ["a1"], "failed": ["a3"]}, "alice was told that 'three' failed, but it is in the history"),
        (
            {"said": {"a1": "one", "a3": "three", "a4": "four"}, "sent": ["a1", "a3", "a4"]},
            "alice was told that 'four' is kept, but it is not in the history",
        ),
        ({"sent": ["a1", "a3", "b2"]}, "alice was told what became of 'b2', which it never said"),
        ({"said": {"a1": "one"}, "sent": ["a1"]}, "nobody said 'three', but it is in the history"),
        ({"missed": 1}, "alice was told 1 times that something is missing"),
    ],
)
def test_a_broken_promise_is_found(changes: dict[str, object], finding: str) -> None:
    assert finding in judge(HISTORY, [alice(**changes), bob()])


def test_a_line_that_is_kept_twice_is_found() -> None:
    history = (*HISTORY, Line(9, "said", "alice", "one"))

    findings = judge(history, [alice(shown=[*history]), bob(shown=[*history])])

    assert findings == ["'one' was said once and is in the history 2 times"]


def test_a_history_out_of_order_is_found() -> None:
    history = (HISTORY[1], HISTORY[0], *HISTORY[2:])

    assert "the history has entry 3 after 4" in judge(history, [alice(), bob()])
