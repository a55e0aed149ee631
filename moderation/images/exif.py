"""Read and write the orientation, the only EXIF tag that is used and stored."""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
SHORT = 3
UPRIGHT = 1
MAX_TAGS = 1_000  # in the first directory; cameras write 10 to 30
EXIF_PREFIX = b"Exif\0\0"  # precedes EXIF in JPEG, and in other formats by mistake


def orientation_in(data: bytes) -> int:
    """Return the orientation in EXIF data, 1 to 8, or 1 if it is missing or invalid."""
    data = data.removeprefix(EXIF_PREFIX)
    try:
        order = {b"II": "<", b"MM": ">"}[data[:2]]
        (start,) = struct.unpack_from(order + "I", data, 4)
        (tags,) = struct.unpack_from(order + "H", data, start)
        for number in range(min(tags, MAX_TAGS)):
            tag, value_type, count, value = struct.unpack_from(
                order + "HHIH", data, start + 2 + 12 * number
            )
            if tag == ORIENTATION:
                is_valid = value_type == SHORT and count == 1 and UPRIGHT <= value <= 8  # noqa: PLR2004
                return int(value) if is_valid else UPRIGHT
    except (KeyError, struct.error):
        return UPRIGHT
    return UPRIGHT


def only_orientation(orientation: int) -> bytes:
    """Return EXIF data that contains only the orientation, without the prefix."""
    tag = struct.pack(">HHIHH", ORIENTATION, SHORT, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + tag + bytes(4)
