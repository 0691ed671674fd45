"""From which of VGG16's convolutions on does Winograd's method pay? Processor milliseconds a photo, a core.

    python -m benchmarks.winograd [--rounds 3] [--batch 4]

The convolutions alone (fc1 and fc2 are kept tiny), random weights, photos of noise. Every round runs each graph once,
in turn, on one thread; the medians of the rounds and of their ratios to the plain graph are printed. Checks that no
vector is further than 1e-5 of the largest value from the plain graph's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np
from tests.models import keras_layout

from lookalike import models
from lookalike.models import vgg16
from lookalike.models.onnx_model import OnnxModel

FIRST = (None, "block1_conv2", "block2_conv1", "block2_conv2", "block3_conv1", "block4_conv1")
CLOSE = 1e-5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    options = parser.parse_args()
    plan = vgg16.Plan(dense=64)
    arrays = keras_layout.random_arrays(plan, top=True)
    facts = replace(models.facts("vgg16"), dimension=plan.dense)
    networks = []
    for first in FIRST:
        graph = vgg16.build(arrays, top=True, plan=plan, winograd=first)
        networks.append(OnnxModel(graph, facts, threads=1, again=(models.load, ()), batch=options.batch))
    shape = (options.batch, facts.size, facts.size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = networks[0].embed(pixels)
    differences = [float(np.abs(model.embed(pixels) - expected).max() / np.abs(expected).max()) for model in networks]
    rounds: list[list[float]] = []
    for _ in range(options.rounds):
        rounds.append([])
        for model in networks:
            started = time.thread_time()
            model.embed(pixels)
            rounds[-1].append(1e3 * (time.thread_time() - started) / options.batch)
    for place, (first, difference) in enumerate(zip(FIRST, differences, strict=True)):
        spent = statistics.median(found[place] for found in rounds)
        faster = statistics.median(found[0] / found[place] for found in rounds)
        named = "plain" if first is None else f"from {first} on"
        print(f"{named}: {spent:.0f} core-ms a photo, {faster:.2f} times as fast, difference {difference:.1e}")
        assert difference < CLOSE


if __name__ == "__main__":
    main()
