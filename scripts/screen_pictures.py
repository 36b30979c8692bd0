"""Pictures of the full-screen client for the documentation: a real one, at a terminal that our own script draws."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import trio
from playwright.sync_api import Browser, sync_playwright

from scripts.drawn_terminal import DARK, LIGHT, Theme, draw_screen
from scripts.png import repacked
from scripts.scene import Person, Scene, Terminal, open_scene
from tests.admin_api.console.conftest import CHROMIUM, FLAGS

FOLDER = Path(__file__).parents[1] / "docs/pictures"
US = "bob"
SHARPNESS = 1.5
"""Pixels of a picture for one of the drawing."""

PEOPLE: Mapping[str, tuple[tuple[str, ...], bool]] = MappingProxyType(
    {
        "ann": (("lobby", "dev", "ops"), True),
        "mei": (("lobby", "ops"), True),
        "deploy": (("ops",), False),
        "zoë": (("lobby", "dev", "ops"), False),
        "ravi": (("dev", "lobby"), False),
        "ольга": (("ops",), True),
        "安德烈": (("ops", "lobby"), True),
        "νίκος": (("ops",), False),
        "tomás": (("lobby", "support"), False),
    }
)
"""Everybody's rooms; True for a name of their own."""

Lines = Sequence[tuple[str, str, str, str]]
"""Time, room, author and text of each."""

YESTERDAY: Lines = (
    ("17:52:10", "ops", "ann", "tonight at 22:00 I renew the certificate; nobody should notice"),
    ("17:54:40", "ops", "mei", "I am on call until Monday: ring me if it goes wrong"),
    ("17:55:02", "ops", "zoë", "is the printer in 3f on the same certificate?"),
    ("17:56:30", "ops", "ann", "no, it has its own, until June"),
    ("18:20:11", "ops", "安德烈", "我今晚在线，需要帮忙就说一声"),
    ("18:21:07", "ops", "ann", "谢谢! that is kind of you"),
    ("19:02:54", "ops", "νίκος", "same here until midnight, in Greek time"),
    ("22:03:05", "ops", "deploy", "certificate of chat.example: valid until 26 February"),
)
TODAY: Lines = (
    ("14:31:00", "ops", "ann", "the new certificate is in place 🎉"),
    ("14:31:40", "ops", "安德烈", "昨晚服务器重启了，现在一切正常"),
    ("14:36:02", "ops", "νίκος", "ο δρομολογητής στη Θεσσαλονίκη έπεσε δύο φορές σήμερα"),
    ("14:44:12", "ops", "deploy", "web-3 restarted in 2.1 s: https://status.example/web-3"),
    (
        "14:44:50",
        "ops",
        "zoë",
        "that was me: the new kernel, one machine after the other. web-4 follows in ten minutes",
    ),
    ("14:50:21", "ops", "ольга", "узел eu-north терял пакеты с 14:20 до 14:26, сейчас всё чисто"),
    ("14:52:09", "dev", "ravi", "the flaky test was a race in the test, not in the code"),
    ("14:52:40", "dev", "zoë", "thanks! merging @smile"),
)
NEW: Lines = (
    ("15:01:18", "ops", "deploy", "web-4 restarted in 1.9 s: https://status.example/web-4"),
    ("15:02:30", "lobby", "tomás", "good morning everybody @smile"),
    ("15:02:44", "ops", "mei", "bob: can you look at printer-3f? it takes nothing since half a minute"),
    ("15:03:02", "dev", "ravi", "bob: the release notes need your two lines"),
)


async def say_all(scene: Scene, people: Mapping[str, Person], lines: Lines, day: str) -> None:
    """Let people say something, each at their time."""
    for when, room, author, text in lines:
        scene.clock.set(f"{day} {when}")
        await people[author].say(room, text)


@asynccontextmanager
async def open_chat() -> AsyncIterator[tuple[Scene, dict[str, Person]]]:
    """Open a chat in which people have talked for a day."""
    async with open_scene("2026-11-27 17:50:00") as scene:
        people = {name: await scene.enter(name, *rooms, is_proven=proven) for name, (rooms, proven) in PEOPLE.items()}
        await people["ann"].do(type="topic", room="ops", text="Certificates, machines, and whatever else burns")
        await say_all(scene, people, YESTERDAY, "2026-11-27")
        await say_all(scene, people, TODAY, "2026-11-28")
        yield scene, people


