"""What a GPU computes and how fast: the CPU's vectors up to rounding, and photos/s beside eager PyTorch's.

    pip uninstall onnxruntime; pip install 'lookalike[cuda]' torch torchvision
    LOOKALIKE_PHOTOS=... python -m benchmarks.gpu [--photos 2000] [--rounds 5]

For the default model and for VGG16 (random weights in the real layout), each in float32: the largest difference between
the GPU's vectors and the CPU's over the largest value and for how many photos the three nearest are the same (fails
above 1e-4, or below 99 in 100), then photos/s of the network alone from pixels in memory, with one caller and with one
a core. VGG16 in turns with torchvision's, eager, float32 without TF32, batches of 16, in both memory layouts: the ratio
is the median over the rounds. Last, a catalog of all photos made on the GPU and on the CPU, from files to finished.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tests.models import keras_layout

import lookalike
from benchmarks.closeness import closeness
from lookalike import images, models
from lookalike.engines import cores
from lookalike.models import vgg16
from lookalike.options import Fit, ImageLimits
from lookalike.records import Bytes, Floats

CLOSE = 1e-4
TOGETHER = 16
VGG16_PHOTOS = 256
"""As many for VGG16, which the CPU does slowly."""


def decoded(paths: list[Path], size: int) -> Bytes:
    """Photos (n, size, size, 3) as a model of that size takes them."""
    fit = Fit(size=size, resize="stretch")
    with ThreadPoolExecutor(cores()) as pool:
        return np.stack(list(pool.map(lambda path: images.load(path.read_bytes(), fit, ImageLimits()).pixels, paths)))


def embedded(model: models.Model, pixels: Bytes, callers: int) -> tuple[Floats, float]:
    """Vectors and photos/s, `callers` calls of 16 photos at once."""
    parts = [pixels[start : start + TOGETHER] for start in range(0, len(pixels), TOGETHER)]
    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(model.embed, parts[:callers]))
        started = time.perf_counter()
        vectors = np.concatenate(list(pool.map(model.embed, parts)))
        return vectors, len(pixels) / (time.perf_counter() - started)


def on_gpu(name: str, pixels: Bytes, weights: Path | None) -> models.Model:
    """The model on the GPU, after its vectors were found to be the CPU's."""
    model = models.load(name, precision="fp32", device="cuda", weights=weights)
    cpu, slow = embedded(models.load(name, precision="fp32", device="cpu", weights=weights), pixels, cores())
    found, one = embedded(model, pixels, 1)
    again, all_ = embedded(model, pixels, cores())
    np.testing.assert_array_equal(found, again)
    difference, same = closeness(found, cpu)
    print(
        f"{name}: largest difference {difference:.1e} of the largest value, same three nearest for {same} of "
        f"{len(pixels)}; "
        f"photos/s: {one:.0f} with one caller, {all_:.0f} with {cores()}, CPU {slow:.0f} on {cores()} cores",
        flush=True,
    )
    assert difference <= CLOSE
    assert same >= 0.99 * len(pixels)
    return model


def torch_vgg16(channels_last: bool) -> Any:
    """A function from pixels to torchvision's VGG16 up to its second dense layer, on the GPU, without TF32."""
    import torch
    import torchvision

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = torchvision.models.vgg16(weights=None).eval().cuda().to(memory_format=layout)
    network.classifier = network.classifier[:5]
    means = torch.tensor([103.939, 116.779, 123.68], device="cuda")[None, :, None, None]

    def run(pixels: Bytes) -> Floats:
        with torch.inference_mode():
            photos = torch.from_numpy(pixels).cuda().permute(0, 3, 1, 2).flip(1).float() - means
            found: Floats = network(photos.to(memory_format=layout)).cpu().numpy()
            return found

    return run


def beside_torch(model: models.Model, pixels: Bytes, rounds: int) -> None:
    """Prints photos/s of VGG16 in turns with eager PyTorch's, one caller each."""
    parts = [pixels[start : start + TOGETHER] for start in range(0, len(pixels), TOGETHER)]
    for channels_last in (False, True):
        rates = []
        other = torch_vgg16(channels_last)
        for _ in range(rounds + 1):  # the first warms up
            pair = []
            for run in (model.embed, other):
                started = time.perf_counter()
                for part in parts:
                    run(part)
                pair.append(len(pixels) / (time.perf_counter() - started))
            rates.append(pair)
        ours, theirs = (statistics.median(column) for column in zip(*rates[1:], strict=True))
        ratio = statistics.median(a / b for a, b in rates[1:])
        layout = "channels last" if channels_last else "channels first"
        print(f"vgg16: {ours:.0f} photos/s, eager PyTorch, {layout}, {theirs:.0f}: {ratio:.2f} times", flush=True)


def whole(source: Path, folder: Path) -> None:
    """Prints photos/s from files to a finished catalog, on the GPU and on the CPU in turns, the better of two."""
    found: dict[str, list[float]] = {"cuda": [], "cpu": []}
    for turn in range(2):
        for device, rates in found.items():
            started = time.perf_counter()
            done = lookalike.create(folder / f"{device}{turn}.catalog", device=device).index(source)
            rates.append(done.added / (time.perf_counter() - started))
    for device, rates in found.items():
        print(f"index on {device}: {done.added} photos, {max(rates):.0f} a second", flush=True)


def main() -> None:
    """Prints what a GPU computes and how fast."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    every = sorted(Path(os.environ["LOOKALIKE_PHOTOS"]).glob("**/*.jpg"))
    pixels = decoded(every[: options.photos], 224)
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside)
        on_gpu(models.DEFAULT, pixels, None)
        os.environ["LOOKALIKE_CACHE"] = str(folder / "cache")
        arrays = keras_layout.random_arrays(vgg16.Plan(), top=True)
        weights = keras_layout.write_released(folder / "vgg16.h5", arrays)
        beside_torch(on_gpu("vgg16", pixels[:VGG16_PHOTOS], weights), pixels, options.rounds)
        whole(Path(os.environ["LOOKALIKE_PHOTOS"]), folder)


if __name__ == "__main__":
    main()
