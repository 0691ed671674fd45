"""The other programs of `benchmarks.embed`, each run by a Python that has it.

    PYTHON benchmarks/embed_peers.py keras|torch|fastdup-0|fastdup-1 PIXELS.npy [FOLDER]

Says `ready` once it is warm; then, for every line that it reads, goes through all photos and prints photos/s and
processor milliseconds a photo as JSON. `PIXELS.npy` holds (photos, 224, 224, 3) uint8 RGB. Weights are random: they do
not change the time. fastdup's networks are the two `.ort` files of its wheel in FOLDER, run by plain ONNX Runtime with
its own settings.
"""

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


def fastdup(number: int, folder: Path) -> Callable[[Any], Any]:
    """One of the two networks that fastdup embeds with, the files in the order of their names."""
    import onnxruntime

    files = sorted(folder.rglob("*.ort"))
    session = onnxruntime.InferenceSession(str(files[number]), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels.astype(np.float32)})


def main() -> None:
    """Measure as often as asked."""
    kind, pixels = sys.argv[1], np.load(sys.argv[2])
    if kind.startswith("fastdup"):
        embed = fastdup(int(kind.partition("-")[2]), Path(sys.argv[3]))
    else:
        embed = keras_vgg16() if kind == "keras" else torch_vgg16()
    for _ in range(2):
        embed(pixels[:BATCH])
    print("ready", flush=True)
    for _ in sys.stdin:
        started, busy = time.perf_counter(), time.process_time()
        for start in range(0, len(pixels), BATCH):
            embed(pixels[start : start + BATCH])
        seconds, worked = time.perf_counter() - started, time.process_time() - busy
        print(json.dumps([len(pixels) / seconds, 1e3 * worked / len(pixels)]), flush=True)


if __name__ == "__main__":
    main()
