"""Reduce a colour profile to what browsers read, because the library would read all of it."""

from __future__ import annotations

import struct

HEADER_BYTES = 128
TAG = struct.Struct(">4sII")  # name, where its value starts, its length
MAX_TAGS = 100  # the library rejects a profile with more
# Profiles of screens, scanners, printers and colour spaces. The others do not describe pictures.
CLASSES = {b"mntr", b"scnr", b"prtr", b"spac"}
CURVES, TABLES = (b"curv", b"para"), (b"mft1", b"mft2", b"mAB ")
# The tags from which colours are computed, with the types whose cost is proportional to their size.
# D2B0 to D2B3 are missing: their values may define thousands of steps in a few kilobytes.
TYPES = {
    **dict.fromkeys((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), (b"XYZ ",)),
    **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC", b"kTRC"), CURVES),
    **dict.fromkeys((b"A2B0", b"A2B1", b"A2B2"), TABLES),
    b"chad": (b"sf32",),
}


def reduce_profile(profile: bytes) -> bytes:
    """Return a profile with only the tags from which colours are computed.

    Return empty bytes if the profile does not describe a picture or is broken.
    """
    if profile[12:16] not in CLASSES:
        return b""
    try:
        (count,) = struct.unpack_from(">I", profile, HEADER_BYTES)
        if count > MAX_TAGS:
            return b""
        found = [TAG.unpack_from(profile, HEADER_BYTES + 4 + TAG.size * n) for n in range(count)]
    except struct.error:
        return b""
    kept = [tag for tag in found if profile[tag[1] : tag[1] + 4] in TYPES.get(tag[0], ())]
    table = struct.pack(">I", len(kept)) + b"".join(TAG.pack(*tag) for tag in kept)
    # Values are not moved, because several names may share one.
    end = HEADER_BYTES + 4 + TAG.size * count
    return profile[:HEADER_BYTES] + table.ljust(end - HEADER_BYTES, b"\0") + profile[end:]
