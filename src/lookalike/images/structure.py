"""A file's skeleton, walked without decoding a pixel: scans, segments, chunks, frames, where it breaks off.

Each walk is bounded, whatever the file says: what costs a decoder too much is refused before it starts.
"""

from __future__ import annotations

import re
import struct

MAX_PARTS = 20_000
"""Segments or chunks that one file may have; more only serve to keep a parser busy."""

MAX_FRAMES = 10_000
"""Where counting frames ends."""

MAX_JUNK = 65_536
"""Bytes between the segments of a JPEG header that a decoder would step over one by one."""

# In entropy-coded data a marker is 0xFF and a byte that is neither 0 (an escaped 0xFF), a restart nor a fill.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_EOI = b"\xff\xd9"
_SOS = b"\xff\xda"


class TooComplex(Exception):
    """The file has more parts than any decoder should be asked to read."""


def jpeg_scans(data: bytes, limit: int) -> int:
    """How many scans a JPEG has, counted up to `limit` + 1.

    Raises `TooComplex` above `MAX_PARTS` segments or `MAX_JUNK` stray bytes.
    """
    # Segments may hold these bytes by chance, but scans cannot hide: the plain count is right or too high.
    few = data.count(_SOS)
    if few <= limit and _head_is_plain(data):
        return few
    scans = parts = junk = 0
    position, size = 2, len(data)
    while position + 2 <= size and scans <= limit:
        start = data.find(b"\xff", position)
        junk += (size if start < 0 else start) - position
        if junk > MAX_JUNK or parts > MAX_PARTS:
            raise TooComplex(f"more than {MAX_PARTS} segments or {MAX_JUNK} stray bytes in the JPEG header")
        if start < 0 or start + 2 > size:
            break
        marker = data[start + 1]
        if marker == 0xFF:
            position = start + 1
            junk += 1
            continue
        position = start + 2
        parts += 1
        if marker == 0xD9:
            break
        if marker == 0 or marker in _STANDALONE or position + 2 > size:
            continue
        position += struct.unpack_from(">H", data, position)[0]
        if marker == 0xDA:
            scans += 1
            found = _MARKER.search(data, position)
            if found is None:
                break
            position = found.start()
    return scans


def _head_is_plain(data: bytes) -> bool:
    """Whether segments follow one another without a gap, up to the first scan."""
    position, size = 2, len(data)
    for _ in range(200):
        if position + 4 > size or data[position] != 0xFF:
            return False
        if data[position + 1] == 0xDA:
            return True
        if data[position + 1] in _STANDALONE or data[position + 1] in (0, 0xFF):
            return False
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    return False


def jpeg_cut(data: bytes) -> bool:
    """Whether a JPEG has no end after its last scan."""
    return data.rfind(_EOI) <= data.rfind(_SOS)


def mpo_frames(info: bytes) -> int:
    """How many pictures a multi-picture JPEG says it has, from its `MPF` segment; 1 if that is broken."""
    try:
        order = "<" if info[:2] == b"II" else ">"
        (offset,) = struct.unpack_from(order + "I", info, 4)
        (entries,) = struct.unpack_from(order + "H", info, offset)
        for index in range(min(entries, 32)):
            tag, kind, count, value = struct.unpack_from(order + "HHII", info, offset + 2 + 12 * index)
            if (tag, kind, count) == (0xB001, 4, 1):
                return max(1, min(int(value), MAX_FRAMES))
    except struct.error:
        pass
    return 1


def png_parts(data: bytes) -> bool:
    """Walk a PNG's chunks: True when it reaches its end chunk. Raises `TooComplex` above `MAX_PARTS` chunks."""
    position, size = 8, len(data)
    for _ in range(MAX_PARTS):
        if position + 12 > size:
            return False
        (length,) = struct.unpack_from(">I", data, position)
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + length
    raise TooComplex(f"more than {MAX_PARTS} chunks in the PNG file")


def gif_frames(data: bytes) -> tuple[int, bool]:
    """How many frames a GIF has (at most `MAX_FRAMES`) and whether it ends as it should.

    Raises `TooComplex` when the blocks before the first frame are more than `MAX_PARTS`.
    """
    size = len(data)
    if size < 13:
        return 0, False
    position = 13 + _palette(data[10])
    frames = 0
    for _ in range(MAX_PARTS):
        if position >= size:
            return frames, False
        kind = data[position]
        if kind == 0x3B or frames >= MAX_FRAMES:
            return frames, True
        if kind == 0x2C:
            if position + 10 > size:
                return frames, False
            frames += 1
            position += 11 + _palette(data[position + 9])
        elif kind == 0x21:
            position += 2
        else:
            position += 1
            continue
        blocks = 0
        while position < size and data[position]:
            position += 1 + data[position]
            blocks += 1
            if blocks > MAX_PARTS and not frames:
                raise TooComplex(f"more than {MAX_PARTS} blocks before the first GIF frame")
        position += 1
    if not frames:
        raise TooComplex(f"more than {MAX_PARTS} blocks before the first GIF frame")
    return frames, True


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP's canvas from its header, or None where the header is broken."""
    kind = data[12:16]
    if len(data) < 30:
        return None
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def tiff_frames(data: bytes) -> tuple[int, bool]:
    """How many pages a TIFF has (at most `MAX_FRAMES`) and whether all of their directories are in the file."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    pointer, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    width = struct.calcsize(order + count)
    frames = 0
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(order + pointer, data, 8 if big else 4)
        while offset and offset not in seen and frames < MAX_FRAMES:
            seen.add(offset)
            (entries,) = struct.unpack_from(order + count, data, offset)
            (offset,) = struct.unpack_from(order + pointer, data, offset + width + entries * entry)
            frames += 1
    except (struct.error, OverflowError):
        return max(1, frames), False
    return max(1, frames), True


def is_cut(name: str, data: bytes) -> bool:
    """Whether a file of format `name` ends before its content does. Meant for files that failed to decode."""
    if name == "JPEG":
        return jpeg_cut(data)
    if name == "PNG":
        return not png_parts(data)
    if name == "GIF":
        return not gif_frames(data)[1]
    if name == "WEBP":
        return len(data) < 12 or int.from_bytes(data[4:8], "little") + 8 > len(data)
    if name == "BMP":
        return int.from_bytes(data[2:6], "little") > len(data)
    return not tiff_frames(data)[1]
