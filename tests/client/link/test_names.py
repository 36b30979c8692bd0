"""Names of one's own, as the client's protocol proves them: frames in, events and frames out."""

from typing import Any

import pytest

from trio_chat.chat.accounts.proof import message_of
from trio_chat.client.link.events import (
    Answered,
    Connected,
    LinkEvent,
    MarkMoved,
    MemoryOfServer,
    MessageWaits,
    Refused,
    Sent,
    ServerNews,
)
from trio_chat.client.link.handshake import NO_PASSWORD_YET
from trio_chat.client.link.identity import Identity
from trio_chat.client.link.protocol import ClientProtocol
from trio_chat.wire import frames

EPOCH, NONCE, ACCOUNT, DIGEST = "abc", "0f" * 32, "9f" * 8, "ab" * 32
PROOF, OTHER = frames.Proof(key="K1", signature="S1"), frames.Proof(key="K2", signature="S2")
CODE = "a" * 26


def protocol_of(*, binding: str = DIGEST, is_private: bool = True, can_ask: bool = False, **identity: Any):
    protocol = ClientProtocol(Identity(**{"nick": "alice"} | identity), "s" * 16)
    protocol.handshake.prepare(binding=binding, is_private=is_private, can_sign=True, can_ask=can_ask)
    return protocol


def challenge(key: str = "proving", **fields: Any) -> frames.Challenge:
    return frames.Challenge(**{"key": key, "nonce": NONCE, "epoch": EPOCH, "binding": "tls"} | fields)


def welcome(label: str = "alice", account: str = ACCOUNT, **fields: Any) -> frames.Welcome:
    values = {
        "protocol": 1,
        "epoch": EPOCH,
        "server": "test",
        "you": frames.You(id="c1", label=label, address="192.0.2.1:5", account=account),
        "resumed": False,
        "rooms": [frames.RoomInfo(name="lobby", topic="", members=1, last_id=10)],
        "last_id": 10,
        "limits": frames.Limits(),
    }
    return frames.Welcome(**values | fields)


def hear(protocol: ClientProtocol, *replies: frames.AnyReply) -> list[LinkEvent]:
    return [event for reply in replies for event in protocol.receive(reply)]


def sent(protocol: ClientProtocol) -> list[Any]:
    return protocol.take_requests(100)


def error(code: str, key: str = "") -> frames.Error:
    return frames.Error(code=code, text=f"no: {code}", key=key)


def signed(protocol: ClientProtocol) -> tuple[bytes, int, str] | None:
    found = protocol.signing
    return (found.message, found.number, found.key) if found else None


def message(purpose: Any = "login", name: str = "alice", binding: str = DIGEST) -> bytes:
    return message_of(purpose, epoch=EPOCH, nonce=NONCE, name=name, binding=binding)


def member(**identity: Any) -> ClientProtocol:
    """Somebody who has proven a name."""
    protocol = protocol_of(**identity)
    assert protocol.start_connection() == frames.AskChallenge(key="proving")
    hear(protocol, challenge())
    protocol.prove(PROOF)
    (hello,) = sent(protocol)
    assert hello.proof == PROOF
    hear(protocol, welcome())
    return protocol


def unproven(line: str) -> ClientProtocol:
    """A client without a name of its own, which has asked the server to run a command."""
    protocol = ClientProtocol(Identity(), "s" * 16)
    protocol.handshake.prepare(is_private=True)
    protocol.start_connection()
    hear(protocol, welcome("192.0.2.1:5", account=""))
    protocol.ask(frames.RunCommand(room="lobby", line=line, key="c1"))
    return protocol


def test_a_key_signs_for_this_server_nonce_name_and_certificate_before_hello() -> None:
    protocol = protocol_of()

    first = protocol.start_connection()
    hear(protocol, challenge())
    assert signed(protocol) == (message(), 0, "")
    protocol.prove(PROOF)
    (hello,) = sent(protocol)
    (event,) = hear(protocol, welcome())

    assert first == frames.AskChallenge(key="proving")
    assert (hello.nick, hello.proof, hello.needs_nick, hello.invite) == ("alice", PROOF, False, "")
    assert isinstance(event, Connected)
    assert (protocol.account, protocol.label) == (ACCOUNT, "alice")


@pytest.mark.parametrize("code", ["unknown-type", "hello-first"])
@pytest.mark.parametrize("has_key", [True, False])
def test_a_server_of_before_there_were_names_gets_a_plain_hello(code: str, has_key: bool) -> None:
    protocol = protocol_of()
    protocol.start_connection()

    assert hear(protocol, error(code, "proving" if has_key else "")) == []
    (hello,) = sent(protocol)
    hear(protocol, welcome(account=""))

    assert (hello.nick, hello.proof) == ("alice", None)
    assert protocol.is_connected
    assert not protocol.handshake.knows_names
    assert not protocol.is_refused


