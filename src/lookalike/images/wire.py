"""How photos travel to a worker process and back: a request on a socket, everything large in shared memory.

A page at the start says how far the worker is; then come the files' bytes, then one slot a photo. What a worker wrote
is read as data and checked, never unpickled: a decoder that was taken over by a photo must not take the program over.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from mmap import mmap
from typing import Any

import numpy as np

from lookalike.errors import Rejected
from lookalike.images.sniff import ACCEPTED
from lookalike.options import Fit, ImageLimits
from lookalike.records import COLOR_BINS, OUTLINE_CELLS, Photo

HEAD = 4096
"""Bytes before the first file."""
NONE = -1
"""The photo that is being decoded before the first one."""
_FACTS = 8192
_COLOR, _OUTLINE = 4 * COLOR_BINS, 4 * OUTLINE_CELLS
_ROUNDING = 1e-3
_PROGRESS = struct.Struct("<qq")
_LENGTH = struct.Struct("<I")
_CODE = re.compile(r"E_[A-Z_]{1,40}\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """What a worker is asked: `files` are offset and length of each photo's bytes, `slots` where its answer goes.

    `loops` says that the compiled loops of `resample`, which are in Numba's cache, should be loaded.
    """

    fit: Fit
    limits: ImageLimits
    side: int
    files: Sequence[tuple[int, int]]
    slots: Sequence[int]
    size: int
    loops: bool = False

    def encoded(self) -> bytes:
        """The bytes of the request, its length first."""
        told = {
            "fit": asdict(self.fit),
            "limits": asdict(self.limits),
            "side": self.side,
            "files": self.files,
            "slots": self.slots,
            "size": self.size,
            "loops": self.loops,
        }
        data = json.dumps(told).encode()
        return _LENGTH.pack(len(data)) + data

    @classmethod
    def decoded(cls, data: bytes) -> Request:
        """The inverse of `encoded`, without the length."""
        told = json.loads(data)
        return cls(
            fit=Fit(**told["fit"]),
            limits=ImageLimits(**told["limits"]),
            side=told["side"],
            files=[(start, length) for start, length in told["files"]],
            slots=told["slots"],
            size=told["size"],
            loops=told["loops"],
        )


LENGTH_BYTES = _LENGTH.size


def length_of(head: bytes) -> int:
    """How long a request is, from its first bytes."""
    (length,) = _LENGTH.unpack(head)
    return int(length)


def laid_out(lengths: Sequence[int], fit: Fit, limits: ImageLimits, side: int, *, loops: bool = False) -> Request:
    """A request for photos of `lengths` bytes, with a place in the shared memory for everything."""
    files, slots, place = [], [], HEAD
    for length in lengths:
        files.append((place, length))
        place += length
    for _ in lengths:
        place = -(-place // 64) * 64
        slots.append(place)
        place += _FACTS + _pixel_bytes(fit) + _COLOR + _OUTLINE + thumbnail_room(side)
    return Request(fit, limits, side, files, slots, place, loops)


def thumbnail_room(side: int) -> int:
    """Bytes that a thumbnail may have: more than any JPEG of that many pixels."""
    return 3 * side * side + 65_536


def put_progress(memory: mmap, at: int, done: int) -> None:
    """Say which photo is being decoded (`NONE`: none yet), and how many are done."""
    _PROGRESS.pack_into(memory, 0, at, done)


def progress(memory: mmap) -> tuple[int, int]:
    """What `put_progress` said."""
    at, done = _PROGRESS.unpack_from(memory, 0)
    return at, done


def put_photo(memory: mmap, slot: int, fit: Fit, photo: Photo) -> None:
    """Write a photo into its slot."""
    facts = [photo.format, photo.width, photo.height, photo.frames, photo.degraded, len(photo.thumbnail)]
    _put_facts(memory, slot, {"photo": [*facts, [note[:200] for note in photo.notes[:4]]]})
    place = slot + _FACTS
    size = _pixel_bytes(fit)
    np.frombuffer(memory, np.uint8, size, place)[:] = photo.pixels.reshape(-1)
    np.frombuffer(memory, np.float32, COLOR_BINS, place + size)[:] = photo.color
    np.frombuffer(memory, np.float32, OUTLINE_CELLS, place + size + _COLOR)[:] = photo.outline
    start = place + size + _COLOR + _OUTLINE
    memory[start : start + len(photo.thumbnail)] = photo.thumbnail


def put_rejected(memory: mmap, slot: int, reason: Rejected) -> None:
    """Write a refusal into its slot."""
    _put_facts(memory, slot, {"rejected": [reason.code, reason.detail[:500], reason.stage]})


def taken(memory: mmap, slot: int, request: Request) -> Photo | Rejected:
    """What a worker wrote, copied out of the shared memory; raises `ValueError` for anything that it may not be."""
    (length,) = _LENGTH.unpack_from(memory, slot)
    if length > _FACTS - _LENGTH.size:
        raise ValueError("the facts of a photo are too long")
    start = slot + _LENGTH.size
    try:
        told: Any = json.loads(memory[start : start + length])
        json.dumps(told, ensure_ascii=False).encode()  # half of a character could not be stored
    except RecursionError as exc:
        raise ValueError("facts of a photo within facts") from exc
    if "rejected" in told:
        code, detail, stage = told["rejected"]
        if not (_CODE.match(code) and stage == "decode" and isinstance(detail, str)):
            raise ValueError("a refusal without a code")
        return Rejected(code, detail[:500], stage=stage)
    format, width, height, frames, degraded, size, notes = told["photo"]
    numbers = [width, height, frames, size]
    if format not in ACCEPTED or not all(type(n) is int and 0 <= n < 2**31 for n in numbers):
        raise ValueError("facts of a photo that cannot be")
    if size > thumbnail_room(request.side) or not all(isinstance(note, str) for note in notes):
        raise ValueError("a thumbnail or a note that cannot be")
    if width * height > request.limits.pixels:
        raise ValueError("a photo of more pixels than are allowed")
    fit, place = request.fit, slot + _FACTS
    pixels = np.frombuffer(memory, np.uint8, _pixel_bytes(fit), place).copy()
    place += len(pixels)
    end = place + _COLOR + _OUTLINE
    color = np.frombuffer(memory, np.float32, COLOR_BINS, place).copy()
    outline = np.frombuffer(memory, np.float32, OUTLINE_CELLS, place + _COLOR).copy()
    thumbnail = memory[end : end + size]
    if not (np.isfinite(color).all() and abs(float(np.square(color, dtype=np.float64).sum()) - 1) < _ROUNDING):
        raise ValueError("a color vector that is none")
    if not np.isfinite(outline).all():
        raise ValueError("an outline that is none")
    if not (thumbnail.startswith(b"\xff\xd8\xff") and thumbnail.endswith(b"\xff\xd9")):
        raise ValueError("a thumbnail that is no JPEG")
    return Photo(
        pixels=pixels.reshape(fit.size, fit.size, 3),
        thumbnail=thumbnail,
        color=color,
        outline=outline,
        format=format,
        width=width,
        height=height,
        frames=frames,
        degraded=bool(degraded),
        notes=tuple(notes),
    )


def _put_facts(memory: mmap, slot: int, told: dict[str, Any]) -> None:
    data = json.dumps(told).encode()
    _LENGTH.pack_into(memory, slot, len(data))
    memory[slot + _LENGTH.size : slot + _LENGTH.size + len(data)] = data


def _pixel_bytes(fit: Fit) -> int:
    return 3 * fit.size * fit.size
