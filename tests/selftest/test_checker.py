from dataclasses import replace

import pytest

from trio_chat.selftest.checker import AnnouncedGap, Recording, ShownEntry, check_history

HISTORY = (
    ShownEntry(3, "lobby", "said", "alice", "one"),
    ShownEntry(4, "lobby", "joined", "carol", ""),
    ShownEntry(5, "lobby", "said", "bob", "two"),
    ShownEntry(8, "lobby", "said", "alice", "three"),
)


def alice(**changes: object) -> Recording:
    whole = Recording("alice", said={"a1": "one", "a3": "three"}, shown=[*HISTORY], sent=["a1", "a3"], failed=[])
    return replace(whole, **changes)


def bob(**changes: object) -> Recording:
    return replace(Recording("bob", said={"b2": "two"}, shown=[*HISTORY], sent=["b2"]), **changes)


def test_a_run_that_keeps_every_promise_has_no_violation() -> None:
    assert check_history(HISTORY, [alice(), bob()]) == []


def test_entries_shown_before_the_beginning_and_after_the_end_do_not_count() -> None:
    before, after = ShownEntry(2, "lobby", "joined", "bob", ""), ShownEntry(9, "lobby", "left", "alice", "")

    assert check_history(HISTORY, [alice(shown=[before, *HISTORY]), bob(shown=[*HISTORY, after])]) == []


def test_a_line_that_failed_and_is_nowhere_is_in_order() -> None:
    said = {"a1": "one", "a3": "three", "a4": "four"}

    assert check_history(HISTORY, [alice(said=said, failed=["a4"]), bob()]) == []


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"shown": [HISTORY[0], *HISTORY]}, "alice was shown entry 3 2 times"),
        ({"shown": [*HISTORY, HISTORY[1]]}, "alice was shown entry 4 2 times"),
        ({"shown": HISTORY[1:]}, "alice was never shown entry 3 in #lobby: alice said 'one'"),
        ({"shown": HISTORY[:-1]}, "alice was never shown entry 8 in #lobby: alice said 'three'"),
        ({"shown": HISTORY[::-1]}, "alice was shown entry 5 after 8"),
        (
            {"shown": [HISTORY[0], ShownEntry(4, "lobby", "said", "eve", "lost"), *HISTORY[2:]]},
            "alice was shown entry 4 in #lobby: eve said 'lost', which is not in the history",
        ),
        (
            {"shown": [*HISTORY[:3], ShownEntry(7, "lobby", "said", "eve", "lost"), HISTORY[3]]},
            "alice was shown entry 7 in #lobby: eve said 'lost', which is not in the history",
        ),
        ({"sent": ["a1"]}, "alice said 'three' and got 0 answers"),
        ({"sent": ["a1", "a3", "a3"]}, "alice said 'three' and got 2 answers"),
        ({"failed": ["a3"]}, "alice said 'three' and got 2 answers"),
        ({"sent": ["a1"], "failed": ["a3"]}, "alice was told that 'three' failed, but it is in the history"),
        (
            {"said": {"a1": "one", "a3": "three", "a4": "four"}, "sent": ["a1", "a3", "a4"]},
            "alice was told that 'four' is kept, but it is not in the history",
        ),
        ({"sent": ["a1", "a3", "b2"]}, "alice got an answer for 'b2', which it never said"),
        ({"said": {"a1": "one"}, "sent": ["a1"]}, "nobody said 'three', but it is in the history"),
        ({"ended": "your session goes on"}, "alice gave up: your session goes on"),
        ({"other_gaps": ["#lobby after 1: unreadable"]}, "alice had a gap announced: #lobby after 1: unreadable"),
    ],
)
def test_a_broken_promise_is_found(changes: dict[str, object], violation: str) -> None:
    assert violation in check_history(HISTORY, [alice(**changes), bob()])


def test_rooms_have_an_order_each() -> None:
    den = ShownEntry(6, "den", "joined", "carol", "")
    history = (*HISTORY[:3], den, HISTORY[3])

    assert check_history(history, [alice(shown=[den, *HISTORY]), bob(shown=[*HISTORY, den])]) == []
    assert check_history(history, [alice(shown=[den, *HISTORY]), bob()]) == [
        "bob was never shown entry 6 in #den: carol joined ''"
    ]


def test_a_line_that_is_kept_twice_is_found() -> None:
    history = (*HISTORY, ShownEntry(9, "lobby", "said", "alice", "one"))

    violations = check_history(history, [alice(shown=[*history]), bob(shown=[*history])])

    assert violations == ["'one' was said once and is in the history 2 times"]


def test_a_history_out_of_order_is_found() -> None:
    history = (HISTORY[1], HISTORY[0], *HISTORY[2:])

    assert "the history has entry 3 after 4" in check_history(history, [alice(), bob()])


def test_lines_of_a_speaker_come_in_order_over_all_rooms() -> None:
    history = (*HISTORY, ShownEntry(9, "den", "said", "alice", "zero"))
    said = {"a0": "zero", "a1": "one", "a3": "three"}
    speaker = alice(said=said, sent=[*said], shown=[*history])

    assert check_history(history, [speaker, bob(shown=[*history])]) == [
        "alice said 'zero' before 'three', but the history has it behind that"
    ]


