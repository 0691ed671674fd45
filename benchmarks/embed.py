"""How fast are photos embedded? Ours beside plain ONNX Runtime, Keras, PyTorch and fastdup's networks, and end to end.

    LOOKALIKE_PHOTOS=... python -m benchmarks.embed --photos 2000 --vgg16 200 --peer keras=PYTHON --peer torch=PYTHON
        --peer fastdup-0=FOLDER --peer fastdup-1=FOLDER [--rounds 3]

Photos are enlarged to 480 x 360 first, as product photos are. Every round runs each form once, one after the other, on
every core; a ratio is of one round, and the median of the rounds counts. Inference is photos/s of pixels that are in
memory; `--vgg16 N` adds VGG16 (random weights) over N photos, which is also what the peers get. A peer is NAME=PYTHON,
a Python that has `keras` (with TensorFlow) or `torch`; for `fastdup-0` and `fastdup-1` it is the folder in which its
wheel was unpacked (`pip install --no-deps --target FOLDER fastdup`). What is not there is left out, and said.

End to end is `index` into a new catalog. Its bound is cores / (core-seconds of preparation + of inference), each
measured alone, on all cores at once, in processor time. Shares are of the matrix products of `benchmarks.peak`: float32
forms of the float32 one, int8 of the int8 one; bf16, for which there is no such product here, also of float32.
Operations are those of convolutions as defined; VGG16 in fp32 does with fewer (`lookalike.models.winograd`), so
it may pass 100%.
Checks that the whole network on plain ONNX Runtime gives the vectors of `efficientnet-lite0-gap`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.models import keras_layout

from benchmarks.peak import peaks
from lookalike import images, models
from lookalike.catalog import build
from lookalike.engines import cores
from lookalike.errors import ModelError
from lookalike.images import loops
from lookalike.models import vgg16
from lookalike.options import Fit, ImageLimits, IndexOptions, ModelOptions
from lookalike.records import Bytes, Photo

OPERATIONS = {"lite0": 0.669, "vgg16": 30.93}
"""Giga-operations (multiplications and additions) of a photo: of the default to block 14, where it ends, and to fc2."""


def rate(work: Callable[[Any], Any], batches: Sequence[Any], photos: int) -> float:
    """Photos per second of `work`, a thread a core."""
    with ThreadPoolExecutor(cores()) as pool:
        started = time.perf_counter()
        list(pool.map(work, batches))
        return photos / (time.perf_counter() - started)


def core_ms(work: Callable[[Any], Any], batches: Sequence[Any], photos: int) -> float:
    """Milliseconds of processor time a photo, of all threads, every core at its own batches as in `index`."""
    with ThreadPoolExecutor(cores()) as pool:
        started = time.process_time()
        list(pool.map(work, batches))
        return 1e3 * (time.process_time() - started) / photos


def plain(folder: Path) -> tuple[Callable[[Bytes], Any], int]:
    """The whole network in fp32 as anyone would run it: ONNX Runtime with its own settings, 16 photos a call."""
    import onnxruntime

    path = models.export(models.resolve("efficientnet-lite0-gap", precision="fp32"), folder / "whole.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels})[0], 16


def vgg16_forms(folder: Path) -> dict[str, Callable[[Bytes], Any]]:
    """VGG16 with random weights in fp32 and, where this CPU and the install have them, in OpenVINO's bf16 and fp32."""
    path = keras_layout.write_released(folder / "w.h5", keras_layout.random_arrays(vgg16.Plan(), top=True))
    os.environ["LOOKALIKE_CACHE"] = str(folder / "cache")
    forms: dict[str, Callable[[Bytes], Any]] = {}
    kinds = [(f"vgg16-{precision}", precision, "auto") for precision in models.precisions("vgg16")]
    for name, precision, device in [*kinds, ("vgg16-fp32-openvino", "fp32", "openvino")]:
        try:
            forms[name] = models.load("vgg16", precision=precision, device=device, weights=path).embed
        except ModelError as exc:
            print(f"without {name}: {exc}")
    return forms


