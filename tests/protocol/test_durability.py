"""Durability: whatever anyone has seen is on disk, whatever happens to the server."""

import contextlib
import random
import sqlite3
import threading

import pytest


@pytest.mark.slow
@pytest.mark.timeout(300)  # twenty servers one after the other
def test_m1_kill_9_under_load_loses_nothing_that_anyone_saw(start) -> None:
    dice = random.Random(1)
    seen: list[str] = []
    for round_number in range(20):
        server = start()
        reader, writer = server.join_all(2)

        def talk(peer=writer, name=round_number) -> None:
            with contextlib.suppress(OSError):
                for number in range(100_000):
                    peer.send(f"{name}-{number}\n".encode())

        thread = threading.Thread(target=talk)
        thread.start()
        seen.extend(reader.line().partition("> ")[2] for _ in range(dice.randrange(50, 2000)))
        server.process.kill()
        server.process.wait()
        seen += [
            line.partition("> ")[2] for line in reader.rest().decode().splitlines(keepends=True) if line.endswith("\n")
        ]
        thread.join()

    seen = [line.rstrip("\n") for line in seen if line]  # notices of who came have no text
    with contextlib.closing(sqlite3.connect(server.data / "journal.db")) as db:
        ids, texts = zip(*db.execute("SELECT id, text FROM entry ORDER BY id"), strict=True)
    kept = [text for text in texts if "-" in text]
    assert list(ids) == list(range(1, len(ids) + 1))
    assert set(seen) <= set(kept)
    positions = {text: position for position, text in enumerate(kept)}
    assert [positions[line] for line in seen] == sorted(positions[line] for line in seen)


def test_a_line_is_committed_before_anyone_sees_it(server) -> None:
    reader, writer = server.join(), server.join()
    with contextlib.closing(sqlite3.connect(server.data / "journal.db")) as db:
        for number in range(50):
            writer.send(f"line {number}\n".encode())
            reader.until(f"> line {number}")

            assert db.execute("SELECT count(*) FROM entry WHERE text = ?", (f"line {number}",)).fetchone() == (1,)


def test_every_reader_and_the_history_have_one_order(server) -> None:
    readers = [server.join() for _ in range(3)]
    writers = [server.join() for _ in range(5)]
    for number in range(100):
        for name, writer in enumerate(writers):
            writer.send(f"{name}-{number}\n".encode())
    for writer in writers:
        writer.send(b"/who\n")
        while not writer.line().startswith("*** 8 in #lobby: "):
            pass
    server.type("say the end")

    heard = [[line for line in reader.until("> the end") if "> " in line] for reader in readers]
    readers[0].send(b"/history 501\n")
    history = [line[17:] for line in readers[0].until("> the end") if "> " in line]

    assert len(heard[0]) == 501
    assert heard[0] == heard[1] == heard[2] == history
