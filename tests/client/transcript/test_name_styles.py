import itertools
import math

import pytest

from trio_chat.client.transcript.name_styles import DISTINCT, REMEMBERED_MAX, NameStyles
from trio_chat.client.transcript.rows import NAMES, Style
from trio_chat.client.transcript.transcript import SGR

_STEPS = (0, 95, 135, 175, 215, 255)
"""The steps of xterm's cube of 6 x 6 x 6 colours, whose first number is 16."""


def rgb(style: Style) -> tuple[int, int, int]:
    """The colour of a style of a name, from 0 to 255 each."""
    cube = int(SGR[style].rpartition(";")[2]) - 16
    return _STEPS[cube // 36], _STEPS[cube // 6 % 6], _STEPS[cube % 6]


def luminance(style: Style) -> float:
    """The relative luminance of WCAG 2.1 of a style of a name."""
    channels = [channel / 255 for channel in rgb(style)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("style", NAMES)
def test_every_colour_of_a_name_can_be_read_on_black_and_on_white(style: Style) -> None:
    bright = luminance(style) + 0.05

    assert min(bright / 0.05, 1.05 / bright) > 3.9


def test_all_who_are_here_have_styles_of_their_own_as_long_as_there_are_some() -> None:
    styles = NameStyles()

    given = [styles.style_of(f"person{number}") for number in range(len(NAMES))]

    assert len(set(given)) == len(NAMES)
    assert [styles.style_of(f"person{number}") for number in range(len(NAMES))] == given


def test_a_few_who_are_here_have_colours_that_nobody_takes_for_each_other() -> None:
    styles = NameStyles()

    given = {styles.style_of(f"person{number}") for number in range(DISTINCT)}

    assert given == set(NAMES[:DISTINCT])
    assert min(math.dist(rgb(one), rgb(other)) for one, other in itertools.combinations(given, 2)) > 80


def test_who_has_gone_leaves_their_style_to_others() -> None:
    here = {f"person{number}" for number in range(len(NAMES))}
    styles = NameStyles()
    styles.is_here = here.__contains__
    given = {name: styles.style_of(name) for name in sorted(here)}

    here.remove("person3")
    here.add("new")

    assert styles.style_of("new") == given["person3"]


def test_a_name_keeps_its_style_over_a_rename_and_has_the_same_tomorrow() -> None:
    styles = NameStyles()
    style = styles.style_of("alice")

    styles.rename("alice", "eve")

    assert styles.style_of("eve") == style
    assert NameStyles().style_of("alice") == style


def test_with_more_people_than_styles_it_is_whoever_was_silent_for_longest_that_shares() -> None:
    styles = NameStyles()
    given = {f"person{number}": styles.style_of(f"person{number}") for number in range(len(NAMES))}
    for name in list(given)[1:]:
        styles.style_of(name)

    assert styles.style_of("new") == given["person0"]
    for number in range(2 * REMEMBERED_MAX):
        styles.style_of(f"other{number}")
    assert len(styles._styles) == REMEMBERED_MAX
