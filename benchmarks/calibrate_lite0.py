"""Measures the ranges that EfficientNet-Lite0 needs in 8 bits (`lookalike.models.lite0.RANGES`).

    LOOKALIKE_PHOTOS=FOLDER python -m benchmarks.calibrate_lite0 --photos 300

Prints, for the result of every layer without ReLU6, the lowest and the highest value over the photos, rounded
outward to whole numbers.
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from lookalike.models import lite0
from lookalike.models.layers import Convolution, FloatLayers
from lookalike.models.torchfile import parse_checkpoint
from lookalike.records import Bytes


def read_photos(folder: Path, count: int) -> Bytes:
    """`count` photos spread evenly over the folder, stretched: (count, 224, 224, 3) uint8."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)]
    size = (lite0.SIZE, lite0.SIZE)
    return np.stack([np.asarray(Image.open(path).convert("RGB").resize(size)) for path in chosen])


class WatchedLayers(FloatLayers):
    """Layers in float32 that also give the lowest and highest value of what has no ReLU6."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: list[str] = []
        self.extremes: list[str] = []

    def conv(self, x: str, name: str, convolution: Convolution) -> str:
        """A convolution, watched."""
        y = super().conv(x, name, convolution)
        return y if convolution.clip else self._watch(y, name)

    def add(self, x: str, y: str, name: str) -> str:
        """A sum, watched."""
        return self._watch(super().add(x, y, name), name)

    def _watch(self, x: str, name: str) -> str:
        self.watched.append(name)
        for op in ("ReduceMin", "ReduceMax"):
            extreme = self.writer.add(op, x, axes=[1, 2, 3], keepdims=0)
            self.extremes.append(self.writer.add("Unsqueeze", extreme, self.writer.constant("axis", [1], np.int64)))
        return x


def measure(pixels: Bytes) -> dict[str, tuple[int, int]]:
    """The range of every watched value, by its name."""
    layers = WatchedLayers()
    weights = parse_checkpoint(lite0.read_weights(), name="weights")
    lite0.write_blocks(layers, weights, len(lite0.BLOCKS) - 1)
    both = layers.writer.add("Concat", *layers.extremes, axis=1)
    graph = layers.writer.finish("ranges", both, size=lite0.SIZE, dimension=len(layers.extremes))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    values = np.concatenate([session.run(None, {"pixels": pixels[i : i + 4]})[0] for i in range(0, len(pixels), 4)])
    low, high = values[:, 0::2].min(axis=0), values[:, 1::2].max(axis=0)
    return {name: (math.floor(a), math.ceil(b)) for name, a, b in zip(layers.watched, low, high, strict=True)}


def main() -> None:
    """Prints the table as it stands in the source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("LOOKALIKE_PHOTOS"))
    parser.add_argument("--photos", type=int, default=300)
    arguments = parser.parse_args()
    if arguments.folder is None:
        parser.error("give a folder of photos, or name it in LOOKALIKE_PHOTOS")
    for name, limits in measure(read_photos(arguments.folder, arguments.photos)).items():
        print(f'    "{name}": {limits},')


if __name__ == "__main__":
    main()
