import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from trio_chat.client.memory.records import IGNORED_MAX, PEOPLE_MAX, ROOMS_MAX, ReadMark, Remembered
from trio_chat.client.memory.server_memory import ServerMemory
from trio_chat.client.memory.typed_lines import KEPT_BYTES_MAX, LINE_CHARS_MAX, LINES_MAX, SIZE_MAX, TypedLines

BOB = Remembered(rooms=("lobby", "dev"), ignored=("eve",), epoch="e1", marks={"dev": ReadMark(7, 60.0)})

Open = Callable[[Path], ServerMemory | TypedLines]


def open_server(folder: Path) -> ServerMemory:
    return ServerMemory("h port 1", folder=folder)


def open_lines(folder: Path) -> TypedLines:
    return TypedLines("h port 1", folder=folder)


def texts(folder: Path) -> list[str]:
    return [line.text for line in open_lines(folder).lines]


def type_lines(folder: Path, *lines: str) -> TypedLines:
    typed = open_lines(folder)
    for line in lines:
        typed.add("lobby", line)
        typed.save()
    return typed


def test_rooms_ignores_and_read_marks_are_there_again_the_next_time(tmp_path: Path) -> None:
    open_server(tmp_path).save(BOB)

    assert open_server(tmp_path).remembered == BOB
    assert ServerMemory("h port 2", folder=tmp_path).remembered == Remembered()


def test_two_clients_at_once_keep_what_each_of_them_has_changed(tmp_path: Path) -> None:
    open_server(tmp_path).save(BOB)
    one, other = open_server(tmp_path), open_server(tmp_path)

    one.save(Remembered(rooms=("lobby", "ops"), epoch="e1", marks={"lobby": ReadMark(9, 90.0)}))
    other.save(
        Remembered(
            rooms=("dev", "lobby"),
            ignored=("eve", "mal"),
            epoch="e1",
            marks={"lobby": ReadMark(8, 80.0), "dev": ReadMark(10, 99.0)},
        )
    )

    both = open_server(tmp_path).remembered
    assert set(both.rooms) == {"lobby", "ops", "dev"}
    assert both.rooms[-1] == "lobby"
    assert set(both.ignored) == {"eve", "mal"}
    assert both.marks == {"lobby": ReadMark(9, 90.0), "dev": ReadMark(10, 99.0)}


def test_two_clients_keep_the_conversations_of_both_and_one_that_was_closed_is_gone(tmp_path: Path) -> None:
    open_server(tmp_path).save(Remembered(people=("ann", "bob")))
    one, other = open_server(tmp_path), open_server(tmp_path)

    one.save(Remembered(people=("bob", *(f"p{number}" for number in range(PEOPLE_MAX)))))
    other.save(Remembered(people=("ann", "bob", "zoe")))

    people = open_server(tmp_path).remembered.people
    assert len(people) == PEOPLE_MAX
    assert people[-4:] == (f"p{PEOPLE_MAX - 1}", "ann", "bob", "zoe")
    other.save(Remembered(people=("zoe",)))
    assert open_server(tmp_path).remembered.people[-2:] == (f"p{PEOPLE_MAX - 1}", "zoe")


def test_a_room_that_was_left_is_forgotten_and_marks_of_another_epoch_are(tmp_path: Path) -> None:
    memory = open_server(tmp_path)
    memory.save(BOB)

    memory.save(Remembered(rooms=("lobby",), epoch="e2", marks={"lobby": ReadMark(1, 1.0)}))

    assert open_server(tmp_path).remembered == Remembered(
        rooms=("lobby",), epoch="e2", marks={"lobby": ReadMark(1, 1.0)}
    )


def test_the_lines_of_all_sittings_come_again_in_order_and_a_repeated_one_once(tmp_path: Path) -> None:
    one = type_lines(tmp_path, "one", "one", "two\nlines 🙂")
    type_lines(tmp_path, "three")
    one.add("dev", "four")
    one.save()

    assert texts(tmp_path) == ["one", "two\nlines 🙂", "three", "four"]
    assert open_lines(tmp_path).lines[-1].room == "dev"


@pytest.mark.parametrize("text", ["x" * (LINE_CHARS_MAX + 1), "\udcff"])
def test_a_line_that_is_too_long_or_no_text_is_not_kept(tmp_path: Path, text: str) -> None:
    typed = type_lines(tmp_path, text, "fine")

    assert texts(tmp_path) == ["fine"]
    assert not typed.warning


