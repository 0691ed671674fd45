"""From a file's bytes to a `Photo`, or a `Rejected` that says why not. Pillow's errors are translated here.

A format is told by content and decoded by its own reader, so that Pillow's process-wide switches do not decide:
`LOAD_TRUNCATED_IMAGES` never, `MAX_IMAGE_PIXELS` only if it is set far below its default. What would cost too much
is refused from the header. All of it may run in many threads at once; decoding, resizing and encoding release the
interpreter lock.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from typing import Any

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from lookalike.errors import Rejected
from lookalike.images import structure
from lookalike.images.color import to_rgb
from lookalike.images.fit import fitted_array, fitted_size
from lookalike.images.histogram import color_histogram, see
from lookalike.images.outline import outline
from lookalike.images.quiet import quiet, silence_libtiff
from lookalike.images.resample import Resizer
from lookalike.images.sniff import ACCEPTED, foreign, sniff
from lookalike.images.thumbnail import encode_thumbnail, thumbnail_size
from lookalike.options import Fit, ImageLimits
from lookalike.records import Photo

THUMBNAIL_SIDE = 224

_READERS: dict[str, Callable[[Any], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_EXIF_HOLDERS = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
_REDUCIBLE = ("RGB", "L", "CMYK", "YCbCr")
_SCANNED_PIXELS_A_SECOND = 1_000_000_000
_MAX_DETAIL = 500


def content_hash(data: bytes) -> str:
    """The SHA-256 of a file's bytes, 64 hexadecimal digits: equal for equal files, whatever their names."""
    return hashlib.sha256(data).hexdigest()


def load(data: bytes, fit: Fit, limits: ImageLimits, *, thumbnail_side: int = THUMBNAIL_SIDE) -> Photo:
    """Decode one photo.

    `data` is a whole JPEG, PNG, WebP, GIF, BMP or TIFF file, recognized by content and never by name. The first
    frame is turned as its EXIF says, laid on white where it is transparent, and converted to sRGB; `fit` then
    makes `pixels`, (size, size, 3) uint8. `thumbnail` is a JPEG of at most `thumbnail_side` pixels a side.
    Photos much larger than needed are decoded at a reduced scale that stays at least twice of what is needed
    (not for `nearest`). `notes` says what was ignored.

    Raises `Rejected` (stage `decode`) with code E_EMPTY, E_NOT_IMAGE (text, HTML, unknown bytes), E_FORMAT (a
    format that is not accepted), E_TOO_LARGE (`limits.bytes`, `limits.pixels`), E_TOO_SMALL (`limits.min_side`),
    E_TIMEOUT (`limits.scans`, `limits.seconds` of this thread's processor time, or a file made of too many
    parts), E_TRUNCATED, or E_DECODE for everything else that a decoder refuses; nothing else is raised for
    bad bytes. The time is checked whenever a decoder asks for more bytes: one that hangs inside a block of 64 KB
    cannot be interrupted from a thread, so what is known to do that is refused from the file's structure.
    """
    if not data:
        raise _rejected("E_EMPTY", "the file has 0 bytes")
    if len(data) > limits.bytes:
        raise _rejected("E_TOO_LARGE", f"the file has {len(data):,} bytes, allowed are {limits.bytes:,}")
    name = sniff(data)
    if name is None:
        other = foreign(data)
        accepted = ", ".join(ACCEPTED)
        if other is not None:
            raise _rejected("E_FORMAT", f"{other} is not accepted: convert it to one of {accepted}")
        raise _rejected("E_NOT_IMAGE", f"the content is no image: accepted are {accepted}")
    try:
        with quiet():
            return _load(name, data, fit, limits, thumbnail_side)
    except Rejected:
        raise
    except structure.TooComplex as exc:
        raise _rejected("E_TIMEOUT", str(exc)) from exc
    except Exception as exc:
        raise _translated(name, data, exc) from exc