@pytest.mark.parametrize(
    ("sent", "failed", "heard", "violations"),
    [
        (["t"], [], ["psst"], []),
        ([], ["t"], [], []),
        (["t"], [], [], ["alice was told that 'psst' is kept for bob, who received it 0 times"]),
        (["t"], [], ["psst"] * 2, ["alice was told that 'psst' is kept for bob, who received it 2 times"]),
        ([], ["t"], ["psst"], ["alice was told that 'psst' for bob failed, but it was received"]),
        ([], [], ["psst"], ["alice sent 'psst' to bob and got 0 answers"]),
    ],
)
def test_a_private_message_arrives_once_or_has_failed(
    sent: list[str], failed: list[str], heard: list[str], violations: list[str]
) -> None:
    echoed = ["psst"] * len(sent)
    teller = alice(told={"t": ("bob", "psst")}, sent=["a1", "a3", *sent], failed=failed, echoed=echoed)

    assert check_history(HISTORY, [teller, bob(heard=heard)]) == violations


@pytest.mark.parametrize(
    ("heard", "mail", "violation"),
    [
        ([["psst"], []], ["psst"], ""),
        ([[], []], ["psst"], ""),
        ([["psst"], ["psst"]], ["psst"], "bob-phone received 'psst' 2 times"),
        ([["psst"], []], [], "alice was told that 'psst' is kept for bob, who received it 0 times"),
        ([[], []], ["psst"] * 2, "alice was told that 'psst' is kept for bob, who received it 2 times"),
    ],
)
def test_what_waits_for_a_member_is_in_their_mail_once_and_came_at_most_once(
    heard: list[list[str]], mail: list[str], violation: str
) -> None:
    teller = alice(told={"t": ("bob", "psst")}, sent=["a1", "a3", "t"], echoed=["psst"])
    speaker = bob()
    stays = [Recording("bob", "-phone", heard=texts) for texts in heard]

    violations = check_history(HISTORY, [teller, speaker], movers=stays, mail={"bob": mail})

    assert violations == [violation] * bool(violation)


@pytest.mark.parametrize(("echoed", "times"), [(["psst"], None), ([], 0), (["psst"] * 2, 2)])
def test_what_one_place_of_a_member_tells_the_other_is_shown_once(echoed: list[str], times: int | None) -> None:
    places = [
        alice(told={"t": ("bob", "psst")}, sent=["a1", "a3", "t"], echoed=["psst"]),
        Recording("alice", "-phone", shown=[*HISTORY], echoed=echoed),
    ]

    violations = check_history(HISTORY, [*places, bob(heard=["psst"])])

    expected = [f"alice sent 'psst' to bob, which was shown to alice-phone {times} times"]
    assert violations == ([] if times is None else expected)


PRUNED = ShownEntry(5, "lobby", "said", "bob", "two")


@pytest.mark.parametrize(
    ("gaps", "gone", "violations"),
    [
        ([AnnouncedGap("lobby", 4)], [5], []),
        ([], [5], ["alice was never shown entry 5 in #lobby: bob said 'two'"]),
        (
            [AnnouncedGap("lobby", 4)],
            [],
            [
                "alice was never shown entry 5 in #lobby: bob said 'two'",
                "alice was told of a gap in #lobby after entry 4, where nothing is missing",
            ],
        ),
        (
            [AnnouncedGap("lobby", 3), AnnouncedGap("lobby", 4)],
            [5],
            ["alice was told of a gap in #lobby after entry 3, where nothing is missing"],
        ),
        (
            [AnnouncedGap("den", 4)],
            [5],
            [
                "alice was told of a gap in #den after entry 4, where nothing is missing",
                "alice was never shown entry 5 in #lobby: bob said 'two'",
            ],
        ),
    ],
)
def test_what_was_pruned_is_announced_by_a_gap_and_no_gap_is_without_a_reason(
    gaps: list[AnnouncedGap], gone: list[int], violations: list[str]
) -> None:
    shown = [line for line in HISTORY if line != PRUNED]

    assert check_history(HISTORY, [alice(shown=shown, gaps=gaps), bob()], pruned_ids=gone) == violations


def test_a_mailbox_has_gaps_too() -> None:
    told = [ShownEntry(number, "@b", "told", "alice", f"psst {number}") for number in (6, 7)]
    history = (*HISTORY[:3], *told, HISTORY[3])
    shown = [*HISTORY, told[1]._replace(room="@")]

    def violations(**changes: object) -> list[str]:
        recording = bob(shown=shown, **changes)
        return check_history(history, [alice(), recording], pruned_ids=[6])

    assert violations(gaps=[AnnouncedGap("@", 4)]) == []
    assert violations() == ["bob was never shown entry 6 in #@: alice told 'psst 6'"]
    assert violations(gaps=[AnnouncedGap("@", 4), AnnouncedGap("@", 7)]) == [
        "bob was told of a gap in #@ after entry 7, where nothing is missing"
    ]


def test_who_moves_between_rooms_is_judged_by_what_it_said() -> None:
    gina = Recording("gina1", said={"g": "moo"})
    history = (*HISTORY[:3], ShownEntry(6, "attic", "said", "gina1", "moo"), HISTORY[3])

    assert check_history(history, [alice(), bob()], movers=[gina], elsewhere=["attic"]) == [
        "gina1 said 'moo' and got 0 answers"
    ]