class Peer:
    """A program of `embed_peers` that waits between the rounds."""

    def __init__(self, told: str, pixels: Path) -> None:
        self.name, _, where = told.partition("=")
        is_fastdup = self.name.startswith("fastdup")
        if is_fastdup and len(sorted(Path(where).rglob("*.ort"))) < 2:
            raise FileNotFoundError(f"no two .ort files in {where}: pip install --no-deps --target {where} fastdup")
        script = str(Path(__file__).with_name("embed_peers.py"))
        command = [sys.executable if is_fastdup else where, script, self.name, str(pixels), where]
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet
        )
        if self._said() != "ready":
            raise FileNotFoundError(f"{where} cannot run it: see what {' '.join(command[:3])} says")

    def measured(self) -> dict[str, float]:
        """Photos/s of one round, and processor milliseconds a photo."""
        assert self._process.stdin
        print(file=self._process.stdin, flush=True)
        speed, cost = json.loads(self._said())
        return {self.name: speed, f"{self.name} processor": cost}

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _said(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(("ready", "[")):
                return line.strip()
        return ""


def find_peers(asked: Sequence[str], pixels: Path) -> list[Peer]:
    """Those that are there; says which are not."""
    found = []
    for told in asked:
        try:
            found.append(Peer(told, pixels))
        except OSError as exc:
            print(f"without {told.partition('=')[0]}: {exc}")
    return found


def enlarged(folder: Path, count: int) -> None:
    """Photos of 480 x 360, in `folder`."""
    folder.mkdir()
    for source in sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))[:count]:
        with Image.open(source) as photo:
            photo.convert("RGB").resize((480, 360), Image.Resampling.BICUBIC).save(folder / source.name, quality=92)