def _load(name: str, data: bytes, fit: Fit, limits: ImageLimits, thumbnail_side: int) -> Photo:
    clock = _Clock(limits.seconds)
    frames = _check_structure(name, data, limits)
    image, (width, height), degraded = _decode(name, data, fit, limits, thumbnail_side, clock)
    clock.check()
    if name in ("PNG", "WEBP"):
        frames = int(getattr(image, "n_frames", 1) or 1)
    elif name == "JPEG" and "mp" in image.info:
        frames = structure.mpo_frames(image.info["mp"])
    profile = image.info.get("icc_profile")
    bits = _bits(image)
    turned: Image.Image = image
    # Pillow turns TIFF itself.
    turn = _TURNS.get(1 if name == "TIFF" else _orientation(image))
    if turn is not None:
        turned = image.transpose(turn)
        if turn >= Image.Transpose.ROTATE_90 and turn != Image.Transpose.ROTATE_180:
            width, height = height, width
    elif name == "TIFF":
        width, height = image.size
    if turned.mode in _REDUCIBLE and "transparency" not in turned.info and fit.resize != "nearest":
        factor = _surplus(turned.width, turned.height, fit, thumbnail_side)
        if factor > 1:
            turned = turned.reduce(factor)
    rgb, note = to_rgb(turned, profile, bits=bits)
    clock.check()
    resize = Resizer(rgb)
    pixels = fitted_array(rgb, fit, resize)
    thumbnail = encode_thumbnail(rgb, thumbnail_side, resize)
    seen = see(pixels)
    return Photo(
        pixels=pixels,
        thumbnail=thumbnail,
        color=color_histogram(pixels, seen),
        outline=outline(pixels, seen),
        format=name,
        width=width,
        height=height,
        frames=frames,
        degraded=degraded,
        notes=() if note is None else (note,),
    )


def _check_structure(name: str, data: bytes, limits: ImageLimits) -> int:
    """Refuse from the file's skeleton what is too much to decode; the number of frames where it is known."""
    if name == "JPEG":
        scans = structure.jpeg_scans(data, limits.scans)
        if scans > limits.scans:
            raise _rejected("E_TIMEOUT", f"more than {limits.scans} scans in the JPEG file")
    elif name == "PNG":
        structure.png_parts(data)
    elif name == "GIF":
        return max(1, structure.gif_frames(data)[0])
    elif name == "TIFF":
        silence_libtiff()
        return structure.tiff_frames(data)[0]
    elif name == "WEBP":
        # Its reader allocates the canvas when it opens the file.
        size = structure.webp_size(data)
        if size is not None:
            _check_size(*size, limits)
    return 1


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    pixels = width * height
    if pixels > limits.pixels:
        raise _rejected(
            "E_TOO_LARGE",
            f"{width} x {height} is {pixels / 1e6:,.1f} megapixels, allowed are {limits.pixels / 1e6:g}",
        )
    if min(width, height) < limits.min_side:
        raise _rejected("E_TOO_SMALL", f"{width} x {height} pixels, allowed is {limits.min_side} a side or more")


def _decode(
    name: str, data: bytes, fit: Fit, limits: ImageLimits, side: int, clock: _Clock
) -> tuple[ImageFile.ImageFile, tuple[int, int], bool]:
    """The decoded first frame, the size that the file states, and whether part of it was missing."""
    image, size = _open(name, data, fit, limits, side, clock)
    try:
        image.load()
    except Rejected:
        raise
    except Exception:
        if not limits.allow_truncated or not structure.is_cut(name, data):
            raise
        if name == "JPEG":
            # With an end the decoder finishes what it has; a progressive file would stay black otherwise.
            image, size = _open(name, data + b"\xff\xd9", fit, limits, side, clock)
        else:
            image.tile = []
        image.load()
        return image, size, True
    # Where another part of the program allows truncated files, Pillow says nothing.
    if ImageFile.LOAD_TRUNCATED_IMAGES and structure.is_cut(name, data):
        if not limits.allow_truncated:
            raise _rejected("E_TRUNCATED", f"the {name} file ends before its picture does")
        return image, size, True
    return image, size, False


