"""A colour profile without the parts that no browser reads, before a library that reads all."""

from __future__ import annotations

import struct

HEADER_BYTES = 128
TAG = struct.Struct(">4sII")  # name, where its value starts, its length
MAX_TAGS = 100  # more than this, and the library refuses the profile
# Profiles of screens, scanners, printers and colour spaces. The others are no picture's own.
CLASSES = {b"mntr", b"scnr", b"prtr", b"spac"}
CURVES, TABLES = (b"curv", b"para"), (b"mft1", b"mft2", b"mAB ")
# What colours are computed from, and the types of value that take as long as they are large.
# D2B0 to D2B3 are left out: their values name any number of steps, thousands in a few kilobytes.
TYPES = {
    **dict.fromkeys((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), (b"XYZ ",)),
    **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC", b"kTRC"), CURVES),
    **dict.fromkeys((b"A2B0", b"A2B1", b"A2B2"), TABLES),
    b"chad": (b"sf32",),
}


def essential(profile: bytes) -> bytes:
    """Return a profile that leads to the same colours, made of what these are computed from.

    Empty for one that is no picture's own, or is broken.
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
    kept = [each for each in found if profile[each[1] : each[1] + 4] in TYPES.get(each[0], ())]
    table = struct.pack(">I", len(kept)) + b"".join(TAG.pack(*each) for each in kept)
    # The values stay where they are: several names may share one.
    end = HEADER_BYTES + 4 + TAG.size * count
    return profile[:HEADER_BYTES] + table.ljust(end - HEADER_BYTES, b"\0") + profile[end:]
