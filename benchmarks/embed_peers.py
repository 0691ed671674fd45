"""The other programs of `benchmarks.embed`, each run by a Python that has it: prints photos/s as a JSON number.

    PYTHON benchmarks/embed_peers.py keras|torch|fastdup-0|fastdup-1 PIXELS.npy

`PIXELS.npy` holds (photos, 224, 224, 3) uint8 RGB. Weights are random: they do not change the time. fastdup's networks
are the ONNX files of its wheel, run by plain ONNX Runtime.
"""

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 16


def keras_vgg16() -> Callable[[Any], Any]:
    """Keras' VGG16 to fc2, as the published method runs it."""
    import keras

    whole = keras.applications.VGG16(weights=None)
    model = keras.Model(whole.inputs, whole.get_layer("fc2").output)
    prepare = keras.applications.vgg16.preprocess_input
    return lambda pixels: model.predict_on_batch(prepare(pixels.astype(np.float32)))


def torch_vgg16() -> Callable[[Any], Any]:
    """The same layers in eager PyTorch, in its usual layout and precision."""
    import torch
    from torch import nn

    layers: list[Any] = []
    before = 3
    for outputs, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            layers += [nn.Conv2d(before, outputs, 3, padding=1), nn.ReLU(inplace=True)]
            before = outputs
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(25_088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    model = nn.Sequential(*layers).eval()

    def embed(pixels: Any) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())

    return embed


def fastdup(number: int) -> Callable[[Any], Any]:
    """One of the two networks in the wheel, the files in the order of their names."""
    import onnxruntime

    found = importlib.util.find_spec("fastdup")
    folder = Path(next(iter(found.submodule_search_locations or []))) if found else Path()
    files = sorted([*folder.rglob("*.onnx"), *folder.rglob("*.ort")])
    session = onnxruntime.InferenceSession(str(files[number]), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    single = isinstance(entry.shape[0], int)

    def embed(pixels: Any) -> Any:
        planes = pixels.astype(np.float32)
        planes = planes.transpose(0, 3, 1, 2) if entry.shape[1] == 3 else planes
        return [
            session.run(None, {entry.name: part}) for part in (np.split(planes, len(planes)) if single else [planes])
        ]

    return embed


def main() -> None:
    """Measure and print."""
    kind, pixels = sys.argv[1], np.load(sys.argv[2])
    if kind.startswith("fastdup"):
        embed = fastdup(int(kind.partition("-")[2]))
    else:
        embed = keras_vgg16() if kind == "keras" else torch_vgg16()
    embed(pixels[:BATCH])
    started = time.perf_counter()
    for start in range(0, len(pixels), BATCH):
        embed(pixels[start : start + BATCH])
    print(json.dumps(len(pixels) / (time.perf_counter() - started)))


if __name__ == "__main__":
    main()
