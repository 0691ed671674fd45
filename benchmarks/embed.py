"""How fast are photos embedded: the default against the same weights' whole network on plain ONNX Runtime.

    LOOKALIKE_PHOTOS=... python -m benchmarks.embed [--photos 200] [--rounds 3]

Photos are enlarged to 480 x 360 first, as product photos are. Every round runs each form once, one after the other, on
every core; the ratios are of one round, their median counts. Prints photos/s of inference alone, the share of the
matrix-multiply peak that libraries reach here, core-milliseconds of preparation and of its color vector (both of
processor time, so that other work on the machine does not count), and photos/s of `index` end to end in int8 and in
fp32. Checks that the whole network gives the same vectors as `efficientnet-lite0-gap`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookalike import images, models
from lookalike.catalog import build
from lookalike.engines import cores
from lookalike.images import resample
from lookalike.options import Fit, ImageLimits, IndexOptions, ModelOptions
from lookalike.records import Bytes

GIGA_OPERATIONS = 0.669
"""Of one photo, multiplications and additions of the convolutions up to block 14, where the default ends."""


def rate(work: Callable[[Any], Any], batches: Sequence[Any], photos: int) -> float:
    """Photos per second of `work`, a thread a core."""
    with ThreadPoolExecutor(cores()) as pool:
        started = time.perf_counter()
        list(pool.map(work, batches))
        return photos / (time.perf_counter() - started)


def core_ms(work: Callable[[Any], Any], items: Sequence[Any]) -> float:
    """Milliseconds of processor time an item, in one thread."""
    started = time.thread_time()
    for item in items:
        work(item)
    return 1e3 * (time.thread_time() - started) / len(items)


def peak() -> float:
    """Giga-operations per core-second of a float32 matrix product: the better of NumPy's and ONNX Runtime's."""
    import onnxruntime
    from onnx import TensorProto, helper

    side = 1024
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [side, side]) for name in "abc"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", shapes[:2], shapes[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    a = np.ones((side, side), np.float32)
    best = 0.0
    for work in (lambda: a @ a, lambda: session.run(None, {"a": a, "b": a})):
        work()
        started = time.process_time()
        for _ in range(8):
            work()
        best = max(best, 8 * 2 * side**3 / (time.process_time() - started) / 1e9)
    return best


def plain(folder: Path) -> tuple[Callable[[Bytes], Any], int]:
    """The whole network in fp32 as anyone would run it: ONNX Runtime with its own settings, 16 photos a call."""
    import onnxruntime

    path = models.export(models.resolve("efficientnet-lite0-gap", precision="fp32"), folder / "whole.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels})[0], 16


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sources = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))[: options.photos]
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside) / "photos"
        folder.mkdir()
        for source in sources:
            with Image.open(source) as photo:
                large = photo.convert("RGB").resize((480, 360), Image.Resampling.BICUBIC)
                large.save(folder / source.name, quality=92)
        files = [path.read_bytes() for path in sorted(folder.iterdir())]
        count = len(files)
        fit, limits = Fit(), ImageLimits()
        resample.prepare()  # as in a long run
        pixels = np.stack([images.load(data, fit, limits).pixels for data in files])
        forms = {precision: models.load(precision=precision).embed for precision in models.precisions()}
        whole, together = plain(Path(aside))
        expected = models.load("efficientnet-lite0-gap", precision="fp32").embed(pixels[:3])
        np.testing.assert_allclose(whole(pixels[:3]), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
        parts = [pixels[start : start + 16] for start in range(0, count, 16)]
        rounds: list[dict[str, float]] = []
        for number in range(options.rounds):
            found = {name: rate(embed, parts, count) for name, embed in forms.items()}
            started = time.perf_counter()
            for start in range(0, count, together):
                whole(pixels[start : start + together])
            found["plain"] = count / (time.perf_counter() - started)
            found["peak"] = peak()
            found["prepare"] = core_ms(lambda data: images.load(data, fit, limits), files)
            found["color"] = core_ms(images.color_histogram, list(pixels))
            found |= {f"{name} core-ms": core_ms(embed, list(pixels[:64, None])) for name, embed in forms.items()}
            for precision in forms:
                started = time.perf_counter()
                model = ModelOptions(precision=precision)
                build(Path(aside) / f"{precision}-{number}", [folder], IndexOptions(), model=model)
                found[f"index {precision}"] = count / (time.perf_counter() - started)
            rounds.append(found)
            print("  ".join(f"{name} {value:.1f}" for name, value in found.items()), flush=True)

    def median(of: Callable[[dict[str, float]], float]) -> float:
        return statistics.median(of(found) for found in rounds)

    print(f"inference: int8 {median(lambda f: f['int8'] / f['plain']):.2f} times plain fp32 of the whole network")
    print(f"inference: int8 {median(lambda f: f['int8'] / f['fp32']):.2f} times our own fp32")
    print(f"end to end: int8 {median(lambda f: f['index int8'] / f['index fp32']):.2f} times fp32")
    print(
        f"preparation {median(lambda f: f['prepare']):.2f} core-ms, of it the color vector "
        f"{median(lambda f: f['color']):.2f}"
    )
    for name in forms:
        shares = [GIGA_OPERATIONS * 1e3 / found[f"{name} core-ms"] / found["peak"] for found in rounds]
        print(f"{name}: {statistics.median(shares):.0%} of the float32 matrix-multiply peak")


if __name__ == "__main__":
    main()
