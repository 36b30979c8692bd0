"""The screen view: opens the terminal, and draws it while the chat goes on."""

import math
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio
from urwid import TrioEventLoop
from urwid.display.common import InputClosedError

from trio_chat.awake_clock import AwakeClock
from trio_chat.chat.text import clean, excerpt
from trio_chat.client.conversation.app import ChatApp
from trio_chat.client.conversation.surface import Surface
from trio_chat.client.fatal_signals import before_fatal_signal
from trio_chat.client.screen_view.frame import columns_of, make_frame, panes_of, room_at
from trio_chat.client.screen_view.navigation import Navigation
from trio_chat.client.screen_view.notifier import Notifier
from trio_chat.client.screen_view.screen_display import ScreenDisplay
from trio_chat.client.screen_view.screen_pictures import ScreenPictures
from trio_chat.client.screen_view.screen_surface import ScreenSurface
from trio_chat.client.screen_view.sticker_picker import StickerPicker
from trio_chat.client.screen_view.tab_menu import TabMenu
from trio_chat.client.screen_view.terminal_screen import TerminalScreen
from trio_chat.client.screen_view.view_state import ConnectionState, ViewState
from trio_chat.client.transcript.completion import Completion, StickerNames
from trio_chat.client.transcript.input import COMMANDS
from trio_chat.client.transcript.line_layout import Columns, LineLayout
from trio_chat.client.transcript.room_list import RoomStates, room_with
from trio_chat.stickers.gallery import Gallery
from trio_chat.wire.frames import MAILBOX

KEY_FRAME_S, FRAME_S = 0.016, 0.1
"""Least time between two frames: after a key, and while only lines arrive."""

LAG_INTERVAL_S = 1.0
"""Time between two looks at how long the server takes to keep a message."""


class ScreenView(ChatApp):
    """The chat on the whole of a terminal."""

    _display: ScreenDisplay
    _rooms: RoomStates | None = None

    def make_display(self, surface: Surface) -> ScreenDisplay:
        """Return the display that was opened with the surface."""
        return self._display

    def people_listed(self) -> Sequence[str]:
        """Return the people whose private conversations are listed."""
        return self._rooms.people if self._rooms else super().people_listed()

    @asynccontextmanager
    async def open_surface(self, screen: TerminalScreen) -> AsyncIterator[Surface]:
        """Take over a terminal until the end of the block, then restore it."""
        self.narrator.sums_presence = self.narrator.hides_muted = False
        drawing = Drawing(screen, self._make_state(), has_times=self.options.has_times)
        state = drawing.state
        notifier = Notifier(screen.write, has_bell=self.options.has_bell)
        self._display = ScreenDisplay(
            state, self, notifier, redraw=drawing.want, columns=lambda: drawing.transcript_size[0].text
        )
        gallery = Gallery(is_still=not self.options.has_animation)
        gallery.changed, gallery.warn, gallery.send = drawing.want, self._display.warn, screen.write
        if self.stickers:
            gallery.fetch, self.stickers.changed = self.stickers.fetch, partial(self._show_stickers, drawing)
        pictures = ScreenPictures(gallery, state.layout, screen, self.options.pictures)
        navigation = Navigation(state, self, self._display, lambda: drawing.transcript_size)
        transcript = self.narrator.transcript
        completion = Completion(COMMANDS, StickerNames(transcript), self.narrator)
        tab_menu = TabMenu(state, completion.words, transcript)
        surface = ScreenSurface(
            state,
            self.prompt_view(),
            navigation,
            tab_menu,
            StickerPicker(state, lambda: transcript.catalogue, lambda: drawing.pane_size),
            redraw=partial(drawing.want, is_urgent=True),
            columns=lambda: drawing.size[0],
            print_text=screen.print,
        )
        surface.forget_screen = screen.clear
        surface.room_at = lambda column, row: room_at(state, *drawing.size, (column, row))
        drawing.navigation = navigation
        with before_fatal_signal(screen.give_back):
            try:
                screen.set_mouse_tracking(self.options.has_mouse)
                screen.start()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_read_keys, screen, surface)
                    nursery.start_soon(drawing.run, surface)
                    nursery.start_soon(gallery.run)
                    nursery.start_soon(_follow_lag, self._display)
                    yield surface
                    surface.stop()
                    await pictures.settle()
                    nursery.cancel_scope.cancel()
            finally:
                gallery.close()
                screen.stop()

    def _show_stickers(self, drawing: "Drawing") -> None:
        """Draw all lines anew, with the stickers of now."""
        drawing.state.layout.catalogue_version += 1
        drawing.want()

    def _make_state(self) -> ViewState:
        sent: dict[str, list[str]] = defaultdict(list)
        for line in self.memory.typed.lines if self.memory.typed else ():
            sent[line.room].append(line.text.removeprefix(f"/msg {line.room.removeprefix(MAILBOX)} "))
        self._rooms = RoomStates(self.narrator.room, sent)
        for person in self.memory.remembered.people:
            self._rooms.get(room_with(person))
        return ViewState(
            self._rooms,
            LineLayout(self.narrator.transcript),
            self.narrator,
            ConnectionState(str(self.address)),
        )


