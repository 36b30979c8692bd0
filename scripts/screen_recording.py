"""A recording of a minute with the full-screen client, as an asciicast, and as an SVG that is made from that.

The format of the asciicast: https://docs.asciinema.org/manual/asciicast/v2/
"""

import codecs
import json
from collections.abc import Sequence

import pyte
import trio

from scripts.drawn_recording import Film
from scripts.drawn_terminal import DARK
from scripts.emulator import Emulator
from scripts.scene import Scene, Terminal
from scripts.screen_pictures import FOLDER, US, open_chat

COLUMNS, ROWS = 100, 26
SEAMS = (20, 82)
"""The columns at which the panes meet."""

KEY_S, PAUSE_S = 0.09, 1.6
FRAME_S = 0.12
"""Least time between two frames of the film."""

TAB, ALT, ENTER, CTRL_F, ESC, PAGE_UP = "\t", "\x1b", "\r", "\x06", "\x1b", "\x1b[5~"

Event = tuple[float, str]


class Recorder:
    """Somebody who types at the terminal, and everything that this shows meanwhile."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._began = trio.current_time()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.events: list[Event] = []
        terminal.record = self._record

    def _record(self, data: bytes) -> None:
        self.events.append((trio.current_time() - self._began, self._decoder.decode(data)))

    async def wait(self, seconds: float = PAUSE_S) -> None:
        """Watch for so long."""
        await self._terminal.run(seconds)

    async def press(self, key: str) -> None:
        """Press a key, and look."""
        self._terminal.type(key)
        await self.wait()

    async def type(self, text: str) -> None:
        """Type letter by letter."""
        for letter in text:
            self._terminal.type(letter)
            await self.wait(KEY_S)


async def record() -> list[Event]:
    """Let a minute pass in a lively chat. -> times in seconds, and what the client wrote"""
    async with (
        open_chat() as (scene, people),
        scene.client(
            US, columns=COLUMNS, rows=ROWS, options=("--history", "40", "--theme", "dark"), COLORTERM="truecolor"
        ) as terminal,
        trio.open_nursery() as nursery,
    ):
        await terminal.shows("connected")
        for name in ("dev", "ops"):
            terminal.type(f"/join {name}\r")
            await terminal.shows(f"#{name}")
        await terminal.settle()
        terminal.type("\x0c")  # everything anew: the recording begins with a whole screen
        recorder = Recorder(terminal)
        await recorder.wait()
        nursery.start_soon(_let_time_pass, scene)

        await people["deploy"].say("ops", "web-4 restarted in 1.9 s")
        await recorder.wait()
        await people["mei"].say("ops", "bob: can you look at printer-3f? it takes nothing since half a minute")
        await recorder.wait(1.6)
        await recorder.type("me")
        await recorder.press(TAB)
        await recorder.type("on it @sm")
        await recorder.press(TAB)
        await recorder.press(ENTER)
        await people["ravi"].say("dev", "bob: the release notes need your two lines")
        await recorder.wait(1.6)
        await recorder.press(f"{ALT}a")
        await recorder.type("they come at four")
        await recorder.press(ENTER)
        await recorder.press(f"{ALT}3")

        scene.pause()
        await recorder.type("printer-3f had lost its lease")
        await recorder.press(ENTER)
        await recorder.wait(1.8)
        scene.go_on()
        await recorder.wait()
        await people["mei"].say("ops", "it prints again, thank you! 🎉")
        await recorder.wait()

        await recorder.press(CTRL_F)
        await recorder.type("certificate")
        await recorder.press(ENTER)
        await recorder.press("\x1b[A")
        await recorder.press("\x1b[A")
        await recorder.press(ENTER)
        await recorder.wait()
        await recorder.press(f"{ALT}>")

        await recorder.press("\x1b[200~$ systemctl status cups\nactive (running)\nsince 14:58\n1 job\x1b[201~")
        await recorder.press(ENTER)
        await recorder.press("y")
        await recorder.press(ENTER)
        await people["ann"].say("ops", "looks good to me @smile")
        await recorder.wait()
        await recorder.press("\x1bOP")
        await recorder.wait()
        await recorder.press(ESC)
        await recorder.wait(1.5)
        nursery.cancel_scope.cancel()
        return recorder.events
    raise AssertionError("the block was cancelled")


async def _let_time_pass(scene: Scene) -> None:
    while True:
        await trio.sleep(0.5)
        scene.clock.go_on(0.5)


def asciicast(events: Sequence[Event]) -> str:
    """Return a recording as a file."""
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "trio-chat", "env": {"TERM": "xterm-256color"}}
    lines = [
        json.dumps(header),
        *(json.dumps([round(at_s, 3), "o", data], ensure_ascii=False) for at_s, data in events),
    ]
    return "\n".join(lines) + "\n"


def film_of(cast: str) -> str:
    """Draw a recording."""
    header, *lines = map(json.loads, cast.splitlines())
    emulator = Emulator(header["width"], header["height"])
    stream = pyte.Stream(emulator)
    film = Film(header["width"], header["height"], DARK, SEAMS)
    for number, (at_s, _, data) in enumerate(lines):
        stream.feed(data)
        following_s = lines[number + 1][0] if number + 1 < len(lines) else at_s + 1
        if following_s - at_s >= FRAME_S:
            rows = [emulator.row(row) for row in range(emulator.lines)]
            film.add(at_s, rows, (emulator.cursor.x, emulator.cursor.y))
    return film.draw(lines[-1][0] + 2, title="trio-chat join bob@chat.example")


def main() -> None:
    """Record, and draw the recording."""
    cast = asciicast(trio.run(record))
    for file, text in ((FOLDER / "screen.cast", cast), (FOLDER / "screen-recording.svg", film_of(cast))):
        file.write_text(text)
        print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