def test_without_a_nick_or_a_key_hello_comes_first_as_ever() -> None:
    assert isinstance(protocol_of(nick=None).start_connection(), frames.Hello)
    protocol = protocol_of()
    protocol.handshake.prepare(can_sign=False)

    assert protocol.start_connection().proof is None


@pytest.mark.parametrize(
    "fields",
    [
        {"nonce": "0f" * 31},
        {"nonce": "0F" * 32},
        {"nonce": "0" * 63 + "\n"},
        {"epoch": ""},
        {"epoch": "a\nb"},
        {"epoch": "A"},
        {"epoch": "a" * 65},
    ],
)
def test_nothing_is_signed_for_a_challenge_of_another_form(fields: dict[str, str]) -> None:
    protocol = protocol_of()
    protocol.start_connection()

    hear(protocol, challenge(**fields))

    assert protocol.signing is None
    assert [request.proof for request in sent(protocol)] == [None]


def test_challenges_that_nobody_asked_for_are_not_signed() -> None:
    protocol = protocol_of()
    protocol.start_connection()
    hear(protocol, challenge("other"), challenge(""))
    assert protocol.signing is None

    hear(protocol, challenge())
    protocol.prove(PROOF)
    assert len(sent(protocol)) == 1
    for _ in range(1000):
        hear(protocol, challenge())
    assert (protocol.signing, sent(protocol)) == (None, [])

    hear(protocol, welcome())
    for _ in range(1000):
        hear(protocol, challenge(), challenge("x"))
    assert (protocol.signing, sent(protocol)) == (None, [])


def test_a_name_with_a_line_break_is_never_signed() -> None:
    protocol = protocol_of()
    protocol.start_connection()
    sent(protocol)
    hear(protocol, error("unknown-type", "proving"), welcome("a\nclaim", account=""))
    protocol.handshake.knows_names = True

    protocol.ask(frames.ClaimName(proof=frames.Proof(), key="r1"))
    (event,) = hear(protocol, challenge("r1"))

    assert protocol.signing is None
    assert isinstance(event, Refused)


def test_the_keys_of_an_agent_are_tried_one_after_the_other() -> None:
    protocol = protocol_of()
    protocol.start_connection()
    hear(protocol, challenge())
    protocol.prove(PROOF)

    assert hear(protocol, error("proof")) == []
    assert signed(protocol) == (message(), 1, "")
    protocol.prove(OTHER)
    first, second = sent(protocol)
    hear(protocol, welcome())

    assert (first.proof, second.proof) == (PROOF, OTHER)
    assert protocol.account == ACCOUNT


def test_where_no_key_proves_the_name_the_person_is_asked_for_its_password() -> None:
    protocol = protocol_of(can_ask=True)
    protocol.start_connection()
    hear(protocol, challenge())
    protocol.prove(PROOF)
    hear(protocol, error("proof"))
    sent(protocol)

    protocol.prove(None)

    assert protocol.is_refused
    assert protocol.handshake.wants_name_password
    protocol.connection_lost()
    protocol.handshake.use_name_password("correct horse")
    protocol.handshake.prepare(is_private=True, can_sign=False, can_ask=True)
    assert protocol.start_connection().proof == frames.Proof(password="correct horse")


@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_person_who_gives_no_password_joins_without_the_name(is_remembered: bool) -> None:
    protocol = protocol_of(owns_nick=is_remembered)
    protocol.handshake.prepare(is_private=True, can_ask=True)
    hello = protocol.start_connection()
    assert hello.needs_nick is is_remembered
    hear(protocol, error("name-claimed"))
    assert protocol.is_refused
    assert protocol.handshake.wants_name_password
    protocol.connection_lost()

    protocol.handshake.use_name_password("")

    hello = protocol.start_connection()
    assert (hello.nick, hello.needs_nick, hello.proof) == ("", False, None)


@pytest.mark.parametrize("code", ["nick-taken", "bad-nick", "reserved-nick"])
def test_a_nick_that_cannot_be_had_for_another_reason_is_done_without(code: str) -> None:
    protocol = protocol_of(owns_nick=True)
    protocol.handshake.prepare(is_private=True, can_ask=True)
    protocol.start_connection()

    hear(protocol, error(code))

    assert protocol.is_refused
    assert not protocol.handshake.wants_name_password
    protocol.connection_lost()
    assert protocol.handshake.can_do_without_name()
    assert not protocol.start_connection().needs_nick


