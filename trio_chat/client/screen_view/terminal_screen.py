"""The terminal: urwid's raw screen, which never waits for it, and takes a paste as one piece.

urwid writes where it stands, and would stand still with a terminal that takes nothing. Here its output is a buffer that
one task sends, by a descriptor of its own: others that have the same terminal open keep theirs as it was.
"""

import os
import termios
import time
import tty
import zlib
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import lru_cache
from select import select
from typing import Literal, TextIO

import trio
import urwid
from urwid.display.common import Hyperlink
from urwid.display.raw import Screen

from trio_chat.client.screen_view.notifier import WITHOUT_OSC
from trio_chat.client.screen_view.palette import look_of, palette_of
from trio_chat.client.startup_terminal import PictureColours, has_256_colours, picture_colours
from trio_chat.client.synchronized_output import BEGIN_FRAME, END_FRAME
from trio_chat.client.terminal_answers import without_stray_answers
from trio_chat.client.themes import TERMINAL, THEMES, Theme
from trio_chat.client.transcript.marked_pastes import MarkedPastes
from trio_chat.client.transcript.rows import Part, Row, Style
from trio_chat.stickers.half_blocks import to_256

_TYPED_AHEAD_MAX = 8 * 1024
"""Bytes that were typed before the screen was there: twice what the kernel keeps. urwid takes 40 ms for so many keys
at once, and the square for more.
"""

WRITE_BYTES = 64 * 1024
"""Bytes of one write, between two checkpoints."""

RESTORE_TIMEOUT_S = 1.0
"""Time to wait for a terminal that takes nothing, when it is to be restored."""


class TerminalScreen(Screen):
    """A screen whose output is sent by `send`, and whose keys go to a callback."""

    def __init__(self, stdin: TextIO, stdout: TextIO, *, has_links: bool = False, theme: Theme = TERMINAL) -> None:
        urwid.set_encoding("utf-8")
        super().__init__(stdin, stdout, bracketed_paste_mode=True, focus_reporting=False)
        self._has_true_colour = picture_colours(os.environ) == PictureColours.TRUE
        if os.environ.get("NO_COLOR") and not theme.is_mono:
            theme = THEMES["mono"]
        self.is_mono = theme.is_mono
        """True if nothing is to be in colour."""
        self._colours = _number_of_colours(theme, has_true_colour=self._has_true_colour)
        self.set_terminal_properties(colors=self._colours)
        for entry in palette_of(theme):
            self.register_palette_entry(*entry)
        self._link_look = look_of(theme.looks[Style.LINK], self._colours)
        self.hyperlinks = has_links and not self.term.startswith(WITHOUT_OSC)
        self._output: list[str] = []
        self._unsent = bytearray()
        self._shown_title = ""
        self.take_out: Callable[[str], str] = str
        """Returns what was typed, without answers of the terminal among it."""
        self.questions = ""
        """Questions to the terminal, which are sent once, when it does not print what it answers."""
        self._pastes = MarkedPastes()
        self.take_paste = self._pastes.next_text
        """Returns the text of the paste whose key comes next."""
        self._typed_ahead = b""
        self._fd_in, self._fd = stdin.fileno(), stdout.fileno()
        self._own_fd = _open_again(self._fd)

    def close(self) -> None:
        """Close the descriptor of the output."""
        if self._own_fd is not None:
            os.close(self._own_fd)
            self._own_fd = None

    # Output

    def write(self, data: str) -> None:
        """Add to the output."""
        self._output.append(data)

    def flush(self) -> None:
        """Do nothing: `send` sends."""

    def attribute_of(self, part: Part) -> Hashable:
        """Return the look of a part as urwid knows it: of an address with the link to it, where links are drawn."""
        if part.colours:
            return _colours(*part.colours, is_true=self._has_true_colour)
        if not (part.link and self.hyperlinks and part.link.isascii() and part.link.isprintable()):
            return part.style.value
        link = Hyperlink(part.link, id=f"{zlib.crc32(part.link.encode()):x}")  # one link, though in several rows
        return urwid.AttrSpec(*self._link_look, colors=self._colours, hyperlink=link)

    def draw(self, rows: list[Row], cursor: tuple[int, int] | None, columns: int) -> None:
        """Add a frame to the output: what differs from the one before."""
        self._output.append(BEGIN_FRAME)
        self.draw_screen((columns, len(rows)), canvas_of(rows, cursor, columns, self.attribute_of))
        self._output.append(END_FRAME)

    def show_title(self, title: str) -> None:
        """Show a title of the window, where it is another one."""
        if title != self._shown_title:
            self._shown_title = title
            self.set_title(title)

    async def send(self) -> None:
        """Send the output. Raises OSError where the terminal is gone."""
        self._take_output()
        while self._unsent:
            if self._own_fd is None:
                self._write(self._fd, WRITE_BYTES)
            else:
                try:
                    self._write(self._own_fd, WRITE_BYTES)
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._own_fd)
            if self._unsent:  # the pictures of kitty are megabytes, and a quick terminal takes them without a wait
                await trio.lowlevel.checkpoint()

    def _take_output(self) -> None:
        self._unsent += "".join(self._output).encode(errors="replace")
        self._output.clear()

    def print(self, text: str) -> None:
        """Print when the screen is gone, as long as the terminal takes it."""
        self.write(text)
        self._send_in_time()

    def _send_in_time(self) -> None:
        """Send the output, for as long as RESTORE_TIMEOUT_S."""
        self._take_output()
        fd, deadline = self._fd if self._own_fd is None else self._own_fd, time.monotonic() + RESTORE_TIMEOUT_S
        with suppress(OSError):  # it is gone
            while self._unsent and (left_s := deadline - time.monotonic()) > 0:
                if select([], [fd], [], left_s)[1]:
                    self._write(fd, 512)

    def _write(self, fd: int, size_bytes: int) -> None:
        del self._unsent[: os.write(fd, self._unsent[:size_bytes])]

    def _detect_terminal_modes(self) -> None:
        """Ask the terminal nothing: a late answer would be taken for typing."""
        self.modes.alternate_buffer = True

    def _start(self, *args: bool, **kwargs: bool) -> None:
        """Take over the terminal, with Ctrl-C, Ctrl-\\, Ctrl-S and Ctrl-Q as keys; Ctrl-Z suspends.

        Raises OSError where it is gone.
        """
        try:
            self._typed_ahead += _typed_ahead(self._fd_in)
            super()._start(*args, **kwargs)
            _keep_carriage_returns(self._fd_in)
        except termios.error as error:  # which is no OSError
            raise OSError(*error.args) from error
        self._wake_input_loop()
        self.write(self.questions)
        self.questions = ""
        self.tty_signal_keys("undefined", "undefined", "undefined", "undefined", fileno=self._fd_in)

    def _stop(self) -> None:
        """Restore the terminal, also from a frame that was cut off."""
        self._unsent = bytearray(b"\x18" + END_FRAME.encode() if self._unsent else b"")  # CAN ends a sequence
        super()._stop()
        self._send_in_time()

    def give_back(self) -> None:
        """Restore the terminal, whatever is being drawn: the process ends now. It takes RESTORE_TIMEOUT_S at most."""
        self._output.clear()
        self.stop()

    # Input

    def get_available_raw_input(self) -> list[int]:
        """Return the bytes that were typed, with an empty paste in the place of each.

        CR LF among them, from a terminal that marks no pastes, is one Enter.
        """
        typed = self.take_out(bytes(super().get_available_raw_input()).decode("latin-1"))
        typed_ahead, self._typed_ahead = self._typed_ahead, b""
        keys = self._pastes.take_out(typed_ahead + without_stray_answers(typed).encode("latin-1"))
        return list(keys.replace(b"\r\n", b"\r"))


