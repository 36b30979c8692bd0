"""Pictures as they are shown: text, of one frame or several. Pure."""

from msgspec import Struct

from trio_chat.stickers.half_blocks import Runs


class PictureFrame(Struct, frozen=True, eq=False):
    """One frame of a picture, as large as it is shown."""

    rows: Runs
    duration_s: float
    sent_before: str = ""
    """Commands to be sent to the terminal once, before it is shown."""
    sent_after: str = ""
    """Commands to be sent when it is shown no more."""
    stream: str = ""
    """Commands that draw it at the cursor; it has no rows then."""


class Picture(Struct, frozen=True, eq=False):
    """A picture as large as it is shown, in cells of a terminal. It is still if it has one frame."""

    columns: int
    rows: int
    frames: tuple[PictureFrame, ...]

    @property
    def duration_s(self) -> float:
        """The time of one round."""
        return sum(frame.duration_s for frame in self.frames)

    def frame_at(self, elapsed_s: float) -> tuple[PictureFrame, float]:
        """Return the frame of a moment of the one round that it plays, and the moment when that ends.

        After the round it is the first one, for ever.
        """
        end = 0.0
        for frame in self.frames if len(self.frames) > 1 else ():
            end += frame.duration_s
            if elapsed_s < end:
                return frame, end
        return self.frames[0], float("inf")

    @property
    def size_bytes(self) -> int:
        """About the memory that it takes."""
        commands = sum(len(frame.sent_before) + len(frame.stream) for frame in self.frames)
        return 120 * self.columns * self.rows * len(self.frames) + commands