def test_a_script_that_needs_its_name_is_refused_for_good() -> None:
    protocol = protocol_of(needs_nick=True)
    protocol.handshake.prepare()
    assert protocol.start_connection().needs_nick

    hear(protocol, error("name-claimed"))

    assert protocol.is_refused
    assert not protocol.handshake.can_do_without_name()


@pytest.mark.parametrize("code", ["name-claimed", "proof"])
def test_a_default_nick_that_belongs_to_another_is_given_up_and_told(code: str) -> None:
    protocol = protocol_of(nick=None, default_nick="alice", can_ask=True)
    protocol.start_connection()
    hear(protocol, challenge())
    protocol.prove(PROOF)

    events = hear(protocol, error(code))
    if code == "proof":  # not let in with a wrong proof
        events = protocol.prove(None)
        assert sent(protocol)[-1].nick == ""
    hear(protocol, welcome("192.0.2.1:5", account=""))

    assert events == [Refused(None, f"no: {code}")]
    assert protocol.wanted_nick == ""


def test_a_password_is_sent_only_where_nobody_can_read_it_on_the_way() -> None:
    protocol = protocol_of()
    protocol.handshake.use_name_password("correct horse")
    protocol.handshake.prepare(is_private=False)
    assert protocol.start_connection().proof is None

    protocol = protocol_of(sends_plain_password=True)
    protocol.handshake.use_name_password("correct horse")
    protocol.handshake.prepare(is_private=False)
    assert protocol.start_connection().proof == frames.Proof(password="correct horse")


def test_an_invite_claims_the_name_and_is_used_once() -> None:
    protocol = protocol_of(invite=CODE)
    protocol.start_connection()
    hear(protocol, challenge())
    assert signed(protocol) == (message("claim"), 0, "")
    protocol.prove(PROOF)
    assert sent(protocol)[0].invite == CODE

    hear(protocol, welcome())
    protocol.connection_lost()
    protocol.start_connection()
    hear(protocol, challenge())

    assert signed(protocol) == (message("login"), 0, "")


@pytest.mark.parametrize("code", ["invite", "name-claimed", "nick-taken", "too-many-names"])
def test_an_invite_that_does_not_hold_keeps_one_out_with_the_reason(code: str) -> None:
    protocol = protocol_of(invite=CODE)
    protocol.start_connection()
    hear(protocol, challenge())
    protocol.prove(PROOF)

    hear(protocol, error(code))

    assert protocol.is_refused
    assert not protocol.handshake.wants_name_password


def test_register_signs_for_the_present_name_and_is_answered_by_named() -> None:
    protocol = protocol_of()
    protocol.start_connection()
    hear(protocol, error("unknown-type", "proving"), welcome(account=""))
    sent(protocol)
    question = frames.ClaimName(proof=frames.Proof(), key="r1")

    assert protocol.ask(question) == []
    assert sent(protocol) == [frames.AskChallenge(key="r1")]
    hear(protocol, challenge("r1"))
    assert signed(protocol) == (message("claim"), 0, "r1")
    protocol.prove(PROOF)
    assert sent(protocol) == [frames.ClaimName(proof=PROOF, key="r1")]
    named = frames.Named(label="alice", account=ACCOUNT, key="r1")

    assert hear(protocol, named) == [Answered(question, named)]
    assert protocol.account == ACCOUNT


def test_a_name_proven_by_a_password_brings_what_the_server_remembers_and_the_mailbox_of_the_account() -> None:
    protocol = unproven("/login alice correct horse")
    memory = frames.MemberMemory(rooms=["dev"], ignored=["mallory"], marks={"@": frames.Mark(12, 60.0)})
    named = frames.Named(label="alice", account=ACCOUNT, last_id=40, member=memory)

    events = hear(protocol, named, frames.News(rooms={"dev": frames.RoomNews(2, 1)}, waiting=3))

    assert events == [MemoryOfServer(("mallory",), memory.marks), ServerNews({"dev": frames.RoomNews(2, 1)}, 3)]
    assert protocol.newest_id_before(frames.MAILBOX) == 40
    protocol.connection_lost()
    assert protocol.start_connection().since["@"] == 40


def test_a_server_that_keeps_no_names_refuses_register() -> None:
    protocol = member()
    question = frames.ClaimName(proof=frames.Proof(), key="r1")
    protocol.ask(question)

    assert hear(protocol, error("unknown-type", "r1")) == [Refused(question, "this server keeps no names")]
    assert protocol.signing is None


