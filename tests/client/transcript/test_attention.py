"""Lines that come while nobody is at the keys."""

from trio_chat.client.transcript.attention import AWAY_S, Attention

KEY_AT = 1000.0


def test_an_absence_begins_once_and_ends_with_a_key() -> None:
    attention = Attention()
    times = [(KEY_AT, KEY_AT + AWAY_S - 1), (KEY_AT, KEY_AT + AWAY_S), (KEY_AT, KEY_AT + 2 * AWAY_S)]
    times += [(KEY_AT + 2 * AWAY_S, KEY_AT + 2 * AWAY_S), (KEY_AT + 2 * AWAY_S, KEY_AT + 3 * AWAY_S)]

    assert [attention.begin_absence(*at) for at in times] == [False, True, False, False, True]


def test_what_is_shown_to_nobody_is_read_when_they_come_back() -> None:
    attention = Attention()
    attention.show("dev", 7)
    assert attention.take_seen(KEY_AT, KEY_AT + 1) == {"dev": 7}

    attention.show("dev", 9)
    attention.show("dev", 8)
    attention.show("ops", 3)

    assert attention.take_seen(KEY_AT, KEY_AT + AWAY_S) == {}
    assert [attention.is_unseen(room) for room in ("dev", "ops", "lobby")] == [True, True, False]
    assert attention.take_seen(KEY_AT + AWAY_S, KEY_AT + AWAY_S) == {"dev": 9, "ops": 3}
    assert not attention.is_unseen("dev")