class Round:
    """What one round measures, by name."""

    def __init__(self, aside: Path, options: argparse.Namespace) -> None:
        self.aside, self.folder = aside, aside / "photos"
        enlarged(self.folder, options.photos)
        self.files = [path.read_bytes() for path in sorted(self.folder.iterdir())]
        loops.prepare()  # as in a long run
        pixels = np.stack([self.prepared(data).pixels for data in self.files])
        self.count, self.few = len(pixels), pixels[: options.vgg16 or 16]
        self.parts = [pixels[start : start + 16] for start in range(0, self.count, 16)]
        self.forms = {precision: models.load(precision=precision).embed for precision in models.precisions()}
        self.whole, self.together = plain(aside)
        expected = models.load("efficientnet-lite0-gap", precision="fp32").embed(pixels[:3])
        np.testing.assert_allclose(self.whole(pixels[:3]), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
        np.save(aside / "few.npy", self.few)
        self.published = vgg16_forms(aside) if options.vgg16 else {}
        self.peers = find_peers(options.peer, aside / "few.npy")
        self.number = 0
        self.end_to_end(self.folder, None)  # workers start, and are there from then on

    def prepared(self, data: bytes) -> Photo:
        """A photo as `index` prepares it."""
        images.content_hash(data)
        return images.load(data, Fit(), ImageLimits())

    def end_to_end(self, folder: Path, precision: str | None) -> float:
        """Photos/s of `index` into a new catalog."""
        self.number += 1
        model = ModelOptions(precision=precision)
        started = time.perf_counter()
        build(self.aside / f"{self.number}.catalog", [folder], IndexOptions(), model=model)
        return self.count / (time.perf_counter() - started)

    def run(self) -> dict[str, float]:
        """One round."""
        found = {name: rate(embed, self.parts, self.count) for name, embed in self.forms.items()}
        found["plain"] = rate_alone(self.whole, self.parts, self.count)
        # every core takes 8 photos at a time, which is what the network multiplies at once
        few = [self.few[start : start + 8] for start in range(0, len(self.few), 8)]
        for name, embed in self.published.items():
            found[name] = rate(embed, few, len(self.few))
        for peer in self.peers:
            found |= peer.measured()
        found |= {f"peak {name}": value for name, value in peaks().items()}
        batches = [self.files[start : start + 16] for start in range(0, self.count, 16)]
        found["prepare"] = core_ms(lambda batch: [self.prepared(data) for data in batch], batches, self.count)
        found["color"] = core_ms(lambda part: [images.color_histogram(p) for p in part], self.parts, self.count)
        for name, embed in self.forms.items():
            found[f"{name} core-ms"] = core_ms(embed, self.parts, self.count)
        for name, embed in self.published.items():
            found[f"{name} core-ms"] = core_ms(embed, few[:4], sum(map(len, few[:4])))
        for precision in self.forms:
            found[f"index {precision}"] = self.end_to_end(self.folder, precision)
        return found


def rate_alone(work: Callable[[Any], Any], batches: Sequence[Any], photos: int) -> float:
    """Photos per second of `work`, which shares a call out among the cores itself."""
    started = time.perf_counter()
    for batch in batches:
        work(batch)
    return photos / (time.perf_counter() - started)


def report(rounds: Sequence[dict[str, float]]) -> None:
    """Print the medians beside their aims."""

    def say(what: str, of: Callable[[dict[str, float]], float], unit: str, aim: float | None = None) -> None:
        value = statistics.median(of(found) for found in rounds)
        shown = f"{value:.0%}" if unit == "%" else f"{value:.2f} {unit}"
        if aim is None:
            print(f"{what}: {shown}")
            return
        met = value <= aim if what.startswith("preparation") else value >= aim
        print(f"{what}: {shown} (aim: {f'{aim:.0%}' if unit == '%' else f'{aim:g}'}, {'met' if met else 'MISSED'})")

    def ratio(one: str, other: str) -> Callable[[dict[str, float]], float]:
        return lambda found: found[one] / found[other]

    first = rounds[0]
    ours = "int8" if "int8" in first else "fp32"
    say(f"inference: {ours} beside plain fp32 of the whole network", ratio(ours, "plain"), "times", 2.2)
    say(f"inference: {ours} beside our own fp32", ratio(ours, "fp32"), "times")
    if "keras" in first:
        say(f"inference: {ours} beside Keras VGG16", ratio(ours, "keras"), "times", 60)
    networks = [name for name in first if name.startswith("fastdup") and "processor" not in name]
    if networks:
        say(f"inference: {ours} beside the faster of {len(networks)} fastdup networks",
            lambda found: found[ours] / max(found[name] for name in networks), "times", 2)  # fmt: skip
    for form in [name for name in first if name.startswith("vgg16") and "core-ms" not in name]:
        for peer in [name for name in ("keras", "torch") if name in first]:
            aim = {"vgg16-fp32": 1.0, "vgg16-bf16": 1.6}.get(form) if peer == "keras" else None
            say(f"inference: {form} beside {peer} VGG16", ratio(form, peer), "times", aim)
            say(f"  the same in processor time, which other work disturbs less: {form} beside {peer}",
                ratio(f"{peer} processor", f"{form} core-ms"), "times")  # fmt: skip
    bound = f"{ours} core-ms"
    say("end to end: share of the bound", lambda found: found[f"index {ours}"] * (found["prepare"] + found[bound]) / 1e3
        / cores(), "%", 0.9)  # fmt: skip
    say(f"end to end: {ours} beside fp32", ratio(f"index {ours}", "index fp32"), "times", 1.4)
    say("preparation", lambda found: found["prepare"], "core-ms", 2.5)
    say("of it the color vector", lambda found: found["color"], "core-ms")
    for name in [name.removesuffix(" core-ms") for name in first if name.endswith("core-ms")]:
        work = OPERATIONS["vgg16" if name.startswith("vgg16") else "lite0"]
        peak = "int8" if name == "int8" else "fp32"
        say(f"{name}: share of the {peak} matrix-multiply peak",
            lambda found, n=name, w=work, p=peak: w * 1e3 / found[f"{n} core-ms"] / found[f"peak {p}"], "%")  # type: ignore[misc]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--vgg16", type=int, default=0)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PLACE")
    options = parser.parse_args()
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as aside:
        measured = Round(Path(aside), options)
        try:
            for _ in range(options.rounds):
                rounds.append(measured.run())
                print("  ".join(f"{name} {value:.1f}" for name, value in rounds[-1].items()), flush=True)
        finally:
            for peer in measured.peers:
                peer.close()
    report(rounds)


if __name__ == "__main__":
    main()
