"""The pictures of the default stickers are those that the script draws."""

from pathlib import Path

from PIL import Image, ImageChops, ImageSequence

from scripts.sticker_pictures import FOLDER, draw_all
from trio_chat.stickers.kinds.image import Image as ImageSticker
from trio_chat.stickers.load import load_catalogue


def frames_of(path: Path) -> list[Image.Image]:
    with Image.open(path) as image:
        return [frame.convert("RGBA") for frame in ImageSequence.Iterator(image)]


def test_the_pictures_in_the_repository_are_as_the_script_draws_them(tmp_path: Path) -> None:
    draw_all(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FOLDER.iterdir()}
    for path in FOLDER.iterdir():
        for kept, drawn in zip(frames_of(path), frames_of(tmp_path / path.name), strict=True):
            assert ImageChops.difference(kept, drawn).getbbox() is None, f"{path.name}: run the script anew"


def test_each_picture_is_a_sticker_and_each_sticker_has_its_picture() -> None:
    catalogue, warnings = load_catalogue()
    stickers = [sticker for sticker in catalogue.stickers.values() if isinstance(sticker, ImageSticker)]

    assert warnings == []
    assert {sticker.picture.path for sticker in stickers} == {f"stickers/{path.name}" for path in FOLDER.iterdir()}
