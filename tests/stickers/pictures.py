"""Pictures for tests, made where they are needed."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from trio_chat.stickers.kinds.image import Image as ImageSticker
from trio_chat.stickers.sticker import PictureFile

RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)


def picture_of(
    *colours: Any, size: tuple[int, int] = (4, 4), form: str = "PNG", duration_ms: int = 200, **options: Any
) -> bytes:
    """A file with a frame of each colour."""
    mode = "RGB" if form == "JPEG" else "RGBA"
    first, *others = (Image.new(mode, size, colour[: len(mode)]) for colour in colours)
    file = BytesIO()
    if others:
        options |= {"save_all": True, "append_images": others, "duration": duration_ms}
    first.save(file, form, **options)
    return file.getvalue()


def flags_in(folder: Path, *, blue_size: tuple[int, int] = (6, 4)) -> dict[str, ImageSticker]:
    """Stickers whose pictures are in a folder: one all red, one all blue, and one that is damaged."""
    red = picture_of(RED, size=(6, 4))
    flags = {"red": red, "blue": picture_of(BLUE, size=blue_size), "cut": red[:40]}
    for name, data in flags.items():
        (folder / f"{name}.png").write_bytes(data)
    return {name: ImageSticker(PictureFile(str(folder), f"{name}.png", f"a {name} flag")) for name in flags}


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says how large it is."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def gif_of(frames: int, *, size: tuple[int, int] = (1, 1)) -> bytes:
    """A GIF of many frames, or of one that is larger than the picture says."""
    image = b"," + struct.pack("<HHHHB", 0, 0, *size, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + image * frames + b";"


def jpeg_of(scans: int) -> bytes:
    """A progressive JPEG of so many scans, of which the last is repeated."""
    data = picture_of(RED, form="JPEG", progressive=True)
    head, scan, *others = data.removesuffix(b"\xff\xd9").split(b"\xff\xda")
    return b"\xff\xda".join([head, scan, *others, *[others[-1]] * (scans - 1 - len(others))]) + b"\xff\xd9"
