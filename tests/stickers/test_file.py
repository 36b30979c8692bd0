import pytest

from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.file import WARNINGS_MAX, parse_catalogue
from trio_chat.stickers.kinds.art import Art
from trio_chat.stickers.kinds.text import Text


def parse(text: str) -> tuple[Catalogue, list[str]]:
    return parse_catalogue(text, source="mine.toml")


def test_a_file_has_bare_texts_texts_with_aliases_and_arts() -> None:
    catalogue, warnings = parse(
        """
        [text]
        smile = "🙂"
        100 = { shows = "💯", aliases = ["hundred"] }
        [art]
        dot = "."
        [art.tent]
        aliases = ["camp"]
        shows = '''
         /\\
        /__\\
        '''
        """
    )

    assert warnings == []
    assert catalogue.stickers == {
        "smile": Text("🙂"),
        "100": Text("💯"),
        "dot": Art((".",)),
        "tent": Art((" /\\", "/__\\")),
    }
    assert catalogue.aliases == {"hundred": "100", "camp": "tent"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[text]\nsmile = "🙂"\nwink = 😉\n', "mine.toml:3: "),
        ("[text]\nsmile = [\n", "mine.toml:2: "),
        ("[text]\r\nsmile = 'a'\r\nsmile = 'b'\r\n[x]\r\n", "mine.toml:3: "),
        ("x = " + "[" * 20_000, "mine.toml: "),
        ("x = " + "9" * 5_000, "mine.toml: "),
    ],
)
def test_bad_toml_is_one_line_that_names_file_and_line(text: str, place: str) -> None:
    catalogue, warnings = parse(text)

    assert catalogue.stickers == {}
    assert len(warnings) == 1
    assert warnings[0].startswith(place)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("bad = 3", "text.bad"),
        ("bad = { show = 'x' }", "text.bad"),
        ("bad = { aliases = ['x'] }", "text.bad"),
        ("bad = { shows = 'x', aliases = ['a', 1] }", "text.bad"),
        ("bad = ''", "text.bad"),
        ("Bad = 'x'", "text.Bad"),
        ("'a b' = 'x'", "text.a b"),
        ("'' = 'x'", "text."),
        (f"{'n' * 33} = 'x'", f"text.{'n' * 32}"),
        ("[art]\ngood = 'x'", "art.good"),
        ("[picture]\nbad = 'x.png'", "picture"),
    ],
)
def test_a_bad_sticker_is_one_line_that_names_it_and_the_rest_works(entry: str, named: str) -> None:
    catalogue, warnings = parse(f"[text]\ngood = '+'\n{entry}\n")

    assert catalogue.stickers == {"good": Text("+")}
    assert [subjects(warning) for warning in warnings] == [["mine.toml", named]]


def subjects(warning: str) -> list[str]:
    """The beginning of a warning, before the reason: the file, the sticker, the alias."""
    *named, reason = warning.split(": ", 3 if ": alias " in warning else 2)
    assert len(reason) > 5
    return named


def test_a_sticker_outside_of_any_table_is_told_where_it_belongs() -> None:
    catalogue, warnings = parse("text = 'x'\nsmile = ':-)'\n[art]\ndot = '.'\n")

    assert [subjects(warning) for warning in warnings] == [["mine.toml", "text"], ["mine.toml", "smile"]]
    assert all("[text]" in warning and "[art]" in warning for warning in warnings)
    assert list(catalogue.stickers) == ["dot"]


def test_an_alias_gives_way_to_any_name_of_its_file_and_to_the_first_such_alias() -> None:
    catalogue, warnings = parse(
        """
        [text]
        one = { shows = "1", aliases = ["two", "first", "No!"] }
        two = { shows = "2", aliases = ["first"] }
        """
    )

    assert catalogue.draw("@two @first").line == "2 1"
    assert [subjects(warning) for warning in warnings] == [
        ["mine.toml", "one", "alias two"],
        ["mine.toml", "one", "alias No!"],
        ["mine.toml", "two", "alias first"],
    ]


def test_a_refused_sticker_leaves_no_alias_behind() -> None:
    catalogue, warnings = parse("[text]\nbad = { shows = '', aliases = ['worse'] }\n")

    assert catalogue == Catalogue()
    assert len(warnings) == 1


def test_a_warning_about_any_file_is_one_short_clean_line() -> None:
    _, warnings = parse(f'[text]\n"\\u001b[31m\\n" = "x"\nlong = {{ {"k" * 5000} = 1 }}\n')

    assert len(warnings) == 2
    assert all(len(warning) <= 300 and not set("\x1b\n") & set(warning) for warning in warnings)


def test_many_bad_stickers_are_summed_up() -> None:
    bad = "".join(f"n{number} = {number}\n" for number in range(100))

    _, warnings = parse(f"[text]\n{bad}")

    assert len(warnings) == WARNINGS_MAX + 1
    assert str(100 - WARNINGS_MAX) in warnings[-1]
