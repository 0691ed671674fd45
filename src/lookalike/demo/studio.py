"""The studio: turns a sketch into a photo.

Every part leaves color, surface tilt and gloss in per-pixel buffers; one pass of light at the end shades them:
a key light from the top left, a white tent all around, a softbox mirrored in what is glossy, and the white
table's bounce from below. Colors are squared while they are mixed, a close stand-in for linear light.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from lookalike.demo.materials import MATERIALS, TILE, Field, texture
from lookalike.demo.parts import Line, Part, Sketch
from lookalike.demo.prints import weights
from lookalike.demo.shapes import Points

WIDTH, HEIGHT = 480, 360
_FINE = 4
_VOLUMES = {  # blur radii in pixels, and how much each tilts the rim; the first number: pixels a grid cell
    "body": (4, ((3.5, 0.18), (11.0, 0.45), (36.0, 1.20))),
    "wall": (2, ((2.0, 0.45), (5.0, 0.35))),
    "tube": (2, ((2.0, 0.50), (5.0, 0.60), (10.0, 0.25))),
    "sheet": (2, ((1.6, 0.35),)),
}


@lru_cache(maxsize=256)
def _tilt_kernel(volume: str, rows: int, cols: int) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.complex64]]:
    """Transfer functions (rows, cols // 2 + 1) that turn a coarse mask into its tilt to the right and upward.

    The tilt is the slope of the mask blurred at several radii: steep at the rim, fading inward.
    """
    cell, blurs = _VOLUMES[volume]
    fy = np.fft.fftfreq(rows)[:, None]
    fx = np.fft.rfftfreq(cols)[None, :]
    gain = np.zeros((rows, cols // 2 + 1))
    for sigma, weight in blurs:
        s = sigma / cell
        gain += weight * s * np.sqrt(2 * np.pi) * np.exp(-2 * (np.pi * s) ** 2 * (fx**2 + fy**2))
    slope_x, slope_y = -2j * np.pi * fx * gain, 2j * np.pi * fy * gain
    return slope_x.astype(np.complex64), slope_y.astype(np.complex64)


class _Box:
    """A rectangle of the frame, in pixels."""

    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self.left, self.top = max(left, 0), max(top, 0)
        self.right, self.bottom = min(right, WIDTH), min(bottom, HEIGHT)

    @property
    def cut(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left


class Studio:
    """One photo in the making: `scale` pixels a unit, the shoe's origin at pixel (`left`, `ground`)."""

    def __init__(self, scale: float, left: float, ground: float, seed: int) -> None:
        self.scale, self.left, self.ground = scale, left, ground
        rng = np.random.default_rng([seed, 99])
        self._offset = rng.integers(0, TILE, 2)
        self.color = np.ones((HEIGHT, WIDTH, 3), dtype=np.float32)
        self.tilt_x = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
        self.tilt_y = np.zeros_like(self.tilt_x)
        self.base_x = np.zeros_like(self.tilt_x)
        self.base_y = np.zeros_like(self.tilt_x)
        self.surface = np.zeros((HEIGHT, WIDTH, 4), dtype=np.float32)  # gloss, sharp, sheen, fuzz
        self.open = np.ones_like(self.tilt_x)
        self.cover = np.zeros_like(self.tilt_x)

    # Masks

    def _pixels(self, points: Points) -> Points:
        return np.column_stack([self.left + points[:, 0] * self.scale, self.ground - points[:, 1] * self.scale])

    def _box(self, outlines: list[Points], margin: float) -> _Box:
        low = np.min([outline.min(axis=0) for outline in outlines], axis=0) - margin
        high = np.max([outline.max(axis=0) for outline in outlines], axis=0) + margin
        return _Box(int(np.floor(low[0])), int(np.floor(low[1])), int(np.ceil(high[0])) + 1, int(np.ceil(high[1])) + 1)

    def _mask(self, shapes: list[Points], box: _Box, width: float | None = None, blur: float = 0.0) -> Field:
        """Coverage (h, w), 0 to 1, of polygons, or of lines `width` pixels wide."""
        rows, cols = box.shape
        image = Image.new("L", (cols * _FINE, rows * _FINE), 0)
        draw = ImageDraw.Draw(image)
        for shape in shapes:
            fine = ((shape - (box.left, box.top)) * _FINE - 0.5).ravel().tolist()
            if width is None:
                draw.polygon(fine, fill=255)
            else:
                draw.line(fine, fill=255, width=max(1, round(width * _FINE)), joint="curve")
        image = image.reduce(_FINE)
        if blur > 0:
            image = image.filter(ImageFilter.GaussianBlur(blur))
        return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)

    @staticmethod
    def _soften(mask: Field, radius: float) -> Field:
        image = Image.fromarray((mask * 255 + 0.5).astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) * np.float32(1 / 255)

    @staticmethod
    def _swell(mask: Field, at: _Box, volume: str, puff: float, box: _Box) -> tuple[Field, Field]:
        """Tilt to the right and upward, cut to `box`, of a shape blown up from its mask (`at` its place)."""
        cell, blurs = _VOLUMES[volume]
        margin = 2 * cell + int(2.2 * blurs[-1][0])
        step = 16 * cell
        top, left = min(at.top, box.top) - margin, min(at.left, box.left) - margin
        high = -(-(max(at.bottom, box.bottom) + margin - top) // step) * step
        wide = -(-(max(at.right, box.right) + margin - left) // step) * step
        whole = np.zeros((high, wide), dtype=np.float32)
        whole[at.top - top : at.bottom - top, at.left - left : at.right - left] = mask
        lines = whole[::cell].copy()
        for i in range(1, cell):
            lines += whole[i::cell]
        small = lines[:, ::cell].copy()
        for i in range(1, cell):
            small += lines[:, i::cell]
        spectrum = np.fft.rfft2(small * np.float32(puff / cell**2))
        place = (box.left - left) / cell, (box.top - top) / cell
        rows, cols = box.shape
        window = (*place, place[0] + cols / cell, place[1] + rows / cell)
        right, up = (
            np.asarray(
                Image.fromarray(np.fft.irfft2(spectrum * kernel, s=small.shape).astype(np.float32)).resize(
                    (cols, rows), Image.Resampling.BICUBIC, box=window
                ),
                dtype=np.float32,
            )
            for kernel in _tilt_kernel(volume, *small.shape)
        )
        return right, up

    # Drawing

    def add(self, piece: Part | Line) -> None:
        """Draw one piece over what is there."""
        if isinstance(piece, Part):
            self._add_part(piece)
        elif piece.lines:
            self._add_line(piece)

    def _add_part(self, part: Part) -> None:
        outlines = [self._pixels(outline) for outline in part.outlines]
        box = self._box(outlines, 2 + 10 * (part.lift > 0))
        if min(box.shape) <= 0:
            return
        cut = box.cut
        alpha = self._mask(outlines, box)
        if part.clip is not None:
            alpha = alpha * self._mask([self._pixels(part.clip)], box)
        if part.lift:
            # The key light stands top left, so what lies on top throws its shadow right and down.
            thrown = np.roll(self._soften(alpha, 3.2), (3, 2), (0, 1))
            close = self._soften(alpha, 1.3)
            self.open[cut] *= 1 - part.lift * np.clip(0.55 * thrown + 0.45 * close, 0, 1)
        alpha *= np.float32(part.opacity)
        material = MATERIALS[part.material]
        if part.volume == "keep":
            base_x, base_y = self.base_x[cut], self.base_y[cut]
        else:
            mask, at = alpha, box
            if part.body is not None:
                body = [self._pixels(part.body)]
                at = self._box(body, 2)
                mask = self._mask(body, at)
            base_x, base_y = self._swell(mask, at, part.volume, part.puff, box)
        tilt_x, tilt_y = base_x, base_y
        if part.edge:
            rim = self._soften(alpha, 1.5)
            down, right = np.gradient(rim)
            tilt_x = tilt_x - part.edge * 2.5 * right
            tilt_y = tilt_y + part.edge * 2.5 * down
        color = self._dye(part, box, base_x, base_y)
        right_tile, up_tile, tint = self._tiles(material.texture, box)
        tilt_x = tilt_x + material.relief * right_tile
        tilt_y = tilt_y + material.relief * up_tile
        color = color * (1 + material.tint * tint)[..., None]
        if part.dark != (0.0, 0.0):
            rows = np.linspace(part.dark[0], part.dark[1], box.shape[0], dtype=np.float32)
            color = color * (1 - rows[:, None, None])
        cover = self.cover[cut]
        cover += alpha * (1 - cover)
        share = alpha / np.maximum(cover, 1e-4)
        self.color[cut] += (color - self.color[cut]) * share[..., None]
        for buffer, value in (
            (self.tilt_x, tilt_x),
            (self.tilt_y, tilt_y),
            (self.base_x, base_x),
            (self.base_y, base_y),
            (self.open, np.float32(1.0)),
        ):
            buffer[cut] += (value - buffer[cut]) * share
        finish = np.array([material.gloss, material.sharp, material.sheen, material.fuzz], dtype=np.float32)
        self.surface[cut] += (finish - self.surface[cut]) * share[..., None]

    def _add_line(self, line: Line) -> None:
        shapes = [self._pixels(points) for points in line.lines]
        width = max(line.width * self.scale, 0.75)
        box = self._box(shapes, 3 + width)
        if min(box.shape) <= 0:
            return
        cut = box.cut
        alpha = self._mask(shapes, box, width, line.soft * self.scale * line.width * 0.5)
        if line.clip is not None:
            alpha = alpha * self._mask([self._pixels(line.clip)], box)
        alpha *= self.cover[cut]
        if line.depth:
            down, right = np.gradient(self._soften(alpha, 0.8) if not line.soft else alpha)
            self.tilt_x[cut] -= line.depth * right
            self.tilt_y[cut] += line.depth * down
        if line.shade:
            self.open[cut] *= 1 - line.shade * alpha
        if line.rgb is not None:
            color = (np.asarray(line.rgb, dtype=np.float32) / 255) ** 2
            self.color[cut] += (color - self.color[cut]) * (alpha * line.opacity)[..., None]

    def _tiles(self, name: str, box: _Box) -> tuple[Field, Field, Field]:
        rows = (np.arange(box.top, box.bottom) + self._offset[0]) % TILE
        cols = (np.arange(box.left, box.right) + self._offset[1]) % TILE
        right, up, tint = (tile[rows[:, None], cols[None, :]] for tile in texture(name))
        return right, up, tint

    def _dye(self, part: Part, box: _Box, base_x: Field, base_y: Field) -> Field:
        field: Field = np.empty((*box.shape, 3), dtype=np.float32)
        field[...] = (np.asarray(part.rgb, dtype=np.float32) / 255) ** 2
        if part.print is None:
            return field
        rows, cols = np.indices(box.shape, dtype=np.float32)
        # Where the surface turns away, the pattern is foreshortened.
        x = (cols + box.left - self.left) / self.scale + 3.0 * base_x
        y = (self.ground - rows - box.top) / self.scale + 3.0 * base_y
        printed = part.print
        second, third = weights(printed.name, x, y, printed.size, printed.phase, 1 / self.scale)
        other = (np.asarray(printed.rgb, dtype=np.float32) / 255) ** 2
        field += (other - field) * second[..., None]
        return np.asarray(field * (1 - third[..., None] * 0.92), dtype=np.float32)

    # Light

    def expose(self, lighting: float) -> Image.Image:
        """Light everything and return the photo, 480 x 360 RGB. `lighting`, -1 to 1, turns the lamps a little."""
        photo = np.broadcast_to(self._ground(), (HEIGHT, WIDTH, 3)).copy()
        seen = self.cover > 0.002
        rows, cols = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        if len(rows):
            cut = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
            photo[cut] += (self._lit(cut, lighting) - photo[cut]) * self.cover[cut][..., None]
        return Image.fromarray((np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8))

    def _lit(self, cut: tuple[slice, slice], lighting: float) -> Field:
        """The shoe's own light, (h, w, 3), 0 to 1."""
        x, y, room = self.tilt_x[cut], self.tilt_y[cut], self.open[cut]
        nz = 1 / np.sqrt(1 + x * x + y * y)
        nx, ny = x * nz, y * nz
        key = _unit(-0.46 + 0.10 * lighting, 0.64, 0.62)
        lit = np.clip(nx * key[0] + ny * key[1] + nz * key[2], 0, None)
        tent = 0.30 + 0.12 * ny + 0.08 * nz + np.clip(0.10 * nx, 0, None)
        gloss, sharp, sheen, fuzz = (self.surface[(*cut, i)] for i in range(4))
        away = np.clip(1 - nz, 0, 1)
        light = tent * room + (0.84 + 0.05 * lighting) * lit * (0.35 + 0.65 * room)
        # Cloth glows where it turns away; anything else dims, which sets white leather off the background.
        light *= 1 + (2.2 * fuzz - 0.34) * away
        # Mirror direction of the camera's ray, against the softbox at the top left and a strip at the right.
        rx, ry, rz = 2 * nz * nx, 2 * nz * ny, 2 * nz * nz - 1
        box = _unit(-0.42 + 0.10 * lighting, 0.74, 0.52)
        toward = np.clip(rx * box[0] + ry * box[1] + rz * box[2], 0, 1)
        strip = _unit(0.72, 0.25, 0.64)
        aside = np.clip(rx * strip[0] + ry * strip[1] + rz * strip[2], 0, 1)
        edge = away * away
        mirror = gloss * (np.exp(sharp * (toward - 1)) + 0.22 * np.exp(sharp * 1.4 * (aside - 1)) + 0.7 * edge)
        mirror += sheen * (np.exp(4.0 * (toward - 1)) * 0.75 + 0.7 * edge)
        mirror *= 0.62 * room
        shoe = self.color[cut] * light[..., None] + mirror[..., None]
        shoe = np.where(shoe > 0.8, 0.8 + 0.2 * np.tanh((shoe - 0.8) / 0.2), shoe)
        return np.asarray(np.sqrt(np.clip(shoe, 0, 1)), dtype=np.float32)

    def _ground(self) -> Field:
        """The white sweep with the shoe's contact shadow, (HEIGHT, WIDTH, 1)."""
        solid = self.cover > 0.5
        lowest = HEIGHT - 1 - np.argmax(solid[::-1], axis=0).astype(np.float32)
        gap = np.where(solid.any(axis=0), np.clip(self.ground - 1 - lowest, 0, None), 300.0)
        top, bottom = max(int(self.ground) - 30, 0), min(int(self.ground) + 44, HEIGHT)
        rows = (np.arange(top, bottom, dtype=np.float32) - self.ground)[:, None]
        tight = np.exp(-gap / 2.2)[None, :] * np.where(rows < 1, np.exp(rows / 3.0), np.exp(-(rows - 1) / 2.0)) * 0.80
        wide = np.exp(-gap / 14.0)[None, :] * np.where(rows < 0, np.exp(rows / 5.0), np.exp(-rows / 8.0)) * 0.42
        light = np.ones((HEIGHT, WIDTH, 1), dtype=np.float32)
        shadow = 0.8 * self._soften(wide, 5.0) + 0.8 * self._soften(tight, 1.2)
        # The faintest end of the shadow is cut, so that the paper is white out to its edges.
        light[top:bottom, :, 0] -= np.clip(shadow - 0.025, 0, 0.9)
        return light


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    size = (x * x + y * y + z * z) ** 0.5
    return x / size, y / size, z / size


def photograph(
    sketch: Sketch, seed: int, *, fill: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> tuple[Image.Image, Field]:
    """A photo of the sketch, 480 x 360 RGB on white, and its silhouette, (360, 480) float32 from 0 to 1.

    The shoe is fitted into the frame at `fill` of the usual size and moved by `shift` pixels; `seed` moves the
    textures.
    """
    outlines = [outline for piece in sketch.pieces if isinstance(piece, Part) for outline in piece.outlines]
    low = np.min([outline.min(axis=0) for outline in outlines], axis=0)
    high = np.max([outline.max(axis=0) for outline in outlines], axis=0)
    span = np.maximum(high - low, 1.0)
    scale = float(min(412 / span[0], 304 / span[1])) * fill
    left = (WIDTH - span[0] * scale) / 2 - low[0] * scale + shift[0]
    ground = (HEIGHT + span[1] * scale) / 2 + low[1] * scale + shift[1]
    studio = Studio(scale, left, ground, seed)
    for piece in sketch.pieces:
        studio.add(piece)
    return studio.expose(sketch.lighting), studio.cover