@lru_cache(maxsize=4096)
def _colours(front: int | None, back: int | None, *, is_true: bool) -> urwid.AttrSpec:
    """Return the look of a piece of a picture."""
    names = _name_of(front, is_true=is_true), _name_of(back, is_true=is_true)
    return urwid.AttrSpec(*names, colors=16777216 if is_true else 256)


def _name_of(colour: int | None, *, is_true: bool) -> str:
    if colour is None:
        return "default"
    return f"#{colour:06x}" if is_true else f"h{to_256(colour)}"


def _number_of_colours(theme: Theme, *, has_true_colour: bool) -> Literal[1, 16, 256, 16777216]:
    """Return the number of colours to be used, as urwid counts them."""
    if theme.is_mono:
        return 1
    return 16777216 if has_true_colour else 256 if has_256_colours(os.environ) else 16


def canvas_of(
    rows: list[Row], cursor: tuple[int, int] | None, columns: int, attribute_of: Callable[[Part], Hashable]
) -> urwid.TextCanvas:
    """Return rows, each of so many columns, as urwid draws them."""
    texts: list[bytes] = []
    attributes: list[list[tuple[Hashable, int]]] = []
    for row in rows:
        parts = [(attribute_of(part), part.text.encode(errors="replace")) for part in row if part.text]
        texts.append(b"".join(text for _, text in parts))
        attributes.append([(attribute, len(text)) for attribute, text in parts])
    return urwid.TextCanvas(texts, attributes, cursor=cursor, maxcol=columns, check_width=False)


def _typed_ahead(fd: int) -> bytes:
    """Return what was typed before the screen was there: urwid would throw it away."""
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd, termios.TCSANOW)
    try:
        typed = b""
        while len(typed) < _TYPED_AHEAD_MAX and select([fd], [], [], 0)[0] and (more := os.read(fd, 1024)):
            typed += more
        return typed
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)


def _keep_carriage_returns(fd: int) -> None:
    """Read Enter as the CR that a terminal sends: as a LF, each CR LF of a paste would be two line breaks."""
    modes = termios.tcgetattr(fd)
    modes[tty.IFLAG] &= ~termios.ICRNL
    termios.tcsetattr(fd, termios.TCSANOW, modes)


def _open_again(fd: int) -> int | None:
    """Open a terminal once more, so that it can be written without waiting. -> None where it has no name here"""
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
