"""Colours of a terminal, as its environment tells them."""

import pytest

from trio_chat.client.startup_terminal import has_256_colours


@pytest.mark.parametrize(
    ("environment", "has_256"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "rxvt", "COLORTERM": "rxvt-xpm"}, True),
        ({"TERM": "xterm-16color"}, False),
        ({"TERM": "linux"}, False),
        ({}, False),
    ],
)
def test_a_terminal_has_256_colours_where_its_name_or_colorterm_says_so(
    environment: dict[str, str], *, has_256: bool
) -> None:
    assert has_256_colours(environment) is has_256
