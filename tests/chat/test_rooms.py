import pytest

from trio_chat.chat.answers import Posted, SearchQuery, TextReply
from trio_chat.chat.commands import execute
from trio_chat.chat.dependencies import Rules
from trio_chat.chat.errors import ChatError
from trio_chat.chat.events import Draft, Entry, Kind
from trio_chat.chat.log import Mode
from trio_chat.chat.search_query import SearchTerms
from trio_chat.chat.wording import ROOMS_MAX
from trio_chat.wire.lines import line_of

BLUE_CHEESE = SearchTerms("blue cheese", "blue cheese")


def test_a_plain_client_is_in_one_room_at_a_time(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    answer = execute(world.chat, alice, "/join #dev")
    world.settle()

    assert answer == TextReply(("*** you are in #dev ***",))
    assert [room.name for room in alice.members] == ["dev"]
    assert world.hear(bob) == "*** [10.0.0.1:1001] left #lobby ***\n"


def test_only_connecting_and_leaving_for_good_join_and_leave_the_chat(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    execute(world.chat, alice, "/join dev")
    execute(world.chat, alice, "/leave")
    execute(world.chat, alice, "/join dev")
    world.chat.disconnect(alice)
    world.chat.disconnect(bob)
    world.settle()

    lines = [line_of(entry) for entry in world.heard if entry.draft.room == "lobby"]
    assert lines == [
        "*** [10.0.0.1:1001] joined the chat ***",
        "*** [10.0.0.1:1002] joined the chat ***",
        "*** [10.0.0.1:1001] left #lobby ***",
        "*** [10.0.0.1:1001] joined #lobby ***",
        "*** [10.0.0.1:1001] left #lobby ***",
        "*** [10.0.0.1:1002] left the chat ***",
    ]


def test_lines_of_a_room_are_sent_to_its_members_alone(world) -> None:
    alice, bob, carol = world.connect(1001), world.connect(1002), world.connect(1003)
    execute(world.chat, alice, "/join dev")
    execute(world.chat, bob, "/join dev")
    world.settle()
    world.hear(bob), world.hear(carol)

    execute(world.chat, alice, "hello")
    world.settle()

    assert world.hear(bob) == "[10.0.0.1:1001]> hello\n"
    assert world.hear(carol) == ""


def test_coming_and_going_names_the_room(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    execute(world.chat, alice, "/join dev")
    world.settle()
    execute(world.chat, bob, "/join dev")
    execute(world.chat, bob, "/leave")
    world.settle()

    assert world.hear(alice) == "*** [10.0.0.1:1002] joined #dev ***\n*** [10.0.0.1:1002] left #dev ***\n"


@pytest.mark.parametrize("spelling", ["dev", "#dev", "DEV", "ｄｅｖ"])
def test_a_room_is_the_same_however_it_is_written(world, spelling: str) -> None:
    alice = world.connect(1001)

    execute(world.chat, alice, f"/join {spelling}")

    assert world.chat.current_room(alice) is world.chat.rooms["dev"]


@pytest.mark.parametrize("name", ["", "a b", "#", "x" * 25, "@c1", "\x1b[31m"])
def test_a_malformed_room_is_refused(world, name: str) -> None:
    alice = world.connect(1001)

    with pytest.raises(ChatError):
        execute(world.chat, alice, f"/join {name}")

    assert world.chat.current_room(alice) is world.lobby


def test_a_topic_is_announced_and_shown(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)

    assert isinstance(execute(world.chat, alice, "/topic release day"), Posted)
    world.settle()

    assert world.hear(bob) == "*** [10.0.0.1:1001] set the topic: release day ***\n"
    assert execute(world.chat, bob, "/topic") == TextReply(("*** the topic of #lobby: release day ***",))


def test_c19_a_topic_is_refused_by_its_length_as_it_was_typed(world) -> None:
    alice = world.connect(1001)

    with pytest.raises(ChatError, match="at most 300 characters"):
        world.chat.set_topic(alice, world.lobby, "\u200b" * 300 + "x")

    assert world.chat.set_topic(alice, world.lobby, "x" * 300)


def test_a_topic_is_cleared_by_a_dash_and_everyone_reads_so(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    execute(world.chat, alice, "/topic release day")
    world.settle()
    world.hear(bob)

    assert isinstance(execute(world.chat, alice, "/topic -"), Posted)
    world.settle()

    assert world.hear(bob) == "*** [10.0.0.1:1001] cleared the topic ***\n"
    assert execute(world.chat, bob, "/topic") == TextReply(("*** #lobby has no topic ***",))


def test_rooms_are_listed_with_their_members_and_topics(world) -> None:
    alice, _ = world.connect(1001), world.connect(1002)
    execute(world.chat, alice, "/join dev")
    execute(world.chat, alice, "/topic release day")
    world.settle()

    answer = execute(world.chat, alice, "/rooms")

    assert isinstance(answer, TextReply)
    assert [line.split() for line in answer.lines] == [["#dev", "1", "release", "day"], ["#lobby", "1"]]


def test_a_message_to_one_is_heard_by_that_one_alone(world) -> None:
    alice, bob, carol = world.connect(1001), world.connect(1002), world.connect(1003)
    world.chat.rename(bob, "bob")
    world.settle()
    world.hear(alice), world.hear(carol)

    execute(world.chat, alice, "/msg BOB psst  twice")
    world.settle()

    assert world.hear(bob) == "[10.0.0.1:1001 -> bob]> psst  twice\n"
    assert world.hear(carol) == ""
    assert world.hear(alice) == ""


def test_a_private_message_comes_back_to_its_sender_as_acknowledgement(world) -> None:
    alice, bob = world.connect(1001, mode=Mode.FRAMES), world.connect(1002)

    world.chat.tell(alice, "10.0.0.1:1002", "psst", key="k")
    world.settle()

    assert "psst" in world.hear(alice)
    assert world.hear(bob) == "[10.0.0.1:1001 -> 10.0.0.1:1002]> psst\n"


def test_the_writer_to_somebody_away_is_told_how_long_the_message_waits(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002, mode=Mode.FRAMES, session="s")
    world.chat.rename(bob, "bob")
    world.chat.connection_lost(bob, bob.outlet)
    world.now += 12

    answer = execute(world.chat, alice, "/msg bob hi")

    waits = "*** [bob] has been away for 12 s: this waits for them, for 48 s more ***"
    assert isinstance(answer, Posted)
    assert answer.confirmation == ("*** to [bob]: hi ***", waits)


def test_a_private_message_to_an_unknown_name_is_refused(world) -> None:
    with pytest.raises(ChatError, match="nobody here is called zoe"):
        execute(world.chat, world.connect(1001), "/msg zoe hi")


@pytest.mark.parametrize("name", ["alice", "ALICE"])
def test_nobody_tells_itself_anything(world, name: str) -> None:
    alice = world.connect(1001)
    world.chat.rename(alice, "alice")
    world.settle()

    with pytest.raises(ChatError, match=r"\[alice\] is you"):
        execute(world.chat, alice, f"/msg {name} hi")

    assert world.posted == []


def test_search_is_of_the_current_room(world) -> None:
    assert execute(world.chat, world.connect(1001), "/search blue cheese") == SearchQuery(("lobby",), BLUE_CHEESE)


def test_a_frames_client_can_be_in_many_rooms_but_not_in_too_many(world) -> None:
    world.rules = Rules(rooms_per_client=3)
    world.__post_init__()
    alice = world.connect(1001, mode=Mode.FRAMES)
    world.chat.join(alice, "one")
    world.chat.join(alice, "two")

    with pytest.raises(ChatError) as refused:
        world.chat.join(alice, "three")

    assert refused.value.code == "too-many-rooms"


def test_an_empty_room_keeps_nothing_in_memory_but_is_still_known(world) -> None:
    alice = world.connect(1001)
    execute(world.chat, alice, "/join dev")
    execute(world.chat, alice, "hello")
    world.settle()

    execute(world.chat, alice, "/leave")
    world.settle()

    dev = world.chat.rooms["dev"]
    assert dev.log.end == dev.log.base
    assert not dev.log.open_track(Mode.LINES).covers(0)


def names_of(world) -> list[str]:
    return [room.name for room in world.chat.rooms]


def test_a_room_in_which_nothing_was_said_is_forgotten_when_nobody_is_in_it(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    execute(world.chat, alice, "/join dve")
    execute(world.chat, bob, "/join dve")
    world.chat.announce_in([room.name for room in world.chat.rooms], ["dinner"])
    execute(world.chat, alice, "/leave")
    world.settle()
    world.chat.tick()
    assert "dve" in names_of(world)

    execute(world.chat, bob, "/leave")
    world.chat.tick()
    world.settle()  # its last words come when it is forgotten

    assert names_of(world) == ["lobby"]
    execute(world.chat, bob, "/join dve")
    assert world.chat.current_room(bob).name == "dve"


@pytest.mark.parametrize("line", ["hello", "/me waves", "/topic release day"])
def test_a_room_in_which_something_was_said_is_known_also_when_that_comes_late(world, line: str) -> None:
    alice = world.connect(1001)
    execute(world.chat, alice, "/join dev")
    execute(world.chat, alice, line)
    execute(world.chat, alice, "/leave")
    world.chat.tick()
    world.settle()
    world.chat.tick()

    assert names_of(world) == ["lobby", "dev"]


def test_a_room_that_somebody_could_not_enter_is_not_left_behind(world) -> None:
    world.rules = Rules(rooms_per_client=1)
    world.__post_init__()
    alice = world.connect(1001, mode=Mode.FRAMES)

    with pytest.raises(ChatError):
        world.chat.join(alice, "dev")
    world.chat.tick()

    assert names_of(world) == ["lobby"]


def test_entries_for_a_forgotten_room_reach_no_room_of_a_similar_name(world) -> None:
    alice, bob = world.connect(1001), world.connect(1002)
    execute(world.chat, alice, "/join foo")
    world.settle()
    execute(world.chat, alice, "said in foo")
    execute(world.chat, alice, "/leave")
    world.chat.tick()  # nothing said there is kept yet
    execute(world.chat, bob, "/join f00")

    world.settle()

    assert names_of(world) == ["lobby", "f00"]
    assert "foo" not in world.hear(bob)


def test_entries_for_a_forgotten_room_are_dropped_where_no_more_rooms_are_allowed(world) -> None:
    world.rules = Rules(rooms=2)
    world.__post_init__()
    alice, bob = world.connect(1001), world.connect(1002)
    execute(world.chat, alice, "/join foo")
    world.settle()
    execute(world.chat, alice, "said in foo")
    execute(world.chat, alice, "/leave")
    world.chat.tick()
    execute(world.chat, bob, "/join bar")

    world.settle()

    assert names_of(world) == ["lobby", "bar"]


def test_a_room_of_the_journal_gets_no_topic_of_one_that_looks_like_it(world) -> None:
    world.chat.rooms.restore("f00", "zeros")
    world.chat.rooms.restore("foo", "letters")

    assert (names_of(world), world.chat.rooms["f00"].topic) == (["lobby", "f00"], "zeros")


def test_a_topic_that_is_set_while_the_journal_is_read_is_not_replaced_by_the_former_one(world) -> None:
    world.chat.deliver([Entry(1, 1.0, Draft("ops", Kind.TOPIC, "alice", "knives"))])

    world.chat.rooms.restore("ops", "cheese")

    assert world.chat.rooms["ops"].topic == "knives"


def test_a_topic_that_is_cleared_while_the_journal_is_read_does_not_come_back(world) -> None:
    world.chat.deliver([Entry(1, 1.0, Draft("ops", Kind.TOPIC, "alice", ""))])

    world.chat.rooms.restore("ops", "cheese")

    assert world.chat.rooms["ops"].topic == ""
    world.chat.deliver([Entry(2, 1.0, Draft("ops", Kind.TOPIC, "alice", "knives"))])
    world.chat.rooms.restore("ops", "cheese")
    assert world.chat.rooms["ops"].topic == "knives"


def test_a_known_room_is_restored_where_there_can_be_no_more(world) -> None:
    world.rules = Rules(rooms=1)
    world.__post_init__()

    world.chat.rooms.restore("lobby", "all of us")

    assert world.lobby.topic == "all of us"


def test_at_the_limit_no_room_with_members_makes_way(world) -> None:
    world.rules = Rules(rooms=2)
    world.__post_init__()
    alice, bob = world.connect(1001), world.connect(1002)
    execute(world.chat, alice, "/join dev")

    with pytest.raises(ChatError, match="as many rooms as it may have"):
        execute(world.chat, bob, "/join ops")

    with pytest.raises(ChatError, match="as many rooms as it may have"):
        world.chat.rooms.restore("ops", "")
    assert names_of(world) == ["lobby", "dev"]


def test_at_the_limit_the_room_left_longest_ago_makes_way(world) -> None:
    world.rules = Rules(rooms=3)
    world.__post_init__()
    alice, bob = world.connect(1001), world.connect(1002)
    for name in ("dev", "ops"):
        execute(world.chat, alice, f"/join {name}")
        execute(world.chat, alice, f"said in {name}")
        world.settle()
    execute(world.chat, alice, "/leave")
    world.settle()

    execute(world.chat, bob, "/join garden")

    assert names_of(world) == ["lobby", "ops", "garden"]
    execute(world.chat, bob, "/join dev")
    assert names_of(world) == ["lobby", "garden", "dev"]


def small_world(world, rooms: int):
    """The same world, in which there may be so many rooms."""
    world.rules = Rules(rooms=rooms)
    world.__post_init__()
    return world.connect(1001), world.connect(1002)


def test_a_room_that_made_way_has_its_topic_when_it_is_made_again(world) -> None:
    alice, bob = small_world(world, rooms=2)
    execute(world.chat, alice, "/join dev")
    execute(world.chat, alice, "/topic cheese")
    world.settle()
    execute(world.chat, alice, "/leave")
    world.settle()
    execute(world.chat, bob, "/join ops")
    execute(world.chat, bob, "/leave")
    assert names_of(world) == ["lobby", "ops"]

    assert execute(world.chat, alice, "/join dev") == TextReply(("*** you are in #dev: cheese ***",))


@pytest.mark.parametrize(("last", "shown"), [("wine", ": wine"), ("-", "")])
def test_a_topic_that_comes_after_its_room_made_way_is_the_one_that_is_known(world, last: str, shown: str) -> None:
    alice, bob = small_world(world, rooms=2)
    execute(world.chat, alice, "/join dev")
    execute(world.chat, alice, "/topic cheese")
    world.settle()
    execute(world.chat, alice, f"/topic {last}")
    execute(world.chat, alice, "/leave")
    execute(world.chat, bob, "/join ops")
    world.settle()
    execute(world.chat, bob, "/leave")

    assert execute(world.chat, alice, "/join dev") == TextReply((f"*** you are in #dev{shown} ***",))


def test_a_room_beyond_those_there_may_be_at_the_start_has_its_topic_when_it_is_made(world) -> None:
    alice, _ = small_world(world, rooms=2)
    world.chat.rooms.restore("ops", "knives")
    with pytest.raises(ChatError):
        world.chat.rooms.restore("dev", "cheese")

    assert execute(world.chat, alice, "/join dev") == TextReply(("*** you are in #dev: cheese ***",))


def test_of_very_many_rooms_that_made_way_the_newest_topics_are_known(world) -> None:
    small_world(world, rooms=2)
    world.chat.rooms.restore("ops", "")
    for number in range(3):
        with pytest.raises(ChatError):
            world.chat.rooms.restore(f"old{number}", f"topic {number}")

    assert [world.chat.rooms.enter(f"old{number}").topic for number in (0, 2)] == ["", "topic 2"]


def test_a_large_room_sums_up_joins_and_leaves(world) -> None:
    alice = world.connect(1001)
    world.connect(1002)

    world.chat.rules = Rules(announce_max_members=2)
    world.connect(1003)
    world.chat.disconnect(world.connect(1004))
    world.chat.tick()
    world.settle()

    assert world.hear(alice) == "*** 2 joined and 1 left ***\n"


def test_a_storm_of_joins_is_summed_up_in_a_room_of_any_size(world) -> None:
    alice = world.connect(1001)

    for port in range(2000, 2150):
        world.chat.disconnect(world.connect(port))
    told = world.hear(alice)
    world.chat.tick()
    world.settle()

    assert told.count("\n") == 0 or told.count("\n") <= 100
    assert world.hear(alice).endswith(" left ***\n")


def test_a_topic_has_its_bounds_also_one_of_earlier(world) -> None:
    alice = world.connect(1001)

    with pytest.raises(ChatError, match="at most 300 characters"):
        execute(world.chat, alice, f"/topic {'x' * 301}")

    world.chat.rooms.restore("dev", "x" * 4096)
    assert execute(world.chat, alice, f"/topic {'x' * 300}")
    assert len(world.chat.rooms["dev"].topic) == 300


def test_of_very_many_rooms_the_largest_are_listed(world) -> None:
    alice, bob = world.connect(1001, mode=Mode.FRAMES), world.connect(1002)
    for number in range(99):
        world.chat.join(alice, f"r{number:02}")
    for number in range(201):
        world.chat.rooms.restore(f"old{number}", "")
    execute(world.chat, bob, "/join r42")

    rows = execute(world.chat, bob, "/rooms").lines

    assert rows[0].split() == ["#r42", "2"]
    assert len(rows) == ROOMS_MAX + 1
    assert rows[-1] == "  and 101 more"
