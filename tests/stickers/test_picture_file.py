import os
from pathlib import Path

import pytest

from trio_chat.stickers.picture_file import read_picture
from trio_chat.stickers.regular_file import SIZE_MAX_BYTES
from trio_chat.stickers.sticker import PictureFile


@pytest.fixture
def house(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    (folder / "cats").mkdir(parents=True)
    return folder


def read(folder: Path, path: str) -> bytes:
    return read_picture(PictureFile(str(folder), path, "a cat"))


def test_a_picture_below_the_folder_is_read_also_by_a_link_that_stays_there(house: Path) -> None:
    (house / "cats/grey.png").write_bytes(b"grey")
    (house / "link.png").symlink_to("cats/grey.png")

    assert read(house, "cats/grey.png") == read(house, "link.png") == b"grey"


@pytest.mark.parametrize("target", ["../outside.png", "/dev/zero"])
def test_a_link_out_of_the_folder_is_refused(house: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside.png").write_bytes(b"secret")
    (house / "cat.png").symlink_to(target)

    with pytest.raises(ValueError, match=r"cat.png leads out of the folder of its sticker file"):
        read(house, "cat.png")


def test_a_folder_that_is_a_link_out_is_refused(house: Path, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"secret")
    (house / "up").symlink_to("..")

    with pytest.raises(ValueError, match="leads out of the folder"):
        read(house, "up/cat.png")


def test_a_fifo_and_a_folder_are_refused_without_waiting(house: Path) -> None:
    os.mkfifo(house / "cat.png")

    for path in ("cat.png", "cats"):
        with pytest.raises((ValueError, IsADirectoryError)):
            read(house, path)


@pytest.mark.parametrize(("size", "reason"), [(0, "is empty"), (SIZE_MAX_BYTES + 1, "is larger than 1 MiB")])
def test_a_file_that_is_empty_or_too_large_is_refused(house: Path, size: int, reason: str) -> None:
    with open(house / "cat.png", "wb") as file:
        file.truncate(size)

    with pytest.raises(ValueError, match=reason):
        read(house, "cat.png")


def test_a_file_that_is_not_there_is_an_error_of_the_system(house: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(house, "cat.png")
