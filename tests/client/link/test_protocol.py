"""The dialogue as it is, without a socket: frames in, happenings and frames out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.link.events import (
    Answered,
    Connected,
    Delayed,
    Entered,
    Exited,
    Failed,
    Heard,
    LinkEvent,
    Missed,
    Refused,
    Sent,
)
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.protocol import OWN_KEYS_MAX, QUESTIONS_MAX, REPLIES_MAX, ClientProtocol
from trio_chat.wire import frames
from trio_chat.wire.frame_decoder import reply_decoder

YOU = frames.You(id="c1", label="alice", address="192.0.2.1:5")


def say(key: str, text: str = "hi", room: str = "lobby") -> frames.Say:
    return frames.Say(room=room, text=text, key=key)


def said(number: int, text: str = "hi", **fields: Any) -> frames.Said:
    values = {"id": number, "room": "lobby", "kind": "said", "time": 0.0, "author": "bob", "text": text}
    return frames.Said(**values | fields)


def welcome(
    *rooms: str, epoch: str = "e", last_id: int = 10, is_resumed: bool = False, label: str = "alice"
) -> frames.Welcome:
    return frames.Welcome(
        protocol=1,
        epoch=epoch,
        server="test",
        you=frames.You(id="c1", label=label, address="192.0.2.1:5"),
        resumed=is_resumed,
        rooms=[frames.RoomInfo(name=room, topic="", members=1, last_id=last_id) for room in rooms or ("lobby",)],
        last_id=last_id,
        limits=frames.Limits(),
    )


def connected(*rooms: str, nick: str | None = None) -> ClientProtocol:
    dialogue = ClientProtocol(Identity(nick=nick, rooms=rooms or ("lobby",)), "s" * 16)
    dialogue.begin()
    dialogue.hear(welcome(*rooms))
    return dialogue


def hear(dialogue: ClientProtocol, *replies: frames.AnyReply) -> list[LinkEvent]:
    return [happening for reply in replies for happening in dialogue.hear(reply)]


def heard(dialogue: ClientProtocol, *replies: frames.AnyReply) -> list[int]:
    return [what.entry.id for what in hear(dialogue, *replies) if isinstance(what, Heard)]


def sent(dialogue: ClientProtocol) -> list[frames.Request]:
    return dialogue.take(10_000)


def test_an_entry_is_shown_once_however_often_it_comes() -> None:
    dialogue = connected()

    assert heard(dialogue, said(10), said(11), said(11), said(13), said(12), said(13), said(14)) == [11, 13, 14]


def test_each_room_and_the_mailbox_count_for_themselves() -> None:
    dialogue = connected("lobby", "dev")

    assert heard(dialogue, said(20), said(15, room="dev"), said(12, room="@"), said(14, room="dev")) == [20, 15, 12]
    assert dialogue.begin().since == {"lobby": 20, "dev": 15, "@": 12}


def test_after_a_lost_connection_the_next_hello_goes_on_from_what_was_seen() -> None:
    dialogue = connected()
    hear(dialogue, said(12))
    dialogue.lose()

    hello = dialogue.begin()

    assert (hello.epoch, hello.since, hello.session) == ("e", {"lobby": 12, "@": 10}, "s" * 16)
    assert heard(dialogue, welcome(last_id=20), said(12), said(13)) == [13]


def test_a_repeated_acknowledgement_is_no_news_and_hides_no_older_entry() -> None:
    dialogue = connected()
    dialogue.speak([say("k")])
    dialogue.lose()
    dialogue.begin()
    hear(dialogue, welcome())

    happened = hear(dialogue, said(15, key="k", again=True), said(14), said(15, key="k"))

    assert happened == [
        Sent(say("k")),
        Heard(said(14), is_own=False),
        Heard(said(15, key="k"), is_own=True),
    ]


def test_somebody_who_uses_the_key_of_ours_again_is_still_heard() -> None:
    dialogue = connected()
    dialogue.speak([say("k")])
    hear(dialogue, said(11, key="k"))

    assert hear(dialogue, said(12, "evil", key="k")) == [Heard(said(12, "evil", key="k"), is_own=False)]


def test_what_is_not_acknowledged_is_said_again_in_its_order_and_what_is_is_not() -> None:
    dialogue = connected()
    dialogue.speak([say("a"), say("b"), say("c")])
    sent(dialogue)
    hear(dialogue, said(11, key="b"))
    dialogue.lose()
    dialogue.speak([say("d")])
    dialogue.begin()
    hear(dialogue, welcome())

    assert sent(dialogue) == [say("a"), say("c"), say("d")]


def test_a_line_that_is_refused_fails_and_one_that_could_not_be_kept_is_said_again() -> None:
    dialogue = connected()
    dialogue.speak([say("a"), say("b"), say("c")])
    sent(dialogue)

    happened = hear(
        dialogue,
        frames.Error(code="empty", text="nothing is left", key="a"),
        frames.Error(code="not-kept", text="the disk is full", key="b"),
    )
    assert happened == [Failed(say("a"), "nothing is left"), Delayed(say("b"), "the disk is full")]
    assert dialogue.has_to_repeat
    dialogue.repeat()
    assert sent(dialogue) == [say("b"), say("c")]


@pytest.mark.parametrize("epoch", ["other", "e"])  # "e": the same journal, put back to an earlier copy
def test_another_journal_is_told_and_ids_begin_anew(epoch: str) -> None:
    dialogue = connected()
    hear(dialogue, said(500))
    dialogue.lose()
    dialogue.begin()

    (again,) = hear(dialogue, frames.Gap(room="lobby", after=500, reason="epoch"), welcome(epoch=epoch, last_id=3))

    assert again == Connected("alice", ("lobby",), is_again=True, is_other_epoch=True)
    assert heard(dialogue, said(3), said(4)) == [4]


@pytest.mark.parametrize("reason", ["pruned", "slow", "something new"])
def test_a_gap_is_told(reason: str) -> None:
    assert hear(connected(), frames.Gap(room="lobby", after=3, reason=reason, missed=7)) == [Missed("lobby", 7)]


@pytest.mark.parametrize("is_needed", [True, False])
def test_one_who_needs_its_nick_does_not_come_in_under_another(is_needed: bool) -> None:
    dialogue = ClientProtocol(Identity(nick="bob", needs_nick=is_needed), "s" * 16, [say("k1")])

    hello = dialogue.begin()
    hear(dialogue, frames.Error(code="nick-taken", text="the nick bob is taken"))
    hear(dialogue, frames.Error(code="bad-room", text="no room can be called that"), welcome(label="192.0.2.1:5"))

    assert hello.needs_nick is is_needed
    assert dialogue.is_refused is is_needed
    assert sent(dialogue) == ([] if is_needed else [say("k1")])
    assert not is_needed or (dialogue.refusal and dialogue.refusal.text == "the nick bob is taken")


def test_rooms_and_nick_are_settled_also_without_a_connection() -> None:
    dialogue = connected("lobby", "dev", nick="alice")
    dialogue.lose()

    assert dialogue.ask(frames.Join(room="#Kitchen")) == [Entered("kitchen", "")]
    assert dialogue.ask(frames.Leave(room="dev")) == [Exited("dev")]
    assert dialogue.ask(frames.Nick(nick="al")) == [Answered(frames.Nick(nick="al"), frames.Done())]
    assert isinstance(dialogue.ask(frames.Who(room="lobby"))[0], Refused)
    hello = dialogue.begin()
    hear(dialogue, welcome("lobby", "kitchen", "dev", is_resumed=True))

    assert (hello.rooms, hello.nick) == (["lobby", "kitchen"], "al")
    assert sent(dialogue) == [frames.Leave(room="dev"), frames.Nick(nick="al")]


def test_a_server_that_does_not_know_of_mailboxes_ids_is_no_worse_to_be_at() -> None:
    dialogue = ClientProtocol(Identity(), "s" * 16)
    dialogue.begin()
    (earlier,) = reply_decoder().feed(frames.encode(welcome()).replace(b',"last_id":10,"limits"', b',"limits"'))
    assert isinstance(earlier, frames.Welcome)

    happened = hear(dialogue, earlier)
    assert happened == [Connected("alice", ("lobby",), is_again=False, is_other_epoch=False)]
    assert heard(dialogue, said(3, room=frames.MAILBOX)) == [3]
    dialogue.lose()
    assert dialogue.begin().since == {"lobby": 10, frames.MAILBOX: 3}


def test_a_nick_that_hello_could_not_have_is_not_asked_for_twice() -> None:
    dialogue = connected(nick="alice")
    dialogue.lose()
    dialogue.begin()

    hear(dialogue, welcome(is_resumed=True, label="192.0.2.1:5"))

    assert sent(dialogue) == []


def test_what_was_asked_when_the_connection_broke_is_settled_or_refused() -> None:
    dialogue = connected()
    dialogue.ask(frames.Join(room="dev", key="j"))
    dialogue.ask(frames.Who(room="lobby", key="w"))

    entered, refused = dialogue.lose()

    assert entered == Entered("dev", "")
    assert refused == Refused(frames.Who(room="lobby", key="w"), "there is no connection just now")
    assert dialogue.begin().rooms == ["lobby", "dev"]


def test_a_room_that_cannot_be_entered_is_not_asked_for_again() -> None:
    dialogue = connected()
    dialogue.ask(frames.Join(room="no room!", key="j"))

    refused = hear(dialogue, frames.Error(code="bad-room", text="no room can be called that", key="j"))

    assert refused == [Refused(frames.Join(room="no room!", key="j"), "no room can be called that")]
    assert dialogue.begin().rooms == ["lobby"]


def test_what_waits_for_other_rooms_is_said_there_the_next_time() -> None:
    dialogue = ClientProtocol(
        Identity(), "s" * 16, [say("a", room="#Dev"), frames.Tell(to="bob", text="psst", key="b")]
    )

    assert dialogue.begin().rooms == ["lobby", "dev"]


def test_m11_ids_rooms_pings_and_questions_of_a_hostile_server_take_no_room() -> None:
    dialogue = ClientProtocol(Identity(), "s" * 16)
    dialogue.begin()
    dialogue.hear(welcome("lobby", *(f"room{number}" for number in range(10_000))))
    dialogue.hear(welcome(*(f"room{number}" for number in range(10_000))))
    for number in range(10_000):
        assert dialogue.hear(said(number, room=f"room{number}", key=f"k{number}")) == []
        dialogue.hear(frames.Ping(key=str(number)))
        dialogue.hear(frames.Joined(room=frames.RoomInfo(f"r{number}", "", 1, number), key=str(number)))
        dialogue.ask(frames.Who(room="lobby", key=f"q{number}"))

    assert list(dialogue.rooms) == ["lobby"]
    assert len(sent(dialogue)) <= REPLIES_MAX + QUESTIONS_MAX
    assert heard(dialogue, said(2**63), said(2**64), said(-1)) == []
    assert heard(dialogue, said(11)) == [11]


def test_keys_of_ones_own_are_remembered_for_a_while_only() -> None:
    dialogue = connected()
    for number in range(OWN_KEYS_MAX * 3):
        dialogue.speak([say(str(number))])
        dialogue.hear(said(1, key=str(number), again=True))

    assert len(dialogue._own_keys) <= OWN_KEYS_MAX + 1


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30)), max_size=60))
def test_whatever_is_cut_and_sent_again_each_entry_is_heard_once_and_in_order(turns: list[tuple[bool, int]]) -> None:
    """The server sends what follows `since`, the connection breaks anywhere, and it begins again."""
    dialogue = ClientProtocol(Identity(), "s" * 16)
    found: list[int] = []
    for breaks, count in turns:
        if not dialogue.is_connected:
            since = dialogue.begin().since.get("lobby", 0)
            hear(dialogue, welcome(last_id=0))
        found += heard(dialogue, *(said(since + step) for step in range(count)))
        if breaks:
            dialogue.lose()

    assert found == list(range(1, len(found) + 1))
