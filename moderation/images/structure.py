"""The parsed structure of a file: its canvas, its frames, and the bytes of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from moderation.images.colour import Colour

Piece = bytes | tuple[int, int]


class SplicedFile:
    """A file made of ranges of another file and of new bytes."""

    __slots__ = ("pieces",)

    def __init__(self, *pieces: Piece) -> None:
        self.pieces: list[Piece] = list(pieces)

    def keep(self, start: int, stop: int) -> None:
        """Add a range of the other file; adjacent ranges are merged."""
        last = self.pieces[-1] if self.pieces else b""
        if isinstance(last, tuple) and last[1] == start:
            self.pieces[-1] = (last[0], stop)
        elif stop > start:
            self.pieces.append((start, stop))

    def add(self, piece: bytes) -> None:
        """Add new bytes."""
        self.pieces.append(piece)

    def size(self) -> int:
        """Return the number of bytes that `build` returns."""
        return sum(len(p) if isinstance(p, bytes) else p[1] - p[0] for p in self.pieces)

    def build(self, content: bytes) -> bytes:
        """Return the assembled file, or `content` itself if all of it is kept."""
        if self.pieces == [(0, len(content))]:
            return content
        view = memoryview(content)
        return b"".join(p if isinstance(p, bytes) else view[p[0] : p[1]] for p in self.pieces)


class Disposal(Enum):
    """What happens to the area of a frame before the next frame is drawn on it."""

    KEEP = "keep"
    CLEAR = "clear"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `file` is a complete file of this frame for a decoder.

    `milliseconds` is how long it is shown. `blends` is set if what was drawn before shows through.
    `transparent` is the transparent value if `file` does not declare it. `pixel_bytes` is the
    number of bytes of a decoded pixel. `memory` in bytes, without the decoded pixels, and `work` in
    microseconds are estimates for decoding this frame.
    """

    width: int
    height: int
    file: SplicedFile
    pixel_bytes: int
    memory: int
    work: float
    x: int = 0
    y: int = 0
    milliseconds: int = 0
    blends: bool = False
    disposal: Disposal = Disposal.KEEP
    transparent: int | None = None

    @property
    def pixels(self) -> int:
        """Return the area of the frame in pixels."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Structure:
    """A parsed file. Those that `inspect` returns are within the limits.

    `width` and `height` are those of the canvas in pixels, before the orientation is applied.
    `orientation` is that of EXIF, 1 to 8. `stripped` is the file without metadata and trailing
    data.
    """

    format: str
    width: int
    height: int
    frames: Sequence[Frame]
    stripped: SplicedFile
    orientation: int = 1
    colour: Colour = field(default_factory=Colour)

    @property
    def is_animated(self) -> bool:
        """Return whether a browser shows more than one frame."""
        return len(self.frames) > 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """Return the displayed width and height in pixels."""
        on_its_side = self.orientation >= 5  # noqa: PLR2004 - defined by EXIF
        return (self.height, self.width) if on_its_side else (self.width, self.height)

    @property
    def is_composed(self) -> bool:
        """Return whether the frames have to be composed on a canvas."""
        first = self.frames[0]
        return self.is_animated or (first.x, first.y) != (0, 0) or not self._covers(first)

    def representative_frames(self) -> list[int]:
        """Return the numbers of the frames that represent the file: first, longest, last."""
        return sorted({0, self._longest(), len(self.frames) - 1})

    def _longest(self) -> int:
        most = max(frame.milliseconds for frame in self.frames)
        longest = [n for n, frame in enumerate(self.frames) if frame.milliseconds == most]
        return longest[len(longest) // 2]

    def frames_to_decode(self) -> Iterator[tuple[int, bool]]:
        """Yield the number of each frame to decode, in order, and whether it represents the file.

        Frames before one that covers the whole canvas are not needed.
        """
        done = -1
        for number in self.representative_frames():
            start = number
            while start > done + 1 and not self._is_independent(start):
                start -= 1
            yield from ((n, n == number) for n in range(start, number + 1))
            done = number

    def _is_independent(self, number: int) -> bool:
        frame = self.frames[number]
        restores = frame.disposal is Disposal.RESTORE  # to the canvas before this frame
        return self._covers(frame) and not frame.blends and not restores

    def _covers(self, frame: Frame) -> bool:
        reaches = frame.x + frame.width >= self.width and frame.y + frame.height >= self.height
        return reaches and frame.x == 0 and frame.y == 0
