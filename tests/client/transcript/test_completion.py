from typing import Any

import pytest

from trio_chat.client.link.events import Answered, Connected, Received, RoomJoined, RoomLeft
from trio_chat.client.transcript.completion import Completion
from trio_chat.client.transcript.narrator import Narrator
from trio_chat.client.transcript.people import PEOPLE_MAX, People
from trio_chat.client.transcript.transcript import Transcript
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.wire import frames


def heard(author: str, kind: str = "said", room: str = "lobby", text: str = "", to: str = "") -> Received:
    entry = frames.Said(id=1, room=room, kind=kind, time=0.0, author=author, text=text, to=to)
    return Received(entry, is_own=False)


def members(*labels: str) -> Answered:
    return Answered(frames.Who(room="lobby"), frames.Members(room="lobby", count=len(labels), labels=list(labels)))


def people(*events: Any) -> People:
    """People that somebody called me knows of, who is in the lobby."""
    known = People()
    known.update([Connected("me", ("lobby",), is_again=False, is_other_epoch=False), *events], "me")
    return known


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("@smi", ["@smile", "@smirk"]),
        ("hello @SH", ["@ship"]),
        ("/h", ["/help", "/history"]),
        ("see /h", []),
        ("/msg @", ["@ship", "@smile", "@smirk", "@Sam", "@alice", "@Ren\xe9"]),
        ("@sa", ["@Sam"]),
        ("s", ["Sam: "]),
        ("ask al", ["alice"]),
        ("ask (al", ["alice"]),
        ("(al", ["alice"]),
        ("see \u201eSA", ["Sam"]),
        ("re", ["Ren\xe9: "]),
        ("REN\xc9", ["Ren\xe9: "]),
        ("by Rene", ["Ren\xe9"]),
        ("/msg re", ["Ren\xe9"]),
        ("m", []),
        ("", []),
        ("hello ", []),
        ("/msg ", ["carol", "zoe", "Sam", "alice", "Ren\xe9", "yuki"]),
        ("/msg z", ["zoe"]),
        ("/msg zoe s", ["Sam"]),
        ("/join ", ["lobby", "dev", "ops"]),
        ("/join #d", ["#dev"]),
        ("/join o", ["ops"]),
        ("/leave ", ["lobby", "dev"]),
        ("/mute #d", ["#dev"]),
        ("/whois z", ["zoe"]),
        ("/msg y", ["yuki"]),
        ("/msg c", ["carol"]),
    ],
)
def test_completions_of_a_word_depend_on_its_place(before: str, words: list[str]) -> None:
    narrator = Narrator(Transcript(Catalogue()))
    events = (members("Ren\xe9", "alice", "me", "Sam"), heard("zoe", "told", "@", to="me"), RoomJoined("dev", ""))
    listed = [frames.RoomInfo(name=name, topic="", members=1, last_id=0) for name in ("dev", "ops")]
    elsewhere = (heard("me", "told", "@", to="carol"), heard("yuki", room="random"))
    events = (*events, *elsewhere, Answered(frames.ListRooms(), frames.RoomList(rooms=listed)))
    narrator.people.update([Connected("me", ("lobby",), is_again=False, is_other_epoch=False), *events], "me")

    found = Completion(["help", "history"], ["smile", "smirk", "ship"], narrator).words(before)

    assert [word for word, _ in found] == words


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("你好小", [("小明", 1)]),
        ("请你问小明", [("小明", 2)]),
        ("小", [("小明: ", 1)]),
        ("你好bo", [("bob", 2)]),
        ("你好@bo", [("@bob", 3)]),
        ("(bo", [("bob", 2)]),
        ("🙂bo", [("bob", 2)]),
        ("hi jose", [("José", 4)]),
        ("สวัสดีสม", [("สมชาย", 2)]),
        ("ｂｏ", [("bob: ", 2)]),
        ("kebo", []),
        ("x-bo", []),
        ("你好", []),
        ("x \u0301", []),
    ],
)
def test_a_name_is_completed_where_no_space_is_before_it(before: str, found: list[tuple[str, int]]) -> None:
    narrator = Narrator(Transcript(Catalogue()))
    known = members("bob", "小明", "José", "สมชาย")
    narrator.people.update([Connected("me", ("lobby",), is_again=False, is_other_epoch=False), known], "me")

    assert Completion([], [], narrator).words(before) == found


def test_the_last_speaker_comes_first_and_people_who_left_not_at_all() -> None:
    known = people(
        members("alice", "bob", "carol", "dave"),
        heard("bob"),
        heard("alice", "acted"),
        heard("carol", "left"),
        heard("dave", "kicked"),
        heard("server", "announced"),
    )

    assert known.names("lobby") == ["alice", "bob"]


def test_the_list_of_members_keeps_the_order_of_speaking() -> None:
    assert people(heard("bob"), heard("gone"), members("alice", "bob", "carol")).names("lobby") == [
        "bob",
        "carol",
        "alice",
    ]


def test_a_name_that_changes_is_the_same_person() -> None:
    known = people(heard("bob"), heard("bob", "told", "@", to="me"), heard("bob", "renamed", text="rob"))

    assert (known.names("lobby"), known.last_writer) == (["rob"], "rob")


def test_an_ignored_person_stays_so_under_another_name_and_gets_no_reply() -> None:
    known = people(heard("bob", "told", "@", to="me"), heard("alice", "told", "@", to="me"))

    known.ignore("Alice")
    known.update([heard("alice", "renamed", text="eve"), heard("eve", "told", "@", to="me")], "me")

    assert (known.last_writer, known.ignored.names, known.ignored.has("EVE")) == ("bob", ["eve"], True)
    assert known.ignored.remove("eve")
    assert not known.ignored.has("eve")


def test_rooms_that_were_left_are_forgotten_and_who_spoke_there_comes_last() -> None:
    known = people(RoomJoined("dev", ""), heard("bob", room="dev"), RoomLeft("dev"), heard("ann"))

    assert (known.rooms, known.all_names()) == (["lobby"], ["ann", "bob"])


def test_so_many_names_are_remembered_and_no_more() -> None:
    known = people(
        members(*(f"m{number}" for number in range(2 * PEOPLE_MAX))),
        *(heard(f"p{number}") for number in range(PEOPLE_MAX + 10)),
    )

    assert len(known.names("lobby")) == PEOPLE_MAX
    assert known.names("lobby")[0] == f"p{PEOPLE_MAX + 9}"


def test_no_escape_sequence_of_a_hostile_server_is_completed() -> None:
    narrator = Narrator(Transcript(Catalogue()))
    narrator.people.update([Connected("me", ("lobby",), is_again=False, is_other_epoch=False), heard("x\x1b[2J")], "me")

    assert Completion([], [], narrator).words("x") == [("x: ", 1)]
