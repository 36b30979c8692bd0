"""Reading the file of a picture: only a regular one, inside its folder. It blocks: call it in a thread."""

import os
import stat

from trio_chat.stickers.sticker import PictureFile

SIZE_MAX_BYTES = 1024 * 1024


def read_picture(file: PictureFile) -> bytes:
    """Return the content of a picture's file. Raises OSError, and ValueError with a sentence where it is refused."""
    folder = os.path.realpath(file.folder)
    path = os.path.realpath(os.path.join(folder, file.path))
    if os.path.commonpath((folder, path)) != folder:
        raise ValueError(f"{file.path} leads out of the folder of its sticker file")
    with open(path, "rb", opener=_open_without_waiting) as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{file.path} is not a regular file")
        data = opened.read(SIZE_MAX_BYTES + 1) if found.st_size <= SIZE_MAX_BYTES else b""
    if not 0 < len(data) <= SIZE_MAX_BYTES:
        raise ValueError(f"{file.path} is {'larger than 1 MiB' if found.st_size else 'empty'}")
    return data


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file without waiting, even a FIFO that nobody writes to; a link that has just come is refused."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
