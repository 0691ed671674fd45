"""From a photo of any shape to a model's square input."""

from __future__ import annotations

import numpy as np
from PIL import Image

from lookalike.images.resample import Resizer
from lookalike.options import Fit
from lookalike.records import Bytes

WHITE = (255, 255, 255)


def fitted_size(width: int, height: int, fit: Fit) -> tuple[int, int]:
    """Width and height in pixels of the whole photo once it is fitted, before `crop` cuts its sides.

    Never below 1, however thin the photo.

    >>> fitted_size(480, 360, Fit(size=224, resize="pad")), fitted_size(480, 360, Fit(size=224, resize="crop"))
    ((224, 168), (299, 224))
    """
    if fit.resize in ("stretch", "nearest"):
        return fit.size, fit.size
    side = max(width, height) if fit.resize == "pad" else min(width, height)
    return max(1, round(width * fit.size / side)), max(1, round(height * fit.size / side))


def fit_image(image: Image.Image, fit: Fit, resize: Resizer | None = None) -> Image.Image:
    """Bring an RGB image to `fit.size` squared. Bicubic with antialiasing, but for `nearest`.

    `crop` takes the middle square; `pad` centers the photo on white; `nearest` picks one pixel for each, with
    no smoothing. An image that has the right size already is returned as it is.
    `resize` is that of the image, where other sizes are made of it too.
    """
    resize = resize or Resizer(image)
    width, height = image.size
    target = (fit.size, fit.size)
    if (width, height) == target:
        return image
    if fit.resize == "nearest":
        return image.resize(target, Image.Resampling.NEAREST)
    if fit.resize == "crop":
        # Resized out of a box: the short side decides, so a 20000 x 1 photo never becomes 4480000 x 224.
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        return resize(target, box)
    if fit.resize == "pad":
        inner = fitted_size(width, height, fit)
        if inner != image.size:
            image = resize(inner)
        canvas = Image.new("RGB", target, WHITE)
        canvas.paste(image, ((fit.size - inner[0]) // 2, (fit.size - inner[1]) // 2))
        return canvas
    return resize(target)


def fitted_array(image: Image.Image, fit: Fit, resize: Resizer) -> Bytes:
    """The pixels of `fit_image`, (size, size, 3) uint8; `resize` is that of the image."""
    target = (fit.size, fit.size)
    if fit.resize == "stretch" and image.size != target and (made := resize.array(target)) is not None:
        return made  # with no picture in between
    return to_array(fit_image(image, fit, resize))


def is_resized(width: int, height: int, fit: Fit, side: int) -> bool:
    """Whether a photo of this size is resized with smoothing: for the model, or for a thumbnail of `side`."""
    for_model = (width, height) != (fit.size, fit.size) and fit.resize != "nearest"
    return for_model or max(width, height) > side


def to_array(image: Image.Image) -> Bytes:
    """The pixels of an RGB image, (height, width, 3) uint8."""
    return np.frombuffer(image.tobytes(), dtype=np.uint8).reshape(image.height, image.width, 3)
