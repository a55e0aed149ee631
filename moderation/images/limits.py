"""The limits for pictures, each with its unit and its reason.

All of them are checked by parsing the structure of a file, before anything is decoded. No file,
accepted or rejected, takes more than 200 MB of memory or about a second of CPU time.
"""

from __future__ import annotations

MB = 1_000_000

# Bytes of a file. A phone's picture has 2 to 12 MB.
MAX_BYTES = 20 * 1024 * 1024

# Pixels of the longer side. Decoders keep a pointer to each row, so a picture of 1 x 50 million
# pixels takes 1.2 GB. Panoramas and long screenshots stay below the limit.
MAX_SIDE = 32_768

# Pixels of the canvas and of each frame, by format. A JPEG is decoded at an eighth of its size, so
# a 64-megapixel camera is accepted; above 89 megapixels Pillow itself warns. WebP is decoded at
# full size, with 12 to 16 bytes per pixel, so a picture of 12 megapixels is accepted.
MAX_PIXELS = {"JPEG": 80 * MB, "PNG": 50 * MB, "GIF": 50 * MB, "WEBP": 13 * MB}

# Pixels of all frames of an animation together: 2,000 frames of 500 x 500.
MAX_PIXELS_ANIMATED = 500 * MB

# Frames of an animation: about a minute at 30 frames per second.
MAX_FRAMES = 2_000

# Scans of a JPEG. Cameras write 1, progressive encoders 3 to 14.
MAX_SCANS = 100

# Blocks of 8 x 8 pixels that all scans of a JPEG cover together: a progressive JPEG of 50
# megapixels with 10 scans has 8 million, at some 20 million a second.
MAX_BLOCKS_VISITED = 12 * MB

# Markers of a JPEG. An embedded depth map of 10 MB is split into 160.
MAX_SEGMENTS = 1_000

# Chunks of a PNG or WebP. Encoders write 8 kB per chunk, so the largest file has 2,500.
MAX_CHUNKS = 20_000

# Blocks of a GIF, of at most 255 bytes each, so the largest file needs 82,000.
MAX_BLOCKS = 200_000

# Bytes of metadata. Only the orientation and the colour profile are read; a phone's depth maps have
# up to 10 MB.
MAX_METADATA_BYTES = 16 * MB

# Bytes of a colour profile, unpacked. Profiles for printing have up to 3 MB.
MAX_PROFILE_BYTES = 4 * MB

# Bytes that decoding a file takes, including copies of the file. A Django process itself takes 75
# to 100 MB, so it stays below 300.
MAX_MEMORY = 195 * MB

# Estimated microseconds for a thumbnail: decoding all frames that are shown, and encoding them.
MAX_WORK = 800_000

# The same for a larger view. A picture that would take more is shown smaller. The estimate can be
# a fifth too low, and a view should take at most a second.
MAX_WORK_OF_VIEW = 800_000

# Files that a process decodes at the same time, if together they take at most MAX_MEMORY.
MAX_CONCURRENT = 2
