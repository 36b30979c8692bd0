"""Decoding pictures, by Pillow: bounded before anything is decoded. It blocks: call it in a thread.

Pillow is imported here alone, at the first picture: it takes as long as all of the client's own start.
"""

import warnings
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

from trio_chat.stickers.painters import Painter
from trio_chat.stickers.picture import Picture
from trio_chat.stickers.pixels import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS_MAX = 2048 * 2048
"""Pixels of a picture."""

FRAMES_MAX = 100
ALL_PIXELS_MAX = 4 * PIXELS_MAX
"""Pixels of all frames of a picture."""

SCANS_MAX = 100
"""Scans of a JPEG; each is a pass over the whole picture: 1 MiB of empty ones took 90 s. Usual are 1 and 10.

https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
"""

_JPEG, _SCAN = b"\xff\xd8", b"\xff\xda"
"""The beginning of a JPEG, and of a scan; among what is encoded there is no such pair of bytes."""

_FORMATS = ("PNG", "GIF", "JPEG", "WEBP")

_FRAME_S, _FRAME_LEAST_S = 0.1, 0.02
"""Duration of a frame that names none or less than the least, which is the second number, as in browsers."""


class PictureError(ValueError):
    """A picture is too large, or damaged. Its text is a sentence for the person."""


def decode(data: bytes, painter: Painter, *, columns: int, rows: int, is_still: bool = False) -> Picture:
    """Decode a file, fit it into so many cells and paint it; if `is_still`, its first frame. Raises PictureError.

    A picture that is smaller stays as it is: a pixel takes half a cell.
    """
    if data.startswith(_JPEG) and data.count(_SCAN) > SCANS_MAX:
        raise PictureError(f"a JPEG of more than {SCANS_MAX} scans")
    try:
        with _pillow().open(BytesIO(data), formats=_FORMATS) as image:
            _check(image)
            width, height = _fit(image.size, columns, 2 * rows)
            cells = width, (height + 1) // 2
            resolution = painter.resolution
            size = width * resolution.columns, height * resolution.rows // 2
            frames = []
            for pixels, duration_s in islice(_frames(image, size, resolution.colours), 1 if is_still else None):
                frames.append(painter.paint(pixels, duration_s, columns=cells[0], rows=cells[1]))
    except PictureError:
        raise
    except (_pillow().DecompressionBombError, _pillow().DecompressionBombWarning) as error:
        raise PictureError(f"more than {PIXELS_MAX} pixels") from error
    except Exception as error:  # of damaged files it raises whatever its C code and struct, zlib and lists raise
        raise PictureError("a damaged picture, or none of PNG, GIF, JPEG and WebP") from error
    return Picture(*cells, tuple(frames))


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
    """Return the size of a picture that is scaled down to fit into a box, in half cells."""
    scale = min(width / size[0], height / size[1], 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _frames(image: "Image", size: tuple[int, int], colours: int) -> Iterator[tuple[Pixels, float]]:
    """Yield each frame, resized, with its duration in seconds. It has at most `colours` colours, unless that is 0."""
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        duration_s = float(image.info.get("duration") or 0) / 1000
        shown = _sized(image.convert("RGBA"), size)
        if colours:
            alpha = shown.getchannel("A")
            shown = shown.convert("RGB").quantize(colours).convert("RGBA")
            shown.putalpha(alpha)
        pixels = Pixels(*size, shown.tobytes())
        yield pixels, duration_s if duration_s >= _FRAME_LEAST_S else _FRAME_S


def _sized(image: "Image", size: tuple[int, int]) -> "Image":
    """Return a picture in another size: pixels of a small one stay squares, those of a large one are averaged."""
    if image.size == size:
        return image
    method = _pillow().Resampling.NEAREST if image.width < size[0] else _pillow().Resampling.BOX
    resized: Image = image.resize(size, method)
    return resized
