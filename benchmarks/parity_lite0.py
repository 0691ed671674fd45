"""Compares the graphs of EfficientNet-Lite0 with the PyTorch network that its weights were published for.

Needs, besides lookalike: `pip install torch efficientnet-lite-pytorch`. Run on a folder of photos:

    LOOKALIKE_PHOTOS=FOLDER python -m benchmarks.parity_lite0 --photos 64

Prints, for the pooled head outputs and for the statistics, the largest difference relative to the largest
value of the reference, and ends with 1 if it is above 1e-4.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike import models
from lookalike.models import lite0
from lookalike.records import Bytes, Floats

LIMIT = 1e-4


def read_photos(folder: Path, count: int) -> Bytes:
    """`count` photos spread evenly over the folder, stretched: (count, 224, 224, 3) uint8."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)]
    size = (lite0.SIZE, lite0.SIZE)
    return np.stack([np.asarray(Image.open(path).convert("RGB").resize(size)) for path in chosen])


def reference(pixels: Bytes) -> dict[str, Floats]:
    """Head outputs (b, 1280) and statistics (b, 768) from the published implementation."""
    import torch

    network = import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(lite0.weight_file(), map_location="cpu", weights_only=True))
    network.eval()
    outputs: dict[int, torch.Tensor] = {}
    for tap in lite0.TAPS:
        network._blocks[tap.block].register_forward_hook(
            lambda _module, _inputs, output, block=tap.block: outputs.__setitem__(block, output)
        )
    x = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255
    with torch.no_grad():
        head = network.extract_features((x - lite0.MEAN) / lite0.DEVIATION).mean(dim=(2, 3))
        groups = []
        for tap in lite0.TAPS:
            variance, mean = torch.var_mean(outputs[tap.block], dim=(2, 3), correction=0)
            groups += [
                mean * tap.weight / tap.mean_spread,
                variance.sqrt() * tap.weight / tap.deviation_spread,
            ]
    return {"efficientnet-lite0": torch.cat(groups, dim=1).numpy(), "efficientnet-lite0-gap": head.numpy()}


def main() -> int:
    """Prints one line a model; 0 if both agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=os.environ.get("LOOKALIKE_PHOTOS"))
    parser.add_argument("--photos", type=int, default=64)
    arguments = parser.parse_args()
    if arguments.folder is None:
        parser.error("give a folder of photos, or name it in LOOKALIKE_PHOTOS")
    pixels = read_photos(arguments.folder, arguments.photos)
    worst = 0.0
    for name, expected in reference(pixels).items():
        vectors = models.load(name).embed(pixels)
        difference = float(np.abs(vectors - expected).max() / np.abs(expected).max())
        worst = max(worst, difference)
        print(f"{name:24}{len(pixels)} photos, {vectors.shape[1]} numbers, max|a-b| / max|b| = {difference:.2e}")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
