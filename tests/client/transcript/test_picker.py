from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.transcript.picker import Choice, choices_of, first_band, grid, step_in
from trio_chat.client.transcript.row_breaking import width_of_text
from trio_chat.stickers.catalogue import Catalogue
from trio_chat.stickers.kinds.art import Art
from trio_chat.stickers.kinds.image import Image
from trio_chat.stickers.kinds.text import Text
from trio_chat.stickers.sticker import Drawn, PictureFile

CATALOGUE = Catalogue(
    MappingProxyType(
        {
            "smile": Text("🙂"),
            "boat": Art(("|\\", "|_\\")),
            "teatime": Text("☕"),
            "tea": Image(PictureFile("", "tea.png", "tea")),
            "steam": Text("♨"),
        }
    ),
    MappingProxyType({"brb": "tea", "ship": "boat"}),
)

CHOICES = st.lists(
    st.builds(
        Choice,
        st.from_regex("[a-z][a-z0-9-]{0,31}", fullmatch=True),
        st.one_of(
            st.builds(Drawn, st.sampled_from(["🙂", "(╯°□°)╯︵ ┻━┻", "四" * 30])),
            st.builds(
                Drawn, st.just(""), st.lists(st.sampled_from(["/\\", "=" * 40]), min_size=1, max_size=24).map(tuple)
            ),
            st.just(Drawn("", pictures=(PictureFile("", "x.png", "x"),))),
        ),
    ),
    max_size=30,
).map(lambda choices: sorted(choices, key=lambda choice: choice.order))


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", ["tea", "smile", "teatime", "steam", "boat"]),
        ("tea", ["tea", "teatime", "steam"]),
        ("@TEA ", ["tea", "teatime", "steam"]),
        ("br", ["tea"]),
        ("ship", ["boat"]),
        ("x", []),
    ],
)
def test_stickers_are_found_by_a_part_of_a_name_or_alias(typed: str, names: list[str]) -> None:
    assert [choice.name for choice in choices_of(CATALOGUE, typed)] == names


@given(choices=CHOICES, columns=st.integers(1, 100), rows=st.integers(1, 40))
def test_every_choice_has_a_place_of_its_own_inside_the_pane(choices: list[Choice], columns: int, rows: int) -> None:
    bands = grid(choices, columns, rows)

    assert [index for band in bands for index, _ in band.places] == list(range(len(choices)))
    for band in bands:
        assert band.rows <= rows
        ends = [start + band.columns for _, start in band.places]
        assert ends[-1] <= columns
        assert all(end < start for end, (_, start) in zip(ends, band.places[1:], strict=False))
        assert all(width_of_text(choices[index].label(band.columns)) <= band.columns for index, _ in band.places)


@given(choices=CHOICES.filter(bool), columns=st.integers(1, 100), rows=st.integers(2, 40), data=st.data())
def test_the_chosen_one_is_always_seen(choices: list[Choice], columns: int, rows: int, data: st.DataObject) -> None:
    bands = grid(choices, columns, rows)
    chosen = data.draw(st.integers(0, len(choices) - 1))

    used = 0
    for band in bands[first_band(bands, chosen, rows) :]:
        used += band.rows
        if any(index == chosen for index, _ in band.places):
            break
    assert used <= rows


@given(choices=CHOICES.filter(bool), columns=st.integers(1, 100))
def test_the_arrow_keys_reach_every_choice(choices: list[Choice], columns: int) -> None:
    bands = grid(choices, columns, 20)
    at, reached = 0, {0}
    for _ in choices:
        at = step_in(bands, at, across=1)
        reached.add(at)

    assert reached == set(range(len(choices)))
    lowest = step_in(bands, 0, down=len(bands))
    assert lowest in [index for index, _ in bands[-1].places]
    assert step_in(bands, lowest, down=-len(bands)) == 0


def test_down_goes_to_the_nearest_below() -> None:
    choices = [Choice(str(number), Drawn("x")) for number in range(8)]
    bands = grid(choices, 58, 20)  # three in a row

    assert step_in(bands, 1, down=1) == 4
    assert step_in(bands, 5, down=1) == 7
    assert step_in(bands, 7, down=1) == 7
    assert step_in([], 0, across=1) == 0
