"""Themes of the full screen: each has a look for every style, and one of one's own is built on another."""

from typing import Any

import pytest

from trio_chat.client.screen_view.palette import palette_of
from trio_chat.client.screen_view.terminal_screen import TerminalScreen
from trio_chat.client.themes import THEMES, Look, Theme, look, theme_named
from trio_chat.client.transcript.rows import NAMES, Part, Style
from trio_chat.config import ConfigError


def where(*path: str) -> str:
    return ".".join(path)


def contrast(first: str, second: str) -> float:
    """The contrast of two colours, by WCAG 2.1."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_a_theme_has_a_look_for_every_style_that_urwid_can_show(theme: Theme) -> None:
    import urwid

    assert set(theme.looks) == set(Style)
    for _, colour, background, mono, colour_of_many, background_of_many in palette_of(theme):
        urwid.AttrSpec(colour, background, 16)
        urwid.AttrSpec(mono, "default", 1)
        urwid.AttrSpec(colour_of_many, background_of_many, 2**24)
        urwid.AttrSpec(colour_of_many, background_of_many, 256)


def test_names_can_be_read_on_black_and_on_white_and_are_twelve() -> None:
    names = [THEMES["terminal"].looks[style].foreground for style in NAMES]

    assert len(set(names)) == 12
    assert min(contrast(name, background) for name in names for background in ("#000000", "#ffffff")) >= 3.9


def test_where_there_are_sixteen_colours_a_name_has_the_one_that_is_most_like_its_own() -> None:
    palette = {name: colour for name, colour, *_ in palette_of(THEMES["terminal"])}

    assert [palette[f"name-{number}"] for number in range(1, 5)] == [
        "dark blue,bold",
        "brown,bold",
        "dark cyan,bold",
        "dark red,bold",
    ]
    assert {name: colour for name, colour, *_ in palette_of(THEMES["dark"])}["notice"] == "default"


@pytest.mark.parametrize(
    ("name", "background"),
    [("dark", "#000000"), ("dark", "#1e1e1e"), ("dark", "#282c34"), ("light", "#ffffff"), ("light", "#fdf6e3")],
)
def test_what_is_read_in_a_theme_has_enough_contrast(name: str, background: str) -> None:
    looks = THEMES[name].looks
    others = (Style.NOTICE, Style.WAITING, Style.FAILED, Style.NEW, Style.CALLED, Style.LINK)
    read = [looks[style] for style in (*NAMES, *others)]

    assert min(contrast(one.foreground, background) for one in read) >= 4.5
    assert contrast(looks[Style.MENTION].foreground, looks[Style.MENTION].background) >= 4.5


def test_a_look_is_written_as_one_says_it() -> None:
    assert look("Bold bright-red on #202020") == Look("bright-red", "#202020", ("bold",))
    assert look("dim") == Look(attributes=("dim",))


def test_a_theme_of_ones_own_changes_another() -> None:
    theme = theme_named("mine", {"mine": {"base": "light", "new": "green"}}, where)

    assert theme.looks[Style.NEW] == Look("green")
    assert theme.looks[Style.CALLED] == THEMES["light"].looks[Style.CALLED]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"nwe": "red"}, "themes.mine.nwe: there is no such key; did you mean new?"),
        ({"new": "redd"}, "themes.mine.new: expected a colour"),
        ({"new": ""}, "themes.mine.new: expected a colour"),
        ({"new": 3}, "themes.mine.new: expected a colour"),
        ({"new": "red blue"}, "themes.mine.new: expected a colour"),
        ({"new": "red on blue green"}, "themes.mine.new: expected a colour"),
        ({"base": "mine"}, "themes.mine.base: expected one of terminal, dark, light, mono"),
    ],
)
def test_a_mistake_in_a_theme_is_told_with_its_key(table: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        theme_named("mine", {"mine": table}, where)
    assert str(caught.value).startswith(told)


def test_a_theme_that_is_nowhere_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no theme 'x'; expected one of terminal, dark, light, mono, mine"):
        theme_named("x", {"mine": {}}, where)


def test_an_address_that_can_be_opened_has_the_look_of_its_theme(screen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = TerminalScreen(screen.stdin, screen.stdout, has_links=True, theme=THEMES["light"])

    drawn: Any = terminal.attribute_of(Part("x", Style.LINK, "https://a.org/"))
    terminal.close()

    assert drawn.foreground == "#1f5fbf,underline"
    assert drawn.hyperlink.uri == "https://a.org/"
