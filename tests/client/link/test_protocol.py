"""The protocol as it is, without a socket: frames in, events and frames out."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.link.events import (
    Answered,
    Connected,
    Delayed,
    Failed,
    GapFound,
    LinkEvent,
    Received,
    RecipientAway,
    Refused,
    RoomJoined,
    RoomLeft,
    Sent,
)
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.protocol import OWN_KEYS_MAX, QUESTIONS_MAX, ClientProtocol
from trio_chat.client.link.request_queue import PONGS_MAX
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
    protocol = ClientProtocol(Identity(nick=nick, rooms=rooms or ("lobby",)), "s" * 16)
    protocol.start_connection()
    protocol.receive(welcome(*rooms))
    return protocol


TAKEN = frames.Error(code="nick-taken", text="the nick alice is taken")


@pytest.mark.parametrize("kind", ["left", "kicked", "renamed"])
def test_a_nick_that_was_taken_is_asked_for_again_when_it_is_free(kind: str) -> None:
    protocol = ClientProtocol(Identity(nick="Alice"), "s" * 16)
    protocol.start_connection()
    hear(protocol, TAKEN, welcome(label="192.0.2.1:5"))

    hear(protocol, said(11, author="Alice", kind=kind))

    (request,) = protocol.take_requests(9)
    assert isinstance(request, frames.Nick)
    assert request.nick == "Alice"
    hear(protocol, frames.Done(key=request.key), said(12, "Alice", author="192.0.2.1:5", kind="renamed"))
    hear(protocol, said(13, author="Alice", kind="left"))
    assert (protocol.label, protocol.take_requests(9)) == ("Alice", [])


def test_a_nick_that_was_taken_is_asked_for_now_and_then_without_a_word_of_each_refusal() -> None:
    protocol = ClientProtocol(Identity(nick="alice"), "s" * 16)
    protocol.start_connection()
    hear(protocol, TAKEN, welcome(label="192.0.2.1:5"))

    protocol.ping()

    ping, request = protocol.take_requests(9)
    assert (type(ping), type(request)) == (frames.Ping, frames.Nick)
    assert hear(protocol, frames.Error(code="nick-taken", text="taken", key=request.key)) == []


def hear(protocol: ClientProtocol, *replies: frames.AnyReply) -> list[LinkEvent]:
    return [event for reply in replies for event in protocol.receive(reply)]


def heard(protocol: ClientProtocol, *replies: frames.AnyReply) -> list[int]:
    return [what.entry.id for what in hear(protocol, *replies) if isinstance(what, Received)]


def sent(protocol: ClientProtocol) -> list[frames.Request]:
    return protocol.take_requests(10_000)


@pytest.mark.parametrize("code", ["nick-taken", "reserved-nick", "nick-claimed"])
def test_a_default_nick_that_cannot_be_had_is_no_news_and_not_asked_for_again(code: str) -> None:
    protocol = ClientProtocol(Identity(default_nick="alice"), "s" * 16)
    assert protocol.start_connection().nick == "alice"

    assert hear(protocol, frames.Error(code=code, text="no")) == []
    hear(protocol, welcome(label="192.0.2.1:5"), said(11, author="alice", kind="left"))
    protocol.ping()

    assert [type(request) for request in protocol.take_requests(9)] == [frames.Ping]
    protocol.connection_lost()
    assert not protocol.start_connection().nick


def test_a_default_nick_leaves_a_session_the_name_that_it_has_taken() -> None:
    protocol = ClientProtocol(Identity(default_nick="alice"), "s" * 16)
    protocol.start_connection()

    hear(protocol, welcome(label="bob", is_resumed=True))

    assert (protocol.label, protocol.take_requests(9)) == ("bob", [])


@pytest.mark.parametrize("is_early", [True, False])
def test_a_message_to_somebody_away_is_told_of_once_it_is_kept(is_early: bool) -> None:
    protocol = connected()
    message = frames.Tell(to="bob", text="hi", key="k")
    protocol.say([message])
    kept, away = said(11, "hi", room="@", kind="told", key="k"), frames.Away(to="bob", away_s=1, left_s=9, key="k")

    events = hear(protocol, *((away, kept) if is_early else (kept, away)))

    assert [type(event) for event in events] == [Sent, Received, RecipientAway]
    assert events[-1] == RecipientAway("bob", 1, 9)


def test_an_entry_is_shown_once_however_often_it_comes() -> None:
    protocol = connected()

    assert heard(protocol, said(10), said(11), said(11), said(13), said(12), said(13), said(14)) == [11, 13, 14]


def test_each_room_and_the_mailbox_count_for_themselves() -> None:
    protocol = connected("lobby", "dev")

    assert heard(protocol, said(20), said(15, room="dev"), said(12, room="@"), said(14, room="dev")) == [20, 15, 12]
    assert protocol.start_connection().since == {"lobby": 20, "dev": 15, "@": 12}


def test_after_a_lost_connection_the_next_hello_has_the_read_positions() -> None:
    protocol = connected()
    hear(protocol, said(12))
    protocol.connection_lost()

    hello = protocol.start_connection()

    assert (hello.epoch, hello.since, hello.session) == ("e", {"lobby": 12, "@": 10}, "s" * 16)
    assert heard(protocol, welcome(last_id=20), said(12), said(13)) == [13]


def test_a_repeated_acknowledgement_is_no_news_and_hides_no_older_entry() -> None:
    protocol = connected()
    protocol.say([say("k")])
    protocol.connection_lost()
    protocol.start_connection()
    hear(protocol, welcome())

    happened = hear(protocol, said(15, key="k", again=True), said(14), said(15, key="k"))

    assert happened == [
        Sent(say("k")),
        Received(said(14), is_own=False),
        Received(said(15, key="k"), is_own=True),
    ]


def test_somebody_who_uses_the_key_of_ours_again_is_still_heard() -> None:
    protocol = connected()
    protocol.say([say("k")])
    hear(protocol, said(11, key="k"))

    assert hear(protocol, said(12, "evil", key="k")) == [Received(said(12, "evil", key="k"), is_own=False)]


def test_unacknowledged_messages_alone_are_sent_again_in_order() -> None:
    protocol = connected()
    protocol.say([say("a"), say("b"), say("c")])
    sent(protocol)
    hear(protocol, said(11, key="b"))
    protocol.connection_lost()
    protocol.say([say("d")])
    protocol.start_connection()
    hear(protocol, welcome())

    assert sent(protocol) == [say("a"), say("c"), say("d")]


def test_a_line_that_is_refused_fails_and_one_that_could_not_be_kept_is_said_again() -> None:
    protocol = connected()
    protocol.say([say("a"), say("b"), say("c")])
    sent(protocol)

    happened = hear(
        protocol,
        frames.Error(code="empty", text="nothing is left", key="a"),
        frames.Error(code="not-kept", text="the disk is full", key="b"),
    )
    assert happened == [Failed(say("a"), "nothing is left"), Delayed(say("b"), "the disk is full")]
    assert protocol.needs_resend
    protocol.resend()
    assert sent(protocol) == [say("b")]
    hear(protocol, said(11, key="b"))
    assert sent(protocol) == [say("c")]


def test_a_topic_that_gave_way_to_a_later_one_is_sent_and_not_sent_again() -> None:
    protocol = connected()
    gave_way, spoken = frames.Topic(room="lobby", text="old", key="t"), say("s")
    protocol.say([gave_way, spoken])
    sent(protocol)

    happened = hear(protocol, frames.Done(key="t"), frames.Done(key="s"), frames.Done(key="unknown"))

    assert happened == [Sent(gave_way)]
    assert list(protocol.pending) == ["s"]


def test_while_something_has_to_be_said_again_nothing_later_is_sent() -> None:
    protocol = connected()
    protocol.say([say("a"), say("b")])
    assert protocol.take_requests(1) == [say("a")]  # the other one is on its way to the socket still
    hear(protocol, frames.Error(code="not-kept", text="locked", key="a"))

    protocol.say([say("c")])
    protocol.ask(frames.Nick(nick="carol", key="n"))
    protocol.ask(frames.Who(room="lobby", key="w"))
    at_once = sent(protocol)
    protocol.resend()
    resent = sent(protocol)
    hear(protocol, frames.Error(code="not-kept", text="locked", key="a"))
    protocol.resend()
    resent += sent(protocol)
    hear(protocol, said(11, key="a"))
    after_it = sent(protocol)
    hear(protocol, said(12, key="b"), said(13, key="c"))

    assert at_once == [frames.Who(room="lobby", key="w")]  # a question is nothing said
    assert resent == [say("a"), say("a")]
    assert after_it == [say("b"), say("c")]
    assert sent(protocol) == [frames.Nick(nick="carol", key="n")]  # it is said under the old name, as it was typed
    assert protocol.is_settled is False


def test_a_line_that_could_not_be_kept_and_is_refused_when_it_is_said_again_holds_up_nothing() -> None:
    protocol = connected()
    protocol.say([say("a"), say("b")])
    sent(protocol)
    hear(protocol, frames.Error(code="not-kept", text="locked", key="a"))
    protocol.resend()
    sent(protocol)

    hear(protocol, frames.Error(code="not-in-room", text="you are not there", key="a"))

    assert sent(protocol) == [say("b")]
    assert not protocol.needs_resend


def test_a_line_is_reported_as_delayed_once_however_often_it_is_tried() -> None:
    protocol = connected()
    protocol.say([say("a")])
    error = frames.Error(code="not-kept", text="locked", key="a")

    assert hear(protocol, error) == [Delayed(say("a"), "locked")]
    protocol.resend()
    assert hear(protocol, error) == []


@pytest.mark.parametrize("epoch", ["other", "e"])  # "e": the same journal, put back to an earlier copy
def test_another_journal_is_told_and_ids_begin_anew(epoch: str) -> None:
    protocol = connected()
    hear(protocol, said(500))
    protocol.connection_lost()
    protocol.start_connection()

    (again,) = hear(protocol, frames.Gap(room="lobby", after=500, reason="epoch"), welcome(epoch=epoch, last_id=3))

    assert again == Connected("alice", ("lobby",), is_again=True, is_other_epoch=True)
    assert heard(protocol, said(3), said(4)) == [4]


@pytest.mark.parametrize("reason", ["pruned", "slow", "something new"])
def test_a_gap_is_told(reason: str) -> None:
    assert hear(connected(), frames.Gap(room="lobby", after=3, reason=reason, missed=7)) == [
        GapFound("lobby", 7, reason, after=3)
    ]


@pytest.mark.parametrize("is_needed", [True, False])
def test_one_who_needs_its_nick_does_not_come_in_under_another(is_needed: bool) -> None:
    protocol = ClientProtocol(Identity(nick="bob", needs_nick=is_needed), "s" * 16, [say("k1")])

    hello = protocol.start_connection()
    hear(protocol, frames.Error(code="nick-taken", text="the nick bob is taken"))
    hear(protocol, frames.Error(code="bad-room", text="no room can be called that"), welcome(label="192.0.2.1:5"))

    assert hello.needs_nick is is_needed
    assert protocol.is_refused is is_needed
    assert sent(protocol) == ([] if is_needed else [say("k1")])
    assert not is_needed or (protocol.handshake.refusal and protocol.handshake.refusal.text == "the nick bob is taken")


def test_rooms_and_nick_are_settled_also_without_a_connection() -> None:
    protocol = connected("lobby", "dev", nick="alice")
    protocol.connection_lost()

    assert protocol.ask(frames.Join(room="#Kitchen")) == [RoomJoined("kitchen", "")]
    assert protocol.ask(frames.Leave(room="dev")) == [RoomLeft("dev")]
    assert protocol.ask(frames.Nick(nick="al")) == [Answered(frames.Nick(nick="al"), frames.Done())]
    assert isinstance(protocol.ask(frames.Who(room="lobby"))[0], Refused)
    hello = protocol.start_connection()
    hear(protocol, welcome("lobby", "kitchen", "dev", is_resumed=True))

    assert (hello.rooms, hello.nick) == (["lobby", "kitchen"], "al")
    assert sent(protocol) == [frames.Leave(room="dev"), frames.Nick(nick="al")]


def test_a_server_that_does_not_know_of_mailboxes_ids_is_no_worse_to_be_at() -> None:
    protocol = ClientProtocol(Identity(), "s" * 16)
    protocol.start_connection()
    (earlier,) = reply_decoder().feed(frames.encode(welcome()).replace(b',"last_id":10,"limits"', b',"limits"'))
    assert isinstance(earlier, frames.Welcome)

    happened = hear(protocol, earlier)
    assert happened == [Connected("alice", ("lobby",), is_again=False, is_other_epoch=False)]
    assert heard(protocol, said(3, room=frames.MAILBOX)) == [3]
    protocol.connection_lost()
    assert protocol.start_connection().since == {"lobby": 10, frames.MAILBOX: 3}


def test_a_nick_that_hello_could_not_have_is_not_asked_for_twice() -> None:
    protocol = connected(nick="alice")
    protocol.connection_lost()
    protocol.start_connection()

    hear(protocol, welcome(is_resumed=True, label="192.0.2.1:5"))

    assert sent(protocol) == []


def test_questions_are_settled_or_refused_when_the_connection_breaks() -> None:
    protocol = connected()
    protocol.ask(frames.Join(room="dev", key="j"))
    protocol.ask(frames.Who(room="lobby", key="w"))

    entered, refused = protocol.connection_lost()

    assert entered == RoomJoined("dev", "")
    assert refused == Refused(frames.Who(room="lobby", key="w"), "not connected")
    assert protocol.start_connection().rooms == ["lobby", "dev"]


def test_a_room_that_cannot_be_entered_is_not_asked_for_again() -> None:
    protocol = connected()
    protocol.ask(frames.Join(room="no room!", key="j"))

    refused = hear(protocol, frames.Error(code="bad-room", text="no room can be called that", key="j"))

    assert refused == [Refused(frames.Join(room="no room!", key="j"), "no room can be called that")]
    assert protocol.start_connection().rooms == ["lobby"]


def test_messages_for_other_rooms_are_said_there_the_next_time() -> None:
    protocol = ClientProtocol(
        Identity(), "s" * 16, [say("a", room="#Dev"), frames.Tell(to="bob", text="psst", key="b")]
    )

    assert protocol.start_connection().rooms == ["lobby", "dev"]


def test_m11_ids_rooms_pings_and_questions_of_a_hostile_server_take_no_room() -> None:
    protocol = ClientProtocol(Identity(), "s" * 16)
    protocol.start_connection()
    protocol.receive(welcome("lobby", *(f"room{number}" for number in range(10_000))))
    protocol.receive(welcome(*(f"room{number}" for number in range(10_000))))
    for number in range(10_000):
        assert protocol.receive(said(number, room=f"room{number}", key=f"k{number}")) == []
        protocol.receive(frames.Ping(key=str(number)))
        protocol.receive(frames.Joined(room=frames.RoomInfo(f"r{number}", "", 1, number), key=str(number)))
        protocol.ask(frames.Who(room="lobby", key=f"q{number}"))

    assert list(protocol.rooms) == ["lobby"]
    assert len(sent(protocol)) <= PONGS_MAX + QUESTIONS_MAX
    assert heard(protocol, said(2**63), said(2**64), said(-1)) == []
    assert heard(protocol, said(11)) == [11]


def test_keys_of_ones_own_are_remembered_for_a_while_only() -> None:
    protocol = connected()
    for number in range(OWN_KEYS_MAX * 3):
        protocol.say([say(str(number))])
        protocol.receive(said(1, key=str(number), again=True))

    assert len(protocol._own_keys) <= OWN_KEYS_MAX + 1


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30)), max_size=60))
def test_across_cuts_and_repeats_each_entry_is_sent_once_and_in_order(turns: list[tuple[bool, int]]) -> None:
    """The server sends what follows `since`, the connection breaks anywhere, and it begins again."""
    protocol = ClientProtocol(Identity(), "s" * 16)
    found: list[int] = []
    for breaks, count in turns:
        if not protocol.is_connected:
            since = protocol.start_connection().since.get("lobby", 0)
            hear(protocol, welcome(last_id=0))
        found += heard(protocol, *(said(since + step) for step in range(count)))
        if breaks:
            protocol.connection_lost()

    assert found == list(range(1, len(found) + 1))


def lines(key: str, *texts: str) -> frames.Say:
    return frames.Say(room="lobby", lines=list(texts), key=key)


def test_several_lines_are_one_request_for_a_server_that_takes_them() -> None:
    protocol = ClientProtocol(Identity(), "s" * 16)
    protocol.start_connection()
    protocol.receive(msgspec.structs.replace(welcome(), limits=frames.Limits(lines=50)))
    message = lines("k", "a", "b", "c")

    protocol.say([message])

    assert protocol.take_requests(10) == [message]
    assert protocol.receive(said(11, "a")) == [Received(said(11, "a"), is_own=False)]
    assert protocol.receive(said(12, "c", key="k"))[0] == Sent(message)
    assert protocol.is_settled


def test_several_lines_are_as_many_requests_for_an_older_server_and_settled_by_the_last() -> None:
    protocol = connected()
    message = lines("k", "a", "b", "c")

    protocol.say([message])

    assert protocol.take_requests(10) == [say("k.1", "a"), say("k.2", "b"), say("k", "c")]
    protocol.receive(said(11, "a", key="k.1"))
    assert protocol.receive(frames.Error(code="not-kept", text="full", key="k.2")) == [Delayed(message, "full")]
    protocol.resend()
    assert [request.key for request in protocol.take_requests(10)] == ["k.1", "k.2", "k"]
    assert protocol.receive(said(13, "c", key="k"))[0] == Sent(message)


def test_messages_not_in_flight_can_be_cancelled_and_pings_overtake_them() -> None:
    protocol = connected()
    protocol.limit_lines_in_flight(3)
    messages = [say(f"{number:x}") for number in range(5)]

    protocol.say(messages)
    protocol.ping()

    assert protocol.take_requests(10) == messages[:3]
    assert protocol.take_requests(10) == [frames.Ping()]
    assert protocol.take_requests(10) == []
    protocol.receive(said(11, key="0"))
    assert protocol.take_requests(10) == messages[3:4]
    assert protocol.cancel() == messages[4:]
    assert protocol.take_requests(10) == []
    assert list(protocol.pending) == ["1", "2", "3"]
    protocol.connection_lost()
    assert protocol.cancel() == messages[1:4]


def test_held_messages_are_sent_when_released_and_not_before() -> None:
    messages = [say("a"), say("b")]
    protocol = ClientProtocol(Identity(), "s" * 16, messages)
    protocol.held = {"a", "b"}
    protocol.start_connection()
    protocol.receive(welcome())
    protocol.say([say("c")])

    assert protocol.take_requests(10) == [say("c")]
    protocol.receive(said(11, key="c"))
    assert protocol.is_settled
    protocol.release()
    assert protocol.take_requests(10) == messages


@pytest.mark.parametrize("takes_lines", [True, False])
def test_every_line_of_our_own_message_is_known_as_ours(takes_lines: bool) -> None:
    """Only the last has the key of the message: a pipe would print the others."""
    protocol = connected()
    limits = frames.Limits(lines=50) if takes_lines else frames.Limits()
    protocol.receive(msgspec.structs.replace(welcome(), limits=limits))
    texts = ["one", "two", "three"]
    protocol.say([lines("k", *texts)])
    sent = [request.key for request in protocol.take_requests(9) if isinstance(request, frames.Say)]
    keys = ["", "", *sent] if takes_lines else sent
    others = [said(11, "one"), said(12, "other", author="alice")]
    ours = [said(13 + n, text, author="alice", key=keys[n]) for n, text in enumerate(texts)]

    events = [event for entry in (*others, *ours) for event in protocol.receive(entry)]

    assert [event.is_own for event in events if isinstance(event, Received)] == [False, False, True, True, True]
