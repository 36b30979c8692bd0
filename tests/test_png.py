"""Pictures packed anew have the same pixels."""

import random
import struct
import zlib

from scripts.png import SIGNATURE, repacked

WIDTH, PIXEL = 7, 3


def picture(rows: list[bytes], kinds: list[int]) -> bytes:
    """A PNG whose rows are filtered as `kinds` says, and packed as badly as can be."""
    raw, above = b"", bytes(WIDTH * PIXEL)
    for row, kind in zip(rows, kinds, strict=True):
        raw += bytes([kind]) + bytes((row[x] - guess(kind, row, above, x)) & 255 for x in range(len(row)))
        above = row
    header = struct.pack(">IIBBBBB", WIDTH, len(rows), 8, 2, 0, 0, 0)
    bodies = ((b"IHDR", header), (b"tEXt", b"x\0y"), (b"IDAT", zlib.compress(raw, 0)), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in bodies
    )


def guess(kind: int, row: bytes, above: bytes, x: int) -> int:
    a, b, c = (row[x - PIXEL], above[x], above[x - PIXEL]) if x >= PIXEL else (0, above[x], 0)
    p = a + b - c
    nearest = a if abs(p - a) <= min(abs(p - b), abs(p - c)) else b if abs(p - b) <= abs(p - c) else c
    return [0, a, b, (a + b) // 2, nearest][kind]


def test_a_picture_packed_anew_has_the_same_pixels_whatever_the_filters():
    rng = random.Random(3)
    rows = [rng.randbytes(WIDTH * PIXEL) for _ in range(10)]
    data = picture(rows, [0, 1, 2, 3, 4, 4, 3, 2, 1, 0])

    made = repacked(data)

    assert len(made) < len(data)
    assert made == repacked(made)
    start = made.index(b"IDAT")
    (size,) = struct.unpack(">I", made[start - 4 : start])
    raw = zlib.decompress(made[start + 4 : start + 4 + size])
    assert raw == b"".join(b"\0" + row for row in rows)
