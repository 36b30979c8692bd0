"""Keys that are read from a terminal."""

import os
from threading import Thread

from prompt_toolkit.keys import Keys

from trio_chat.client.line_view.terminal_input import TerminalInput
from trio_chat.client.transcript.marked_pastes import PASTE_BYTES_MAX


def test_of_a_long_paste_no_more_is_kept_than_says_that_it_is_too_long() -> None:
    reading, writing = os.pipe()
    typed = b"a\x1b[200~" + b"x" * (2 * PASTE_BYTES_MAX) + b"\x1b[201~b"
    with open(reading, encoding="utf-8") as stdin, open(writing, "wb") as terminal:
        writer = Thread(target=lambda: terminal.write(typed) and terminal.flush())
        writer.start()
        keys, source = [], TerminalInput(stdin)
        while not keys or keys[-1].data != "b":
            keys += source.read_keys()
        writer.join()

    assert [press.key for press in keys] == ["a", Keys.BracketedPaste, "b"]
    assert PASTE_BYTES_MAX < len(keys[1].data) <= PASTE_BYTES_MAX + 2048
