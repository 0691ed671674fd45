"""Materials: how each one scatters light, and the fine relief and tint of its surface.

Relief and tint come from seamless tiles of `TILE` x `TILE` pixels, made once a process from a fixed seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
TILE = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """How a surface looks.

    `gloss` is the strength of its sharp highlight and `sharp` that highlight's exponent, `sheen` the strength
    of the broad one, `fuzz` brightens grazing angles (suede, fleece). `texture` names a tile, `relief` how
    strongly it tilts the surface and `tint` how strongly it changes the color (0 to 1).
    """

    gloss: float
    sharp: float
    sheen: float
    texture: str
    relief: float
    tint: float
    fuzz: float = 0.0


MATERIALS: dict[str, Material] = {
    "Leather": Material(gloss=0.42, sharp=22, sheen=0.27, texture="grain", relief=0.085, tint=0.035),
    "Smooth leather": Material(gloss=0.55, sharp=36, sheen=0.28, texture="grain", relief=0.05, tint=0.02),
    "Patent": Material(gloss=1.25, sharp=70, sheen=0.30, texture="plain", relief=0.05, tint=0.0),
    "Suede": Material(gloss=0.0, sharp=8, sheen=0.06, texture="nap", relief=0.10, tint=0.07, fuzz=0.22),
    "Nubuck": Material(gloss=0.02, sharp=8, sheen=0.06, texture="nap", relief=0.08, tint=0.045, fuzz=0.12),
    "Canvas": Material(gloss=0.0, sharp=8, sheen=0.07, texture="weave", relief=0.22, tint=0.10, fuzz=0.05),
    "Mesh": Material(gloss=0.03, sharp=12, sheen=0.05, texture="mesh", relief=0.30, tint=0.26),
    "Knit": Material(gloss=0.0, sharp=8, sheen=0.04, texture="knit", relief=0.42, tint=0.18, fuzz=0.10),
    "Felt": Material(gloss=0.0, sharp=8, sheen=0.02, texture="felt", relief=0.22, tint=0.12, fuzz=0.18),
    "Fleece": Material(gloss=0.0, sharp=8, sheen=0.02, texture="fleece", relief=0.60, tint=0.22, fuzz=0.22),
    "Satin": Material(gloss=0.28, sharp=14, sheen=0.34, texture="thread", relief=0.08, tint=0.04),
    "Rubber": Material(gloss=0.42, sharp=44, sheen=0.20, texture="plain", relief=0.08, tint=0.02),
    "Foam": Material(gloss=0.04, sharp=12, sheen=0.08, texture="pores", relief=0.04, tint=0.02),
    "Synthetic": Material(gloss=0.26, sharp=32, sheen=0.16, texture="pores", relief=0.05, tint=0.02),
    "Wood": Material(gloss=0.22, sharp=30, sheen=0.12, texture="wood", relief=0.08, tint=0.30),
    "Cork": Material(gloss=0.0, sharp=8, sheen=0.03, texture="cork", relief=0.18, tint=0.34),
    "Jute": Material(gloss=0.0, sharp=8, sheen=0.03, texture="jute", relief=0.85, tint=0.42, fuzz=0.05),
    "Stacked leather": Material(gloss=0.30, sharp=30, sheen=0.14, texture="stack", relief=0.20, tint=0.22),
    "Metal": Material(gloss=1.30, sharp=30, sheen=0.55, texture="plain", relief=0.04, tint=0.0),
    "Lining": Material(gloss=0.0, sharp=8, sheen=0.03, texture="weave", relief=0.15, tint=0.05),
    "Cotton": Material(gloss=0.0, sharp=8, sheen=0.04, texture="thread", relief=0.40, tint=0.12, fuzz=0.05),
}


@lru_cache(maxsize=64)
def texture(name: str) -> tuple[Field, Field, Field]:
    """Tiles of a texture: tilt to the right, tilt upward and tint, each (TILE, TILE) float32, about -1 to 1."""
    height = _heights(name)
    down, right = (np.roll(height, -1, axis) - np.roll(height, 1, axis) for axis in (0, 1))
    spread = float(np.sqrt((down**2 + right**2).mean())) or 1.0
    level = float(height.std()) or 1.0
    tint = np.clip((height - height.mean()) / (2.0 * level), -1.5, 1.5)
    # A height that falls to the right faces right; image rows run downward, so `down` faces up as it is.
    return _field(-right / spread), _field(down / spread), _field(tint)


def _field(values: npt.NDArray[np.floating]) -> Field:
    return np.ascontiguousarray(values, dtype=np.float32)


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng([ord(letter) for letter in name])


@lru_cache(maxsize=16)
def smooth(name: str, sigma: float, stretch: float = 1.0) -> Field:
    """Seamless Gaussian noise of unit spread, `sigma` pixels wide, `stretch` times wider along x."""
    spectrum = np.fft.rfft2(_rng(name).standard_normal((TILE, TILE)))
    fy = np.fft.fftfreq(TILE)[:, None]
    fx = np.fft.rfftfreq(TILE)[None, :]
    spectrum *= np.exp(-2 * (np.pi * sigma) ** 2 * (fy**2 + (fx * stretch) ** 2))
    noise = np.fft.irfft2(spectrum, s=(TILE, TILE))
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


@lru_cache(maxsize=8)
def cells(spacing: int) -> tuple[Field, Field]:
    """Seamless cells about `spacing` pixels wide: distance to the nearest and to the second nearest seed."""
    count = TILE // spacing
    rng = np.random.default_rng([spacing, 7])
    seeds = (np.indices((count, count)).reshape(2, -1).T + rng.uniform(0.05, 0.95, (count * count, 2))) * (TILE / count)
    grid = seeds.reshape(count, count, 2)
    rows, cols = np.indices((TILE, TILE), dtype=np.float32)
    cell_r = (rows * count / TILE).astype(np.int64)
    cell_c = (cols * count / TILE).astype(np.int64)
    first = np.full((TILE, TILE), np.inf, dtype=np.float32)
    second = first.copy()
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            seed = grid[(cell_r + dr) % count, (cell_c + dc) % count]
            gap = np.hypot(*((seed[..., i] - at + TILE / 2) % TILE - TILE / 2 for i, at in ((0, rows), (1, cols))))
            gap = gap.astype(np.float32)
            second = np.minimum(second, np.maximum(first, gap))
            first = np.minimum(first, gap)
    return first, second


def _weave(rows: Field, cols: Field, period: float) -> Field:
    u, v = rows * 2 * np.pi / period, cols * 2 * np.pi / period
    over = np.sign(np.sin(u / 2) * np.sin(v / 2))
    return np.asarray(np.abs(np.sin(u / 2)) * (over > 0) + np.abs(np.sin(v / 2)) * (over <= 0), dtype=np.float32)


def _heights(name: str) -> Field:  # noqa: PLR0911, PLR0912  one line a texture reads better than a table of lambdas
    rows, cols = np.indices((TILE, TILE)).astype(np.float32)
    tau = 2 * np.pi / TILE
    if name == "grain":
        first, second = cells(4)
        return _field(np.clip(second - first, 0, 2.0) + 0.10 * smooth("grain", 5))
    if name == "nap":
        return smooth("nap", 0.8) + 0.10 * smooth("nap2", 12, 1.6)
    if name == "weave":
        return _weave(rows, cols, 512 / 128) + 0.10 * smooth("weave", 1.5)
    if name == "mesh":
        u, v = (cols + rows) * tau * 64, (cols - rows) * tau * 64
        return np.asarray(-np.clip(np.cos(u) + np.cos(v) - 0.2, 0, 1.4), dtype=np.float32)
    if name == "knit":
        u = cols * tau * 102
        v = rows * tau * 85 + 1.5 * np.abs(np.sin(u / 2))
        return np.asarray(np.abs(np.sin(u / 2)) + 0.5 * np.cos(v), dtype=np.float32)
    if name == "felt":
        return smooth("felt", 1.0, 2.0) + smooth("felt2", 1.4) + 0.8 * smooth("felt3", 7)
    if name == "fleece":
        first, _ = cells(8)
        return -first + 0.7 * smooth("fleece", 2)
    if name == "thread":
        return np.asarray(np.cos((cols + rows * 2) * tau * 85) + 0.3 * smooth("thread", 2), dtype=np.float32)
    if name == "pores":
        return smooth("pores", 1.3)
    if name == "wood":
        return smooth("wood", 3, 30) + 0.8 * smooth("wood2", 1.0, 40)
    if name == "cork":
        first, second = cells(6)
        return _field(np.clip(second - first, 0, 2.5) + 0.8 * smooth("cork", 1.2))
    if name == "jute":
        slant = (cols + 6 * np.abs(((rows / 16) % 1) - 0.5) * 2) * tau * 85
        return np.asarray(np.abs(np.sin(rows * tau * 32 / 1)) + 0.6 * np.sin(slant), dtype=np.float32)
    if name == "stack":
        return np.asarray(np.sign(np.sin(rows * tau * 85)) * 0.4 + 0.5 * smooth("stack", 1.2, 20), dtype=np.float32)
    return smooth("plain", 24)