class Drawing:
    """Draws the state of the screen, at most so many times a second."""

    def __init__(self, screen: TerminalScreen, state: ViewState, *, has_times: bool) -> None:
        self._screen = screen
        self.state = state
        self._has_times = has_times
        self._is_wanted = trio.Event()
        self._is_urgent = trio.Event()
        self.navigation: Navigation | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal."""
        columns, rows = self._screen.get_cols_rows()
        return max(columns, 1), max(rows, 1)

    @property
    def transcript_size(self) -> tuple[Columns, int]:
        """Columns and rows of the transcript."""
        panes = panes_of(self.state, *self.size)
        return columns_of(panes, has_times=self._has_times), max(panes.body_rows - panes.topic_rows, 1)

    @property
    def pane_size(self) -> tuple[int, int]:
        """Columns and rows of what stands in the place of the transcript."""
        columns, rows = self.transcript_size
        return columns.width, rows

    def want(self, *, is_urgent: bool = False) -> None:
        """Draw soon; sooner if it is urgent."""
        self._is_wanted.set()
        if is_urgent:
            self._is_urgent.set()

    async def run(self, surface: ScreenSurface) -> None:
        """Draw for ever."""
        self.want()
        drawn_at = -FRAME_S
        while True:
            with trio.move_on_at(self.state.layout.changes_at):
                await self._is_wanted.wait()
            with trio.move_on_at(drawn_at + FRAME_S):
                await self._is_urgent.wait()
            await trio.sleep_until(drawn_at + KEY_FRAME_S)
            self._is_wanted, self._is_urgent = trio.Event(), trio.Event()
            drawn_at = trio.current_time()
            self._draw()
            try:
                await self._screen.send()
            except OSError:  # the terminal is gone
                surface.stop()
                return

    def _draw(self) -> None:
        self.state.layout.now, self.state.layout.changes_at = trio.current_time(), math.inf
        if self.navigation:
            self.navigation.settle_anchor()
            self.navigation.note_rule()
        columns, rows = self.size
        drawn, cursor = make_frame(self.state, columns, rows, has_times=self._has_times)
        self._screen.draw(drawn, cursor, columns)
        news = self.state.rooms.news
        title = f"{clean(excerpt(self.state.rooms.current.title))} {self.state.connection.server}"
        self._screen.show_title(f"({news}) {title}" if news else title)


async def _follow_lag(display: ScreenDisplay) -> None:
    while True:
        await trio.sleep(LAG_INTERVAL_S)
        display.follow_lag()


async def _read_keys(screen: TerminalScreen, surface: ScreenSurface) -> None:
    """Hand keys to the surface, until the terminal is gone."""
    event_loop = TrioEventLoop()
    screen.hook_event_loop(event_loop, lambda keys, _raw: surface.press(_names(keys), screen.take_paste))
    try:
        await event_loop.run_async()
    except* (InputClosedError, OSError):
        surface.stop()


def _names(keys: Sequence[object]) -> list[str]:
    """Return the names of keys, also for the wheel of a mouse, and for a click, with its column and row."""
    names = (key if isinstance(key, str) else _name_of_click(key) for key in keys)
    return [name for name in names if name]


def _name_of_click(key: object) -> str:
    match key:
        case ("mouse press", 1, int() as column, int() as row):
            return f"click {column} {row}"
        case ("mouse press", 4 | 5 as button, int(), int()):
            return "wheel up" if button == 4 else "wheel down"
    return ""


def run_screen_view(view: ScreenView) -> int:
    """Chat on the terminal. -> exit status. Raises LinkError, OSError"""
    screen = TerminalScreen(sys.stdin, sys.stdout, has_links=view.options.has_links, theme=view.options.theme)
    run = partial(view.run, partial(view.open_surface, screen), is_persistent=True)
    try:
        return trio.run(run, clock=AwakeClock())
    finally:
        screen.close()
