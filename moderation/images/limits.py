"""How much of a picture is looked at: each limit with its unit and its reason.

A file is measured against all of them by a walk over its structure, before anything is decoded.
With them no file takes more than 200 MB or about a second of a processor, accepted or refused.
"""

from __future__ import annotations

MB = 1_000_000

# Bytes of a file. A photograph of a telephone has 2 to 12 MB.
MAX_BYTES = 20 * 1024 * 1024

# Pixels of the longer side. Decoders keep a pointer for each row, so that a picture of 1 x 50
# million takes 1.2 GB; panoramas and scrolled screenshots stay below this.
MAX_SIDE = 32_768

# Pixels of the canvas and of each frame, by format. A JPEG is decoded at an eighth of its size, so
# that a camera of 64 megapixels passes; beyond 89 megapixels Pillow itself warns. WebP is decoded
# as a whole, 12 bytes a pixel.
MAX_PIXELS = {"JPEG": 80 * MB, "PNG": 50 * MB, "GIF": 50 * MB, "WEBP": 16 * MB}

# Pixels of all frames of an animation together: half an hour of a small one, 4 minutes of a film.
MAX_PIXELS_ANIMATED = 500 * MB

# Frames: a minute at 30 a second.
MAX_FRAMES = 2_000

# Scans of a JPEG. Cameras write 1, progressive encoders 3 to 14.
MAX_SCANS = 100

# Blocks of 8 x 8 pixels that all scans of a JPEG visit: 50 megapixels, progressive, in 10 scans
# visit 8 million, at some 20 million a second.
MAX_BLOCKS_VISITED = 12 * MB

# Markers of a JPEG. An embedded depth map of 10 MB is split into 160.
MAX_SEGMENTS = 1_000

# Chunks of a PNG or WebP. Encoders write 8 kB a chunk, that is 2,500 in the largest file.
MAX_CHUNKS = 20_000

# Blocks of a GIF, each of at most 255 bytes: 82,000 fill the largest file.
MAX_BLOCKS = 200_000

# Bytes of metadata. Nothing of it is unpacked but the orientation and the colour profile; depth
# maps of telephones have up to 10 MB.
MAX_METADATA_BYTES = 16 * MB

# Bytes of a colour profile, unpacked. Those of printing presses have up to 3 MB.
MAX_PROFILE_BYTES = 4 * MB

# Bytes that the decoding of a file takes, copies of the file included. A process with Django in it
# has 75 to 100 MB of its own and stays below 300.
MAX_MEMORY = 195 * MB

# Estimated microseconds of decoding all frames that are shown; see the `work` of each walk.
MAX_WORK = 800_000

# Files that a process decodes at once, as long as both together stay below MAX_MEMORY.
DECODED_AT_ONCE = 2
