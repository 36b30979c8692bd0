"""Keys in the spelling of rxvt and of a keypad."""

import pytest

from trio_chat.client.line_view.key_spellings import as_xterm_sends


@pytest.mark.parametrize(
    ("typed", "respelled"),
    [
        ("\x1b[7$", "\x1b[7~"),
        ("\x1b[8^", "\x1b[8;5~"),
        ("\x1b[3@", "\x1b[3;6~"),
        ("\x1bOd", "\x1b[1;5D"),
        ("\x1b[a", "\x1b[A"),
        ("\x1bOq\x1bOn\x1bOM", "1.\r"),
        ("\x1bOA\x1b[A\x1b[1;5D\x1bOP\x1b[15~", "\x1bOA\x1b[A\x1b[1;5D\x1bOP\x1b[15~"),
        ("Oa [7$", "Oa [7$"),
    ],
)
def test_a_key_of_rxvt_or_a_keypad_becomes_one_of_xterm(typed: str, respelled: str) -> None:
    assert as_xterm_sends(typed) == respelled