def _open(
    name: str, data: bytes, fit: Fit, limits: ImageLimits, side: int, clock: _Clock
) -> tuple[ImageFile.ImageFile, tuple[int, int]]:
    """An opened image, its size checked, nothing decoded yet."""
    image = _READERS[name](_ClockedFile(data, clock))
    width, height = image.size
    _check_size(width, height, limits)
    if name == "TIFF":
        _check_tiff(image, data, limits)
    elif name == "JPEG":
        _check_scan_work(data, width * height, limits)
        if fit.resize != "nearest":
            factor = _surplus(width, height, fit, side)
            if factor > 1:
                image.draft(None, (width // factor, height // factor))
    return image, (width, height)


def _check_scan_work(data: bytes, pixels: int, limits: ImageLimits) -> None:
    """Every scan touches every pixel: bound the product, as one block of data may hold them all."""
    most = limits.seconds * _SCANNED_PIXELS_A_SECOND
    if pixels * min(data.count(b"\xff\xda"), limits.scans) > most and (
        pixels * structure.jpeg_scans(data, limits.scans) > most
    ):
        raise _rejected("E_TIMEOUT", f"its scans of {pixels:,} pixels need more than {limits.seconds:g} s")


def _check_tiff(image: ImageFile.ImageFile, data: bytes, limits: ImageLimits) -> None:
    """Refuse tiles larger than the pixel limit and scan bombs inside JPEG-compressed strips."""
    tags = getattr(image, "tag_v2", {})
    tile = [tags.get(tag, 0) for tag in (322, 323)]
    if all(isinstance(side, int) for side in tile) and tile[0] * tile[1] > limits.pixels:
        raise _rejected("E_TOO_LARGE", f"its tiles have {tile[0]} x {tile[1]} pixels, more than are allowed")
    if tags.get(259) in (6, 7):
        offsets = tags.get(324) or tags.get(273) or ()
        strips = len(offsets) if isinstance(offsets, tuple) else 1
        if data.count(b"\xff\xda") > limits.scans + 4 * strips:
            raise _rejected("E_TIMEOUT", f"more than {limits.scans} scans in the TIFF file")


def _surplus(width: int, height: int, fit: Fit, side: int) -> int:
    """By what whole number both sides can shrink and stay twice what the model and the thumbnail need."""
    wide, high = fitted_size(width, height, fit)
    thumb_wide, thumb_high = thumbnail_size(width, height, side)
    return max(1, min(width // (2 * max(wide, thumb_wide)), height // (2 * max(high, thumb_high))))


def _orientation(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    if not any(holder in image.info for holder in _EXIF_HOLDERS):
        return 1
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) else 1


def _bits(image: ImageFile.ImageFile) -> int:
    """Bits of one sample of a deep grayscale image."""
    stated = getattr(image, "tag_v2", {}).get(258, (16,))
    return int(stated[0]) if isinstance(stated, tuple) and stated else 16


def _rejected(code: str, detail: str) -> Rejected:
    return Rejected(code, detail[:_MAX_DETAIL], stage="decode")


def _translated(name: str, data: bytes, exc: Exception) -> Rejected:
    """What a decoder's exception means."""
    reason = " ".join(str(exc).split()) or type(exc).__name__
    if isinstance(exc, MemoryError):
        return _rejected("E_DECODE", f"not enough memory to decode this {name} file")
    try:
        cut = "truncated" in reason.lower() or structure.is_cut(name, data)
    except structure.TooComplex:
        cut = False
    if cut:
        return _rejected("E_TRUNCATED", f"the {name} file ends before its picture does: {reason}")
    return _rejected("E_DECODE", f"the {name} file cannot be decoded: {reason}")


class _Clock:
    """Processor time of this thread since the start: a busy machine must not turn good photos into failures."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.thread_time() + seconds

    def check(self) -> None:
        if time.thread_time() > self._end:
            raise _rejected("E_TIMEOUT", f"decoding took more than {self.seconds:g} s")


class _ClockedFile(io.BytesIO):
    """A file in memory that stops being read when time is up."""

    def __init__(self, data: bytes, clock: _Clock) -> None:
        super().__init__(data)
        self._clock = clock
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        # A decoder written in C asks for blocks, one written in Python for single bytes.
        self._reads += 1
        if size is None or size < 0 or size > 8192 or not self._reads % 1024:
            self._clock.check()
        return super().read(size)
