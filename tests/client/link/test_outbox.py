import os
import sqlite3
import stat
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest
import trio

from trio_chat.client.link.outbox import PENDING_MAX, open_outbox
from trio_chat.wire import frames

SAY = frames.Say(room="lobby", text="hello", key="k1")
TELL = frames.Tell(to="bob", text="psst", key="k2")
TOPIC = frames.Topic(room="dev", text="food", key="k3")
ACT = frames.Act(room="dev", text="waves", key="k4")


def the_file_in(folder: Path) -> Path:
    (file,) = folder.glob("*.1")
    return file


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_messages_not_removed_are_in_the_outbox_next_time_in_order(tmp_path: Path) -> None:
    with open_outbox("h 1", folder=tmp_path) as outbox:
        session = outbox.session
        await outbox.add([SAY, TELL])
        await outbox.add([TOPIC, ACT])
        await outbox.remove([TELL.key])

    with open_outbox("h 1", folder=tmp_path) as outbox:
        assert outbox.pending == (SAY, TOPIC, ACT)
        assert outbox.session == session
        assert not outbox.warning
        assert outbox.is_on_disk


async def test_servers_and_profiles_have_outboxes_of_their_own(tmp_path: Path) -> None:
    with open_outbox("h 1", "alice", folder=tmp_path) as outbox:
        await outbox.add([SAY])

    for server, profile in (("h 1", "bob"), ("h 2", "alice"), ("h 1", ""), ("h", "1 alice")):
        with open_outbox(server, profile, folder=tmp_path) as outbox:
            assert outbox.pending == ()


async def test_two_at_once_share_neither_outbox_nor_session(tmp_path: Path) -> None:
    with open_outbox("h 1", folder=tmp_path) as first, open_outbox("h 1", folder=tmp_path) as second:
        await first.add([SAY])
        await second.add([TELL])
        assert first.session != second.session
        assert first.is_on_disk
        assert second.is_on_disk

    with open_outbox("h 1", folder=tmp_path) as first, open_outbox("h 1", folder=tmp_path) as second:
        assert (first.pending, second.pending) == ((SAY,), (TELL,))


async def test_a_session_that_ended_is_not_used_again_unless_something_of_it_waits(tmp_path: Path) -> None:
    with open_outbox("h 1", folder=tmp_path) as outbox:
        outbox.use_session()
        first = outbox.session
        await outbox.add([SAY])
        outbox.end_session()
    with open_outbox("h 1", folder=tmp_path) as outbox:
        second = outbox.session
        await outbox.remove([SAY.key])
        outbox.end_session()
    with open_outbox("h 1", folder=tmp_path) as outbox:
        third = outbox.session

    assert first == second != third


