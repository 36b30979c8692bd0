"""Pictures in the protocol of iTerm2: files, to be shown inline. Pure. https://iterm2.com/documentation-images.html"""

import struct
import zlib
from base64 import standard_b64encode

from trio_chat.stickers.pixels import Pixels, Resolution

RESOLUTION = Resolution(10, 20)


def inline_picture(pixels: Pixels, *, columns: int, rows: int) -> str:
    """Return the command that shows a picture in so many cells."""
    file = png(pixels)
    keys = f"inline=1;size={len(file)};width={columns};height={rows};preserveAspectRatio=1"
    return f"\x1b]1337;File={keys}:{standard_b64encode(file).decode()}\a"


def png(pixels: Pixels) -> bytes:
    """Return a picture as a PNG, of which nothing comes from the file that it was decoded from."""
    step = 4 * pixels.width
    rows = b"".join(b"\0" + pixels.data[at : at + step] for at in range(0, len(pixels.data), step))
    head = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
