"""The pictures of the screen view: half blocks, until the terminal says that it has placeholders."""

import os

import trio

from trio_chat.client.pictures import text_painter
from trio_chat.client.screen_view.terminal_screen import TerminalScreen
from trio_chat.client.startup_terminal import PictureColours, may_be_asked, picture_colours
from trio_chat.client.terminal_answers import WAIT_S, TerminalQuestions
from trio_chat.client.transcript.line_layout import LineLayout
from trio_chat.stickers.gallery import Gallery


class ScreenPictures:
    """Asks the terminal which pictures it can show, and shows them so when it has answered."""

    def __init__(self, gallery: Gallery, layout: LineLayout, screen: TerminalScreen, wanted: str) -> None:
        """`wanted` is the setting: auto, blocks or none. The questions are sent when the screen starts."""
        colours = PictureColours.NONE if screen.is_mono else picture_colours(os.environ)
        self._colours = colours
        self._layout = layout
        self._gallery = gallery
        if wanted != "none" and colours is not PictureColours.NONE:
            layout.pictures = gallery
        self._is_settled = trio.Event()
        self._asked_at = trio.current_time()
        if wanted == "auto" and may_be_asked(os.environ) and not screen.is_mono:
            self._questions = TerminalQuestions(os.environ)
            screen.questions, screen.take_out = self._questions.text, self._take_out
        else:
            self._is_settled.set()

    def _take_out(self, typed: str) -> str:
        text = self._questions.take_out(typed)
        if self._questions.answers.is_complete and not self._is_settled.is_set():
            self._is_settled.set()
            answers = self._questions.answers
            if answers.has_placeholders and self._colours is PictureColours.TRUE:  # numbers of pictures are colours
                self._gallery.use(text_painter(answers))
            elif answers.name and self._colours is PictureColours.NONE:  # what is new enough to say its name has 256
                self._layout.pictures = self._gallery
                self._gallery.changed()
        return text

    async def settle(self) -> None:
        """Wait for the answers, until WAIT_S after the questions: when the screen is gone, a shell would take them."""
        with trio.move_on_at(self._asked_at + WAIT_S):
            await self._is_settled.wait()
