"""From every color mode that a file may have to plain sRGB, 8 bits a channel."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from PIL import Image

_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
_MAX_PROFILE = 4 << 20
_KEPT = 8
_local = threading.local()


def to_rgb(image: Image.Image, profile: bytes | None = None, *, bits: int = 16) -> tuple[Image.Image, str | None]:
    """An RGB image in sRGB, and a note on what was ignored (None if nothing).

    Transparency is laid on white, so that colors hidden under it stay hidden. Deep grays keep their upper 8
    of `bits` bits. Floating-point samples count as 0..1, else 0..255, else 0..65535, whichever holds them all.
    `profile` is the embedded ICC profile: wide gamuts and CMYK are converted by it, a broken one is ignored.
    """
    image = _flatten(_to_8_bits(image, bits))
    if image.mode == "LAB":
        return _from_lab(image), None
    if image.mode not in _SPACES:
        image = image.convert("RGB")
    note = None
    if profile:
        converted, note = _apply_profile(image, profile)
        if converted is not None:
            return converted, None
    return (image if image.mode == "RGB" else image.convert("RGB")), note


def _to_8_bits(image: Image.Image, bits: int) -> Image.Image:
    mode = image.mode
    if mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if mode == "I":
        # Pillow holds 16- and 32-bit integers in signed 32 bits; clipping keeps signed data in range.
        values = np.asarray(image)
        if bits > 16:
            return Image.fromarray((values.view(np.uint32) >> (bits - 8)).astype(np.uint8))
        return Image.fromarray((values.clip(0, 65_535) >> 8).astype(np.uint8))
    if mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
        top = float(values.max(initial=0.0))
        scale = 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 255.0 / max(65_535.0, top)
        return Image.fromarray((values.clip(0.0) * scale + 0.5).clip(0, 255).astype(np.uint8))
    if mode == "1":
        return image.convert("RGBA" if "transparency" in image.info else "L")
    return image


def _flatten(image: Image.Image) -> Image.Image:
    """Palettes and transparency resolved, on white."""
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        canvas = Image.new("RGB", image.size, (255, 255, 255))
        canvas.paste(image.convert("RGB"), mask=alpha)
        return canvas
    return image.convert("RGB") if image.mode == "P" else image


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB").apply(image)


def _apply_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image | None, str | None]:
    """The converted image, or None and why the profile was ignored; (None, None) if it is sRGB already."""
    kept: OrderedDict[tuple[bytes, str], tuple[Any, str | None]] | None = getattr(_local, "transforms", None)
    if kept is None:
        # A transform each thread: building one takes longer than a photo, and sharing one is not promised safe.
        kept = _local.transforms = OrderedDict()
    key = (hashlib.sha256(profile).digest(), image.mode)
    if key in kept:
        kept.move_to_end(key)
    else:
        kept[key] = _build(profile, image.mode)
        if len(kept) > _KEPT:
            kept.popitem(last=False)
    transform, note = kept[key]
    if transform is None:
        return None, note
    return transform.apply(image), None


def _build(profile: bytes, mode: str) -> tuple[Any, str | None]:
    from PIL import ImageCms

    if len(profile) > _MAX_PROFILE:
        return None, f"color profile ignored: {len(profile)} bytes, allowed are {_MAX_PROFILE}"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space
        if space != _SPACES[mode]:
            return None, f"color profile ignored: it is for {space.strip()}, the photo is {mode}"
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode == "RGB":
            steps = np.linspace(0, 255, 9).astype(np.uint8)
            probe = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
            shifted = np.asarray(transform.apply(Image.fromarray(probe))).astype(np.int16)
            if np.abs(shifted - probe).max() <= 2:
                return None, None
    except Exception as exc:
        return None, f"color profile ignored: {' '.join(str(exc).split())[:200] or type(exc).__name__}"
    return transform, None
