from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stickers.pictures import RED, picture_of
from trio_chat.chat.text import clean
from trio_chat.stickers.kinds.image import Image
from trio_chat.stickers.load_shared import HEAD, load_shared, modification_state
from trio_chat.stickers.shared_catalogue import (
    CATALOGUE_MAX_BYTES,
    PICTURE_MAX_BYTES,
    STICKERS_MAX,
    SharedSticker,
    catalogue_from,
    hash_of,
    is_picture,
    is_picture_name,
)

HOUSE = """
[text]
standup = { shows = "☀", aliases = ["daily"] }
[art.boat]
shows = '''
  |\\
  |_\\
'''
[image]
boss = { shows = "pics/boss.PNG", alt = "the boss" }
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics/boss.PNG").write_bytes(picture_of(RED))
    (tmp_path / "house.toml").write_text(HOUSE)
    return tmp_path / "house.toml"


def test_what_is_shared_makes_the_same_stickers_at_a_client(house: Path) -> None:
    shared, warnings = load_shared(house)

    catalogue = catalogue_from(shared.stickers, folder="/cache")

    assert warnings == []
    assert catalogue.draw("@daily @boat").lines == ["☀ @boat", "    |\\", "    |_\\"]
    boss = catalogue.find("boss")
    assert isinstance(boss, Image)
    assert (boss.picture.folder, boss.picture.alt) == ("/cache", "the boss")
    assert is_picture(shared.pictures[boss.picture.path], boss.picture.path)
    assert hash_of(shared.stickers) == shared.hash
    assert shared.lines[0] == HEAD
    assert "@standup ☀" in shared.lines[1]


def test_a_picture_that_cannot_be_shared_costs_only_its_sticker(house: Path) -> None:
    (house.parent / "pics/boss.PNG").write_bytes(bytes(PICTURE_MAX_BYTES + 1))

    shared, warnings = load_shared(house)

    assert [sticker.name for sticker in shared.stickers] == ["standup", "boat"]
    assert warnings == [f"{house}: boss is not shared: pics/boss.PNG is larger than 48 KiB"]
    assert "@boss" not in " ".join(shared.lines)


def test_no_more_is_shared_than_one_frame_holds(house: Path) -> None:
    rows = "\n".join(["x" * 80] * 24)
    house.write_text("".join(f"[art.a{number}]\nshows = '''\n{rows}\n'''\n" for number in range(100)))

    shared, warnings = load_shared(house)

    assert sum(len(sticker.shows) for sticker in shared.stickers) < CATALOGUE_MAX_BYTES
    assert len(shared.stickers) == 32
    assert warnings == [
        f"{house}: a32 and those behind it are not shared: more than {STICKERS_MAX} stickers and 64 KiB"
    ]


def test_the_bytes_of_a_catalogue_are_at_most_those_that_clients_take(house: Path) -> None:
    rows = "\n".join(["x" * 80] * 24)
    arts = "".join(f"[art.a{number}]\nshows = '''\n{rows}\n'''\n" for number in range(32))
    house.write_text(arts)
    last = SharedSticker("z", "art", "")
    left = CATALOGUE_MAX_BYTES - len(msgspec.json.encode([*load_shared(house)[0].stickers, last]))

    for size, count in ((left, 33), (left + 1, 32)):
        drawing = "\n".join([*["x" * 78] * (size // 80), "x" * (size % 80)])  # a new line takes two bytes of JSON
        house.write_text(f"{arts}[art.z]\nshows = '''\n{drawing}\n'''\n")
        shared, _warnings = load_shared(house)
        assert len(shared.stickers) == count
        assert len(msgspec.json.encode(shared.stickers)) <= CATALOGUE_MAX_BYTES


def test_a_file_that_is_gone_shares_nothing(tmp_path: Path) -> None:
    shared, warnings = load_shared(tmp_path / "no.toml")

    assert (shared.stickers, shared.hash, shared.lines) == ((), "", ())
    assert len(warnings) == 1


def test_the_state_changes_with_the_file_and_with_its_pictures(house: Path) -> None:
    seen = {modification_state(house)}
    house.write_text(HOUSE + "[text]\n")
    seen.add(modification_state(house))
    (house.parent / "pics/new.png").write_bytes(b"")
    seen.add(modification_state(house))
    house.unlink()
    seen.add(modification_state(house))

    assert len(seen) == 4


@pytest.mark.parametrize("name", ["../x.png", "a" * 64, f"{'A' * 64}.png", f"{'a' * 64}.svg", f"{'a' * 64}.png\n", ""])
def test_only_a_hash_with_an_ending_names_a_picture(name: str) -> None:
    assert not is_picture_name(name)


ANYTHING = st.text(max_size=80) | st.text(alphabet="a\x1b[31m\u202e\n/.", max_size=40)


@given(
    stickers=st.lists(
        st.builds(
            SharedSticker,
            name=ANYTHING | st.just("ok"),
            kind=st.sampled_from(["text", "art", "image", "video"]),
            shows=ANYTHING | st.just(f"{'a' * 64}.png"),
            aliases=st.lists(ANYTHING, max_size=3).map(tuple),
            alt=ANYTHING,
        ),
        max_size=5,
    )
)
def test_nothing_of_a_hostile_server_gets_through(stickers: list[SharedSticker]) -> None:
    catalogue = catalogue_from(stickers, folder="/cache")

    for name, sticker in catalogue.stickers.items():
        drawn = sticker.render(name)
        assert all(row.strip() == clean(row.strip()) for row in drawn.lines)
        assert all(is_picture_name(picture.path) for picture in drawn.pictures)


def test_so_many_stickers_are_cut_off() -> None:
    stickers = [SharedSticker(f"a{number}", "text", "x") for number in range(2000)]

    assert len(catalogue_from(stickers, folder="").stickers) == STICKERS_MAX