def test_the_file_of_lines_has_a_bound(tmp_path: Path) -> None:
    typed = open_lines(tmp_path)
    for number in range(150):
        typed.add("lobby", f"{number} {'x' * (LINE_CHARS_MAX - 10)}")
        typed.save()

    kept = texts(tmp_path)
    assert kept[-1].startswith("149 ")
    assert sum(map(len, kept)) <= KEPT_BYTES_MAX
    assert typed.file.stat().st_size <= SIZE_MAX
    type_lines(tmp_path, *(str(number) for number in range(LINES_MAX + 5)))
    assert len(texts(tmp_path)) == LINES_MAX


def test_a_line_that_a_power_cut_has_cut_off_costs_no_other(tmp_path: Path) -> None:
    file = type_lines(tmp_path, "one", "two").file
    file.write_bytes(file.read_bytes()[:-5])
    assert texts(tmp_path) == ["one"]

    type_lines(tmp_path, "three")

    assert texts(tmp_path) == ["one", "three"]


DEEP = b'{"new":' + b"[" * 10**5 + b"]" * 10**5 + b"}\n"


@pytest.mark.parametrize("opened", [open_server, open_lines])
@pytest.mark.parametrize(
    "data", [b"no JSON\n", b"[]\n", b'{"rooms":1,"room":1}\n', b"\xff\xfe\n", b"{" * 10**5 + b"\n", DEEP]
)
def test_a_damaged_file_is_set_aside_and_one_line_says_so(tmp_path: Path, opened: Open, data: bytes) -> None:
    file = opened(tmp_path).file
    file.parent.mkdir()
    file.write_bytes(data)

    warning = opened(tmp_path).warning

    (aside,) = file.parent.iterdir()
    assert aside.read_bytes() == data
    assert warning.endswith(f"is damaged: it is now {aside}")
    assert "\n" not in warning
    assert opened(tmp_path).warning == ""


@pytest.mark.parametrize(
    "found",
    [
        Remembered(rooms=tuple(map(str, range(ROOMS_MAX + 1)))),
        Remembered(ignored=tuple(map(str, range(IGNORED_MAX + 1)))),
        Remembered(rooms=("x" * 1000,)),
    ],
)
def test_more_than_a_client_saves_is_damage(tmp_path: Path, found: Remembered) -> None:
    file = open_server(tmp_path).file
    file.parent.mkdir()
    file.write_bytes(msgspec.json.encode(found))

    assert "is damaged" in open_server(tmp_path).warning


def test_rooms_and_ignored_people_have_a_bound(tmp_path: Path) -> None:
    many = Remembered(rooms=tuple(map(str, range(500))), ignored=(*map(str, range(5000)), "x" * 1000))

    open_server(tmp_path).save(many)

    kept = open_server(tmp_path).remembered
    assert (kept.rooms[-1], len(kept.rooms)) == ("499", ROOMS_MAX)
    assert (kept.ignored[-1], len(kept.ignored)) == ("4999", IGNORED_MAX)


@pytest.mark.parametrize("opened", [open_server, open_lines])
def test_a_file_that_is_none_or_too_big_is_left_alone_and_nothing_waits_for_it(tmp_path: Path, opened: Open) -> None:
    file = opened(tmp_path).file
    file.parent.mkdir()
    os.mkfifo(file)
    assert "not a regular file" in opened(tmp_path).warning
    file.unlink()
    file.touch()
    os.truncate(file, SIZE_MAX + 1)
    assert "File too large" in opened(tmp_path).warning
    assert file.stat().st_size == SIZE_MAX + 1


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder where nobody can make files")
def test_a_read_only_folder_is_one_line_and_all_goes_on() -> None:
    memory, typed = open_server(Path("/proc/self")), open_lines(Path("/proc/self"))

    memory.save(BOB)
    typed.add("lobby", "hello")
    typed.save()

    assert memory.warning.startswith(f"rooms cannot be remembered in {memory.file}: ")
    assert typed.warning.startswith(f"typed lines cannot be kept in {typed.file}: ")
    assert not typed.has_changed


def test_nobody_else_can_read_the_files_of_a_client(tmp_path: Path) -> None:
    open_server(tmp_path).save(BOB)
    type_lines(tmp_path, "hello")

    made = list(tmp_path.rglob("*"))
    assert len(made) == 4
    assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made] == [0] * 4