@asynccontextmanager
async def open_room(
    columns: int, rows: int, *options: str, **environment: str
) -> AsyncIterator[tuple[Scene, dict[str, Person], Terminal]]:
    """Open a terminal of our size in that chat, in a room where something has just happened."""
    async with (
        open_chat() as (scene, people),
        scene.client(US, columns=columns, rows=rows, options=("--history", "40", *options), **environment) as terminal,
    ):
        await terminal.shows("connected")
        for name in ("dev", "support", "ops"):
            terminal.type(f"/join {name}\r")
            await terminal.shows(f"#{name}")
        await terminal.shows("чисто")
        guests = [await scene.enter(f"guest{number}", "ops") for number in range(12)]
        for guest in guests[:9]:
            await guest.leave()
        await people["mei"].do(type="tell", to=US, text="are you at your desk?")
        await say_all(scene, people, NEW, "2026-11-28")
        scene.clock.go_on(20)
        terminal.type("on it 👍\r")
        await terminal.shows("on it")
        yield scene, people, terminal


class Album:
    """The pictures that were taken, as drawings."""

    def __init__(self) -> None:
        self.drawings: dict[str, str] = {}

    def take(self, terminal: Terminal, name: str, theme: Theme = DARK) -> None:
        """Draw what is on a terminal now."""
        emulator = terminal.emulator
        rows = [emulator.row(number) for number in range(emulator.lines)]
        cursor = None if emulator.cursor.hidden else (emulator.cursor.x, emulator.cursor.y)
        self.drawings[name] = draw_screen(rows, cursor, theme, title=emulator.title)


async def take_rooms(album: Album) -> None:
    """A lively room with all panes, in a theme for dark terminals and in one for light ones."""
    for name, theme in (("dark", DARK), ("light", LIGHT)):
        async with open_room(120, 34, "--theme", name, COLORTERM="truecolor") as (scene, people, terminal):
            await people["ann"].say("ops", "thank you both @fox")
            await terminal.shows("thank you both")
            scene.pause()
            terminal.type("it had lost its lease\r")
            await terminal.shows("not kept yet")
            terminal.type("does anyone have a @shrug")
            await terminal.settle()
            album.take(terminal, f"screen-room-{name}", theme)


async def take_search(album: Album) -> None:
    """A search in the room."""
    async with open_room(100, 26, "--theme", "dark", COLORTERM="truecolor") as (_scene, _people, terminal):
        terminal.type("\x06certificate\r")
        await terminal.shows("found")
        await terminal.settle()
        album.take(terminal, "screen-search")


async def take_picker(album: Album) -> None:
    """The picker of stickers, among those whose names have some letters."""
    async with open_room(100, 33, "--theme", "dark", COLORTERM="truecolor") as (_scene, _people, terminal):
        terminal.type("\x1bOQ")
        await terminal.shows("stickers")
        terminal.type("\x1b[C")
        await terminal.run(1.0)  # it never settles: some of the pictures move
        album.take(terminal, "screen-picker")


async def take_without_colours(album: Album) -> None:
    """The room at a terminal without colours."""
    async with open_room(80, 24, NO_COLOR="1") as (_scene, _people, terminal):
        await terminal.settle()
        album.take(terminal, "screen-mono")


async def take_small(album: Album) -> None:
    """The room at a small terminal."""
    async with open_room(40, 10, "--theme", "dark", COLORTERM="truecolor") as (_scene, _people, terminal):
        await terminal.settle()
        album.take(terminal, "screen-small")


SCENES: Sequence[Callable[[Album], Awaitable[None]]] = (
    take_rooms,
    take_search,
    take_picker,
    take_without_colours,
    take_small,
)


def main() -> None:
    """Take all pictures."""
    album = Album()
    for scene in SCENES:
        trio.run(scene, album)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, svg in album.drawings.items():
            _save(browser, svg, FOLDER / f"{name}.png")
        browser.close()


def _save(browser: Browser, svg: str, file: Path) -> None:
    page = browser.new_page(device_scale_factor=SHARPNESS)
    page.set_content(f"<style>*{{margin:0}}svg{{display:block}}</style>{svg}")
    file.write_bytes(repacked(page.locator("svg").screenshot(omit_background=True)))
    page.close()
    print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
