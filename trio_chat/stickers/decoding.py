"""Decoding pictures, by Pillow: bounded before anything is decoded. It blocks: call it in a thread.

Pillow is imported here alone, at the first picture: it takes as long as all of the client's own start.
"""

import warnings
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

from trio_chat.stickers.half_blocks import half_blocks
from trio_chat.stickers.picture import Picture, PictureFrame

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS_MAX = 2048 * 2048
"""Pixels of a picture."""

FRAMES_MAX = 100
ALL_PIXELS_MAX = 4 * PIXELS_MAX
"""Pixels of all frames of a picture."""

_FORMATS = ("PNG", "GIF", "JPEG", "WEBP")

_FRAME_S, _FRAME_LEAST_S = 0.1, 0.02
"""Duration of a frame that names none, or one below the least, as browsers have it."""


class PictureError(ValueError):
    """A picture is too large, or damaged. Its text is a sentence for the person."""


def decode(data: bytes, *, columns: int, rows: int, is_still: bool = False) -> Picture:
    """Decode a file and fit it into so many cells; if `is_still`, its first frame. Raises PictureError.

    A picture that is smaller stays as it is: a pixel takes half a cell.
    """
    try:
        with _pillow().open(BytesIO(data), formats=_FORMATS) as image:
            _check(image)
            width, height = _fit(image.size, columns, 2 * rows)
            frames = tuple(islice(_frames(image, width, height), 1 if is_still else None))
    except PictureError:
        raise
    except (_pillow().DecompressionBombError, _pillow().DecompressionBombWarning) as error:
        raise PictureError(f"more than {PIXELS_MAX} pixels") from error
    except Exception as error:  # of damaged files it raises whatever its C code and struct, zlib and lists raise
        raise PictureError("a damaged picture, or none of PNG, GIF, JPEG and WebP") from error
    return Picture(width, (height + 1) // 2, frames)


@cache
def _pillow() -> Any:
    """Import Pillow, with a bound that it checks before it takes memory for a picture, or for a frame of one."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    return Image


def _check(image: "Image") -> None:
    """Check the number of frames, which needs no decoding. Raises PictureError."""
    pixels, frames = image.width * image.height, getattr(image, "n_frames", 1)
    if frames > FRAMES_MAX:
        raise PictureError(f"{frames} frames; at most {FRAMES_MAX} can be shown")
    if pixels * frames > ALL_PIXELS_MAX:
        raise PictureError(f"{pixels * frames} pixels in all frames; at most {ALL_PIXELS_MAX} can be shown")


def _fit(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Return the size that a picture gets in a box, in half cells."""
    scale = min(width / size[0], height / size[1], 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _frames(image: "Image", width: int, height: int) -> Iterator[PictureFrame]:
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        duration_s = float(image.info.get("duration") or 0) / 1000
        shown = image.convert("RGBA")
        if shown.size != (width, height):
            shown = shown.resize((width, height), _pillow().Resampling.BOX)  # of small pictures, the sharpest
        rows = half_blocks(shown.tobytes(), width)
        yield PictureFrame(rows, duration_s if duration_s >= _FRAME_LEAST_S else _FRAME_S)