@pytest.mark.parametrize("line", ["/login alice correct horse", "/register correct horse"])
def test_a_password_that_proved_the_name_is_used_to_come_back(line: str) -> None:
    protocol = unproven(line)

    hear(protocol, frames.Named(label="alice", account=ACCOUNT))
    protocol.connection_lost()
    hello = protocol.start_connection()

    assert (hello.nick, hello.proof) == ("alice", frames.Proof(password="correct horse"))


def test_a_password_that_was_refused_is_not_used() -> None:
    protocol = unproven("/login alice wrong")

    hear(protocol, error("proof", "c1"))
    protocol.connection_lost()

    assert protocol.start_connection().proof is None


def test_a_login_by_a_key_is_tried_on_the_next_connection_and_may_fail() -> None:
    protocol = protocol_of(nick="bob")
    protocol.start_connection()
    hear(protocol, challenge())
    protocol.prove(PROOF)
    hear(protocol, welcome("bob", account=""))
    protocol.handshake.log_in("alice")
    protocol.connection_lost()
    protocol.start_connection()
    sent(protocol)

    hear(protocol, challenge())
    assert signed(protocol) == (message(name="alice"), 0, "")
    protocol.prove(PROOF)
    hear(protocol, error("proof"))
    (event,) = protocol.prove(None)
    hear(protocol, welcome("bob", account=""))

    assert isinstance(event, Refused)
    assert event.reason == f"no: proof: no key here proves it; {NO_PASSWORD_YET}"
    assert "alice" in protocol.handshake.refused_names
    assert [request.nick for request in sent(protocol) if isinstance(request, frames.Hello)] == ["alice", "bob"]
    assert (protocol.is_connected, protocol.wanted_nick) == (True, "bob")


def test_a_server_that_does_not_see_our_tls_is_said_to_be_behind_a_proxy() -> None:
    protocol = protocol_of()
    protocol.start_connection()
    hear(protocol, challenge(binding=""))
    protocol.prove(PROOF)
    hear(protocol, error("proof"))
    protocol.prove(None)

    assert protocol.handshake.refusal
    assert "--proxy-cert" in protocol.handshake.refusal.text


def test_the_rooms_that_the_server_remembers_are_joined_the_first_time() -> None:
    protocol = protocol_of(wants_remembered=True)
    protocol.start_connection()
    hear(protocol, challenge())
    protocol.prove(PROOF)
    assert sent(protocol)[0].remembered
    rooms = [frames.RoomInfo(name=name, topic="", members=1, last_id=1) for name in ("lobby", "dev", "foreign")]
    memory = frames.MemberMemory(rooms=["dev"], ignored=["eve"], marks={"dev": frames.Mark(4, 9.0)})

    told, connected = hear(protocol, welcome(rooms=rooms, member=memory))

    assert told == MemoryOfServer(("eve",), {"dev": frames.Mark(4, 9.0)})
    assert isinstance(connected, Connected)
    assert list(protocol.rooms) == ["lobby", "dev"]
    protocol.connection_lost()
    protocol.start_connection()
    hear(protocol, challenge())
    protocol.prove(PROOF)
    assert not sent(protocol)[-1].remembered


def test_marks_and_news_come_as_events() -> None:
    protocol = member()

    events = hear(
        protocol,
        frames.Read(room="dev", id=7),
        frames.News(rooms={"dev": frames.RoomNews(14, 2)}, waiting=3),
    )

    assert events == [MarkMoved("dev", 7), ServerNews({"dev": frames.RoomNews(14, 2)}, 3)]
    protocol.mark_read("dev", 9)
    protocol.keep_ignored(["eve"])
    assert sent(protocol) == [frames.Read(room="dev", id=9), frames.Ignored(names=["eve"], key="ignoring")]
    assert hear(protocol, frames.Done(key="ignoring"), error("unknown-type", "ignoring")) == []


def test_a_message_that_waits_for_a_member_is_told_when_it_is_kept() -> None:
    protocol = member()
    tell = frames.Tell(to="bob", text="hi", key="t1")
    protocol.say([tell])
    entry = frames.Said(id=11, room="@", kind="told", time=0.0, author="alice", text="hi", to="bob", key="t1")

    assert hear(protocol, frames.Waits(to="bob", key="t1")) == []
    events = hear(protocol, entry)

    assert events[0] == Sent(tell)
    assert events[-1] == MessageWaits("bob")


def test_what_is_said_in_ones_name_elsewhere_is_shown_once_and_is_not_taken_for_ones_own() -> None:
    protocol = member()
    entry = frames.Said(id=11, room="lobby", kind="said", time=0.0, author="alice", text="hi", account=ACCOUNT)

    (event,) = hear(protocol, entry, entry)

    assert (event.entry.id, event.is_own) == (11, False)
