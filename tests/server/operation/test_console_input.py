import os
import pty

import pytest

from trio_chat.server.operation import console_input
from trio_chat.server.operation.stdio import Printer


async def test_a_terminal_that_hangs_up_just_before_it_is_opened_ends_the_console_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keyboard, terminal = pty.openpty()
    hung_up: list[bool] = []

    def hang_up(_fd: int) -> bool:
        os.close(keyboard)
        hung_up.append(True)
        return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(console_input, "_is_ours", hang_up)

    await console_input.read_commands(None, Printer(terminal), pytest.fail, (terminal, terminal, terminal))

    os.close(terminal)
    assert hung_up
