import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from tests.conftest import PATIENCE_S
from trio_chat.client.line_view.pipe import Pipe


@dataclass
class Pipes:
    """The other ends of the stdin and stdout of a filter."""

    stdin: tuple[int, int] = field(default_factory=os.pipe)
    stdout: tuple[int, int] = field(default_factory=os.pipe)
    _closed: set[int] = field(default_factory=set)

    @property
    def pipe(self) -> Pipe:
        return Pipe(self.stdin[0], self.stdout[1])

    def feed(self, data: bytes) -> None:
        os.write(self.stdin[1], data)
        self.close(self.stdin[1])

    def close(self, fd: int) -> None:
        """Close an end once: its number may soon be another file's."""
        if fd not in self._closed:
            self._closed.add(fd)
            os.close(fd)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    pipes = Pipes()
    yield pipes
    for fd in (*pipes.stdin, *pipes.stdout):
        pipes.close(fd)


async def lines_of(pipe: Pipe) -> list[str]:
    with trio.fail_after(PATIENCE_S):
        return [line for lines in [lines async for lines in pipe] for line in lines]


async def test_lines_come_in_order_and_the_last_needs_no_newline(pipes: Pipes) -> None:
    pipes.feed("one\r\n\nzwölf".encode())

    assert await lines_of(pipes.pipe) == ["one", "", "zwölf"]


async def test_a_regular_file_and_dev_null_are_read_to_their_end(pipes: Pipes, tmp_path: Path) -> None:
    (tmp_path / "said").write_text("one\ntwo\n" * 50_000)

    with open(tmp_path / "said") as file, open(os.devnull) as null:  # noqa: ASYNC230  # a Pipe reads descriptors
        assert await lines_of(Pipe(file.fileno(), 1)) == ["one", "two"] * 50_000
        assert await lines_of(Pipe(null.fileno(), 1)) == []


async def test_invalid_lines_are_reported_and_counted(pipes: Pipes, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = pipes.pipe
    pipes.feed(b"fine\n\xff\n" + b"x" * 5000 + b"\nfine too\n")

    assert await lines_of(pipe) == ["fine", "fine too"]
    assert pipe.refused == 2
    assert capsys.readouterr().err == (
        "trio-chat: line 2 of the input: line is not valid UTF-8; it was not sent\n"
        "trio-chat: line 3 of the input: line too long: at most 4096 bytes; it was not sent\n"
    )


async def test_a_filter_that_waits_for_input_can_be_stopped(pipes: Pipes, nursery: trio.Nursery) -> None:
    pipe = pipes.pipe
    nursery.start_soon(lines_of, pipe)
    await trio.testing.wait_all_tasks_blocked()

    pipe.stop()
    await trio.testing.wait_all_tasks_blocked()

    assert not nursery.child_tasks
    assert pipe.stopped.is_set()
    assert await lines_of(pipe) == []


async def test_a_thread_that_comes_late_reads_and_writes_the_files_it_was_meant_for(pipes: Pipes) -> None:
    limiter = trio.to_thread.current_default_thread_limiter()
    others = [object() for _ in range(int(limiter.available_tokens))]
    lines: list[str] = []

    async def read() -> None:
        lines.extend(await lines_of(pipes.pipe))

    async with trio.open_nursery() as nursery:
        for other in others:
            limiter.acquire_on_behalf_of_nowait(other)
        nursery.start_soon(read)
        nursery.start_soon(pipes.pipe.print, "printed\n")
        await trio.testing.wait_all_tasks_blocked()
        with open(os.devnull, "r+") as null:  # noqa: ASYNC230  # takes over the numbers of the descriptors
            os.dup2(null.fileno(), pipes.stdin[0])
            os.dup2(null.fileno(), pipes.stdout[1])
        pipes.feed(b"one")
        for other in others:
            limiter.release_on_behalf_of(other)
        with trio.fail_after(PATIENCE_S):
            await trio.lowlevel.wait_readable(pipes.stdout[0])

    assert lines == ["one"]
    assert os.read(pipes.stdout[0], 100) == b"printed\n"


async def test_printed_lines_arrive_whole_at_a_slow_reader(pipes: Pipes, nursery: trio.Nursery) -> None:
    text = "größer\n" * 20_000
    nursery.start_soon(pipes.pipe.print, text)

    received = b""
    with trio.fail_after(PATIENCE_S):
        while len(received) < len(text.encode()):
            await trio.lowlevel.wait_readable(pipes.stdout[0])
            received += os.read(pipes.stdout[0], 4096)

    assert received.decode() == text


async def test_printing_to_a_reader_that_is_gone_is_an_error(pipes: Pipes) -> None:
    pipes.close(pipes.stdout[0])

    with pytest.raises(BrokenPipeError):
        await pipes.pipe.print("hello\n")
