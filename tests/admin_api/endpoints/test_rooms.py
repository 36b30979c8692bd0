"""Rooms over HTTP: listed, shown, and given topics."""

import pytest

from trio_chat.chat.rooms import TOPIC_MAX


@pytest.fixture
async def rooms(admin):
    """Ann and bob in #dev, ann in #ops, both in #lobby; #dev has a topic."""
    for port, nick in enumerate(("ann", "bob"), 4000):
        client = admin.connect(port)
        admin.chat.rename(client, nick)
        admin.chat.join(client, "dev")
    ann = admin.chat.directory.find("ann")[0]
    admin.chat.join(ann, "ops")
    admin.chat.set_topic(ann, admin.chat.rooms["dev"], "the release")
    await admin.deliver()
    return admin


async def test_the_rooms_are_listed_with_topics_and_numbers(rooms):
    listed = (await rooms.ask("GET", "/rooms")).json

    assert [(room["name"], room["members"], room["topic"]) for room in listed["rooms"]] == [
        ("dev", 2, "the release"),
        ("lobby", 2, ""),
        ("ops", 1, ""),
    ]
    assert all(room["entries"] > 0 and room["last_id"] > 0 for room in listed["rooms"])
    assert (listed["total"], listed["matching"], listed["next"]) == (3, 3, None)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=DE", ["dev"]),
        ("search=%23ops", ["ops"]),
        ("search=release", ["dev"]),
        ("search=nothing", []),
        ("sort=-name", ["ops", "lobby", "dev"]),
        ("sort=-members", ["lobby", "dev", "ops"]),
    ],
)
async def test_rooms_are_searched_and_sorted_and_paged(rooms, query, names):
    listed, cursor = [], ""
    while cursor is not None:
        page = (await rooms.ask("GET", f"/rooms?{query}&limit=1&cursor={cursor}")).json
        listed += [room["name"] for room in page["rooms"]]
        cursor = page["next"]

    assert listed == names


@pytest.mark.parametrize("name", ["dev", "DEV", "%23dev"])
async def test_one_room_and_its_members_are_shown(rooms, name):
    assert (await rooms.ask("GET", f"/rooms/{name}")).json["topic"] == "the release"
    members = (await rooms.ask("GET", f"/rooms/{name}/clients?sort=-nick")).json
    assert [client["nick"] for client in members["clients"]] == ["bob", "ann"]
    assert members["matching"] == 2


@pytest.mark.parametrize("path", ["", "/clients", "/entries", "/export"])
@pytest.mark.parametrize("name", ["nowhere", "@s3cr3t", "x" * 500, "%00"])
async def test_a_room_that_is_not_there_is_404(rooms, path, name):
    assert (await rooms.ask("GET", f"/rooms/{name}{path}")).status == 404


async def test_a_topic_is_set_in_the_name_of_the_server_and_recorded(rooms):
    answer = await rooms.ask("PUT", "/rooms/dev/topic", json='{"topic": "lunch\\u0007"}')
    await rooms.deliver()

    assert answer.json["topic"] == "lunch"
    assert rooms.chat.rooms["dev"].topic == "lunch"
    assert [record.what for record in await rooms.journal.read_audit(9) if record.action == "topic"] == ["#dev"]


@pytest.mark.parametrize(
    "body", ["", "{}", '{"topic": 1}', f'{{"topic": "{"x" * (TOPIC_MAX + 1)}"}}', '{"topic": "x", "room": "y"}']
)
async def test_a_topic_that_cannot_be_is_400(rooms, body):
    assert (await rooms.ask("PUT", "/rooms/dev/topic", json=body or " ")).status == 400
    assert rooms.chat.rooms["dev"].topic == "the release"


async def test_entries_are_counted_while_nobody_is_in_the_room(rooms):
    before = (await rooms.ask("GET", "/rooms/dev")).json
    for nick in ("ann", "bob"):
        client = rooms.chat.directory.find(nick)[0]
        rooms.chat.leave(client, rooms.chat.rooms["dev"])
    await rooms.deliver()
    left = (await rooms.ask("GET", "/rooms/dev")).json

    said = (await rooms.ask("POST", "/rooms/dev/entries", json='{"text": "nobody hears this"}')).json
    await rooms.deliver()

    after = (await rooms.ask("GET", "/rooms/dev")).json
    assert left["entries"] == before["entries"] + 2
    assert (after["entries"], after["last_id"], after["members"]) == (left["entries"] + 1, said["id"], 0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", ""),
        ("GET", "/clients", ""),
        ("GET", "/entries", ""),
        ("GET", "/export", ""),
        ("DELETE", "/entries/9", ""),
        ("POST", "/entries", '{"text": "hi"}'),
        ("PUT", "/topic", '{"topic": "mine"}'),
    ],
)
async def test_a_mailbox_is_no_room_whoever_asks(rooms, method, path, body):
    ann, bob = rooms.chat.directory.find("ann")[0], rooms.chat.directory.find("bob")[0]
    rooms.chat.tell(ann, "bob", "a secret")
    await rooms.deliver()

    for name in (bob.mailbox_name, "@", "@bob", "%40bob"):
        answer = await rooms.ask(method, f"/rooms/{name}{path}", json=body)
        assert answer.status == 404
        assert "secret" not in answer.text
