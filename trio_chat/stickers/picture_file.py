"""Reading the file of a picture: only a regular one, inside its folder. It blocks: call it in a thread."""

import os

from trio_chat.stickers.regular_file import read_regular_file
from trio_chat.stickers.sticker import PictureFile


def read_picture(file: PictureFile) -> bytes:
    """Return the contents of a picture's file. Raises OSError, and ValueError with a sentence where it is refused."""
    folder = os.path.realpath(file.folder)
    path = os.path.realpath(os.path.join(folder, file.path))
    if os.path.commonpath((folder, path)) != folder:
        raise ValueError(f"{file.path} leads out of the folder of its sticker file")
    try:
        data = read_regular_file(path, follows_link=False)  # a link that has just come could lead anywhere
    except ValueError as error:
        raise ValueError(f"{file.path} is {error}") from error
    if not data:
        raise ValueError(f"{file.path} is empty")
    return data