@pytest.mark.parametrize("damage", [b"x" * 5000, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_a_damaged_file_is_set_aside_with_one_line(tmp_path: Path, damage: bytes) -> None:
    with open_outbox("h 1", folder=tmp_path) as outbox:
        outbox.use_session()
    file = the_file_in(tmp_path)
    file.write_bytes(damage)

    with open_outbox("h 1", folder=tmp_path) as outbox:
        assert outbox.pending == ()
        assert outbox.is_on_disk

    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.read_bytes() == damage
    assert outbox.warning.startswith(f"the outbox {file} is damaged: it is now {aside}")


@pytest.mark.parametrize("frame", [b"no frame", b'{"type":"bye"}', b'{"type":"say","room":"lobby"}'])
async def test_an_invalid_frame_counts_as_damage(tmp_path: Path, frame: bytes) -> None:
    with open_outbox("h 1", folder=tmp_path) as outbox:
        await outbox.add([SAY])
    with sqlite3.connect(the_file_in(tmp_path)) as database:
        database.execute("UPDATE pending SET frame = ?", (frame,))
    database.close()

    with open_outbox("h 1", folder=tmp_path) as outbox:
        assert outbox.pending == ()

    assert "is damaged" in outbox.warning


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder where nobody can make files")
async def test_without_a_folder_it_is_in_memory_and_says_so(tmp_path: Path) -> None:
    with open_outbox("h 1", folder=Path("/proc/self/outbox")) as outbox:
        await outbox.add([SAY])

    assert not outbox.is_on_disk
    assert outbox.warning.startswith("no outbox in /proc/self/outbox: ")


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    with open_outbox("h 1", folder=folder):
        files = [folder, *folder.iterdir()]

        assert [stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files] == [0] * len(files)


async def test_only_so_much_is_read_back(tmp_path: Path) -> None:
    with open_outbox("h 1", folder=tmp_path) as outbox:
        await outbox.add(frames.Say(room="lobby", text="x", key=str(number)) for number in range(PENDING_MAX + 5))

    with open_outbox("h 1", folder=tmp_path) as outbox:
        assert [message.key for message in outbox.pending] == [str(number) for number in range(PENDING_MAX)]


@pytest.mark.parametrize("name", ["x" * 300, "../../etc/passwd", "[2001:db8::1]", "\udcff", "a\0b"])
def test_any_name_of_a_server_makes_a_file_in_the_folder(tmp_path: Path, name: str) -> None:
    with open_outbox(f"{name} port 5555", name, folder=tmp_path) as outbox:
        assert outbox.is_on_disk
        assert the_file_in(tmp_path)


async def test_a_file_that_holds_nothing_is_removed_and_any_other_stays(tmp_path: Path) -> None:
    with open_outbox("unreached", folder=tmp_path), open_outbox("said all", folder=tmp_path) as outbox:
        outbox.use_session()
        await outbox.add([SAY])
        await outbox.remove([SAY.key])
        outbox.end_session()
    assert files_in(tmp_path) == []

    with open_outbox("h 1", folder=tmp_path) as waits, open_outbox("h 1", folder=tmp_path) as held:
        await waits.add([SAY])
        held.use_session()
        secrets = (waits.session, held.session)
    with open_outbox("h 1", folder=tmp_path) as waits, open_outbox("h 1", folder=tmp_path) as held:
        assert (waits.session, held.session) == secrets
        assert waits.pending == (SAY,)


def test_the_outboxes_of_clients_that_were_killed_long_ago_are_removed_unless_a_message_waits(tmp_path: Path) -> None:
    with ExitStack() as killed:
        names = ["empty", "in use", "waits", "new", "damaged"]
        outboxes = {name: killed.enter_context(open_outbox(name, folder=tmp_path)) for name in names}
        for outbox in outboxes.values():
            outbox.use_session()
        trio.run(outboxes["waits"].add, [SAY])
    files = {name: next(tmp_path.glob(f"{name.replace(' ', '_')}-*")) for name in names}
    files["damaged"].write_bytes(b"x" * 5000)
    for name in ("empty", "in use", "waits", "damaged"):
        os.utime(files[name], (0, 0))

    with open_outbox("in use", folder=tmp_path):
        os.utime(files["in use"], (0, 0))
        with open_outbox("another", folder=tmp_path):
            pass

        assert sorted(tmp_path.glob("*.1")) == sorted(file for name, file in files.items() if name != "empty")


def test_a_message_is_not_lost_to_another_client_that_removes_its_file(tmp_path: Path) -> None:
    has_ended = Event()

    def come_and_go() -> None:
        while not has_ended.is_set():
            with open_outbox("h 1", folder=tmp_path):
                pass

    others = [Thread(target=come_and_go) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for number in range(5):
            key = f"key {number}"
            with open_outbox("h 1", folder=tmp_path) as outbox:
                trio.run(outbox.add, [frames.Say(room="lobby", text="hello", key=key)])
            assert any(take_back(key, tmp_path) for _ in range(100)), f"{key} is lost"
    finally:
        has_ended.set()
        for other in others:
            other.join()


def take_back(key: str, folder: Path) -> bool:
    """Remove a message from the outbox that has it, unless another client has that open."""
    with ExitStack() as until_found:
        for _ in range(4):
            outbox = until_found.enter_context(open_outbox("h 1", folder=folder))
            if [message.key for message in outbox.pending] == [key]:
                trio.run(outbox.remove, [key])
                return True
    return False
