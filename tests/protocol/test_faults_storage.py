"""Faults of the disk and the clock, by the names of the list of faults."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S


def limit_files(server, size: str) -> None:
    """Let no file of the server grow beyond a size: to it that is a disk with no more room."""
    subprocess.run(["prlimit", "--pid", str(server.process.pid), f"--fsize={size}:"], check=True)


def test_m2_a_full_disk_is_told_and_turns_health_red_and_heals(server) -> None:
    alice, bob = server.join(), server.join()
    alice.line()
    limit_files(server, str(max(file.stat().st_size for file in server.data.iterdir())))

    for _ in range(20):
        bob.send(b"x" * 4000 + b"\n")
    bob.send(b"/who\n")

    notices = bob.until("(you) ***")
    assert any(notice.startswith("*** not sent: ") for notice in notices)
    assert b"503" in server.http("GET /health").partition(b"\r\n")[0]
    guest = server.connect(b"/who\n/quit\n")
    assert guest.line().startswith("*** 3 in #lobby")
    guest.rest()
    limit_files(server, "unlimited")
    while b"503" in server.http("GET /health").partition(b"\r\n")[0]:
        pass
    bob.send(b"well again\n")
    heard = alice.until("> well again")
    with closing(sqlite3.connect(server.data / "journal.db")) as db:
        kept = [text for (text,) in db.execute("SELECT text FROM entry ORDER BY id") if text]
    assert [line.partition("> ")[2] for line in heard if "> " in line] == kept


@pytest.mark.slow
def test_m2_a_locked_database_is_told_and_nobody_is_sent_away(server) -> None:
    alice, bob = server.join(), server.join()
    bob.send(b"so far so good\n")
    alice.until("so far so good")
    with closing(sqlite3.connect(server.data / "journal.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        bob.send(b"too bad\n")

        assert bob.line() == "*** not sent: another program has locked the journal ***"
        health = server.http("GET /health")
        assert health.startswith(b"HTTP/1.1 503")
        assert b"another program has locked the journal" in health
        guest = server.connect(b"/who\n/quit\n")
        assert guest.line().startswith("*** 3 in #lobby")
        guest.rest()
        bob.send(b"still too bad\n")
        assert bob.line().startswith("*** not sent: ")  # nothing waits to be kept that could heal it
        alice.send(b"/history 1\n")
        assert alice.line().endswith("so far so good")
        other.execute("ROLLBACK")
    while b"503" in server.http("GET /health").partition(b"\r\n")[0]:
        pass
    bob.send(b"much better\n")
    assert alice.until("much better")[-1] == f"[127.0.0.1:{bob.port}]> much better"


@pytest.mark.slow
def test_m2_a_server_that_died_with_people_in_it_starts_while_nothing_can_be_kept(start) -> None:
    server = start()
    with closing(sqlite3.connect(server.data / "journal.db", isolation_level=None)) as other:
        server.join()
        while not other.execute("SELECT * FROM place").fetchall():
            pass
        server.stop(signal.SIGKILL)
        other.execute("BEGIN IMMEDIATE")

        server = start()

        while b"503" not in server.http("GET /health").partition(b"\r\n")[0]:
            pass
        other.execute("ROLLBACK")
        while other.execute("SELECT * FROM place").fetchall():  # nobody is here any more
            pass


def test_m2_a_journal_that_is_moved_away_is_told_and_turns_health_red_and_heals(server, tmp_path: Path) -> None:
    journal, elsewhere = server.data / "journal.db", tmp_path / "elsewhere.db"
    alice, bob = server.join(), server.join()
    alice.line()
    journal.rename(elsewhere)

    bob.send(b"too bad\n")

    assert bob.line() == "*** not sent: the journal file was removed or replaced ***"
    bob.send(b"one\n\nthree\nfour\n")
    assert bob.line() == "*** not sent: the journal file was removed or replaced (4 lines) ***"
    health = server.http("GET /health")
    assert health.startswith(b"HTTP/1.1 503")
    assert f"{journal}: the journal file was removed or replaced".encode() in health
    elsewhere.rename(journal)
    while b"503" in server.http("GET /health").partition(b"\r\n")[0]:
        pass
    bob.send(b"much better\n")
    assert alice.until("much better") == [f"[127.0.0.1:{bob.port}]> much better"]


@pytest.mark.slow
def test_m3_a_journal_that_is_replaced_turns_health_red_and_is_left_as_it_was_put_there(start, tmp_path: Path) -> None:
    journal, backup = tmp_path / "journal.db", tmp_path / "backup.db"
    first = start()
    first.join().send(b"of the backup\n/quit\n")
    first.console("disconnected")
    assert first.stop() == 0
    shutil.copy(journal, backup)
    server = start()
    server.join().send(b"of today\n/quit\n")
    server.console("disconnected")

    backup.rename(journal)
    while b"503" not in server.http("GET /health").partition(b"\r\n")[0]:
        pass
    assert server.stop() == 0

    assert [file.name for file in tmp_path.iterdir()] == ["journal.db"]
    last = start().join()
    last.send(b"/history 20\n/who\n")
    said = [line for line in last.until("(you) ***") if "> " in line]
    assert len(said) == 1
    assert said[0].endswith("> of the backup")


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip_a_bit(file: Path) -> None:
    """In the kind of the page with the oldest entries: nothing but a check of the whole file reads it."""
    with closing(sqlite3.connect(file)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entry'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    data = bytearray(file.read_bytes())
    top = data[(root - 1) * size : root * size]
    assert top[0] == 5  # it has pages below it: https://www.sqlite.org/fileformat.html#b_tree_pages
    cell = int.from_bytes(top[12:14])
    page = int.from_bytes(top[cell : cell + 4])
    data[(page - 1) * size] ^= 0x10
    file.write_bytes(data)


def come_from_the_future(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 9999")


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit, come_from_the_future])
def test_m3_a_damaged_or_newer_journal_is_refused_by_name_and_left_as_it_is(
    start, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    server = start()
    alice = server.join()
    for number in range(300):
        alice.send(b"line %d\n" % number)
    alice.send(b"/who\n")
    alice.until("(you) ***")
    assert server.stop() == 0
    file = tmp_path / "journal.db"
    damage(file)
    before = file.read_bytes()

    command = [sys.executable, "-m", "trio_chat", "serve", "--port", "0", "--admin-port", "0", "--no-console"]
    done = subprocess.run([*command, "--data", str(tmp_path)], capture_output=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1, done.stderr
    assert str(file).encode() in done.stderr
    assert file.read_bytes() == before
    checked = subprocess.run(
        [sys.executable, "-m", "trio_chat", "check-config", "--quiet", "--data", str(tmp_path)],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (1, done.stderr)
    assert [left.name for left in tmp_path.iterdir()] == ["journal.db"]
    assert file.read_bytes() == before
    assert b"Traceback" not in done.stderr


def flip_a_bit(folder: Path) -> Path:
    """Damage `hello world` in the journal of a server that has stopped. -> the file"""
    file = folder / "journal.db"
    whole = file.read_bytes()
    assert b"hello world" in whole
    file.write_bytes(whole.replace(b"hello world", b"jello world"))
    return file


def damage_the_second_of_three_lines(start, folder: Path) -> Path:
    """Have `before`, `hello world` and `after` kept, of which the second can be read no more. -> the file"""
    server = start()
    alice = server.join()
    alice.send(b"before\nhello world\nafter\n/who\n")
    alice.until("(you) ***")
    assert server.stop() == 0
    return flip_a_bit(folder)


def test_m3_a_bit_that_flipped_inside_a_line_is_told_to_who_reads_it(start, tmp_path: Path) -> None:
    file = damage_the_second_of_three_lines(start, tmp_path)

    server = start()
    bob = server.join()
    bob.send(b"/history\n/who\n")

    lines = [line.partition("> ")[2] or line for line in bob.until("(you) ***")]
    assert lines[lines.index("before") :][:3] == ["before", "*** entry 3 is damaged ***", "after"]
    assert not any("jello" in line for line in lines)
    head, _, body = server.http("GET /health").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body)["status"] == "degraded"
    assert json.loads(body)["reason"] == f"entry 3 of {file} is damaged"
    bob.send(b"we go on\n/history 1\n")
    assert bob.line().endswith("> we go on")
    assert server.stop() == 0
    (logged,) = server.process.stderr.read().decode().splitlines()
    assert f" ERROR entry 3 of {file} is damaged: " in logged


def test_m3_a_page_in_frames_names_damaged_entries(start, tmp_path: Path) -> None:
    damage_the_second_of_three_lines(start, tmp_path)

    bob = start().connect(
        b'{"type":"hello","protocol":1}\n{"type":"history","room":"lobby","before":5,"limit":2,"key":"k"}\n'
    )
    page = json.loads(bob.until('"damaged":[3]}')[-1])

    assert page["key"] == "k"
    assert [entry["text"] for entry in page["entries"]] == ["after"]
    assert page["more"] is True


def test_m3_a_replay_goes_on_behind_damaged_entries(start, tmp_path: Path) -> None:
    server = start()
    alice = server.connect(b'{"type":"hello","protocol":1}\n')
    epoch = json.loads(alice.line())["epoch"]
    for text in ("before", "hello world", "after"):
        alice.send(json.dumps({"type": "say", "room": "lobby", "text": text, "key": text}).encode() + b"\n")
        alice.until(f'"text":"{text}"}}')
    assert server.stop() == 0
    flip_a_bit(tmp_path)

    server = start()
    bob = server.connect()
    hello = {"type": "hello", "protocol": 1, "session": "s" * 32, "epoch": epoch, "since": {"@": 0, "lobby": 0}}
    bob.send(json.dumps(hello).encode() + b"\n")
    bob.send(b'{"type":"say","room":"lobby","text":"is anybody there","key":"k"}\n')
    frames = [json.loads(line) for line in bob.until('"text":"is anybody there"}')]

    told = [frame.get("text", frame["type"]) for frame in frames]
    assert told[told.index("before") :][:3] == ["before", "gap", "after"]
    (gap,) = (frame for frame in frames if frame["type"] == "gap")
    assert gap == {"type": "gap", "room": "lobby", "after": 2, "reason": "unreadable", "missed": 1}
    assert frames[-1]["text"] == "is anybody there"
    assert not any("jello" in str(frame) for frame in frames)


CLOCK = """
import os, time
real = time.time
time.time = lambda: real() + float(open({file!r}).read())
"""


def set_clock(site: Path, offset_s: int) -> None:
    """Let processes whose PYTHONPATH is `site` have another time of day."""
    site.mkdir(exist_ok=True)
    offset = site / "offset"
    (site / "sitecustomize.py").write_text(CLOCK.format(file=str(offset)))
    (site / "next").write_text(str(offset_s))
    (site / "next").rename(offset)


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_m4_a_wall_clock_that_jumps_changes_no_order_and_no_deadline(start, tmp_path: Path, jump_s: int) -> None:
    site = tmp_path / "site"
    set_clock(site, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        server = start("--stall-timeout", "35s")
    alice, bob = server.join(), server.join()
    alice.line()
    bob.send(b"one\n")
    alice.line()

    set_clock(site, jump_s)
    bob.send(b"two\n/who\n")

    assert alice.line() == f"[127.0.0.1:{bob.port}]> two"
    assert bob.line().startswith("*** 2 in #lobby")
    shown = json.loads(server.http(f"GET /clients/{alice.port}").partition(b"\r\n\r\n")[2])
    assert 0 <= shown["idle_s"] < 600  # deadlines are by the same clock
    alice.send(b"/history 2\n")
    old, new = alice.line(), alice.line()
    assert (old[17:].partition("> ")[2], new[17:].partition("> ")[2]) == ("one", "two")
    assert old[:16] != new[:16]  # the clock did jump
    assert server.stop() == 0


def test_m4_a_ban_holds_after_a_clock_that_was_an_hour_ahead_for_a_while(start, tmp_path: Path) -> None:
    site = tmp_path / "site"
    set_clock(site, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        server = start()
    server.type("ban 127.0.0.2 30")
    server.console(r"^Banned 127\.0\.0\.2 until")

    set_clock(site, 3600)
    server.type("bans")
    server.console("^No bans$")
    set_clock(site, 0)

    assert b"you are banned" in server.connect(source=("127.0.0.2", 0)).rest()
    assert server.stop() == 0
    assert b"banned" in start().connect(source=("127.0.0.2", 0)).rest()
