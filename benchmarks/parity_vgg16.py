"""Does `vgg16` compute what Keras does? Random seeded weights in Keras' own layouts, real photos, both networks.

    python -m venv aside && aside/bin/pip install keras jax h5py -e .
    KERAS_BACKEND=jax LOOKALIKE_PHOTOS=... aside/bin/python -m benchmarks.parity_vgg16 [--photos 200]

Photos are loaded by each side's own loader from the same files, 224 x 224 and enlarged to 480 x 360. Prints the largest
difference over the largest value, how many photos have the same three nearest, and photos/s of both; fails above 1e-4.
Any Keras backend will do. `--sizes 224x224` does one size alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.models.keras_layout import write_released

from benchmarks.closeness import closeness
from lookalike import images, models
from lookalike.options import Fit, ImageLimits
from lookalike.records import Floats

CLOSE = 1e-4


def keras_model(top: bool) -> tuple[Any, Any]:
    """Keras' VGG16 with seeded random weights, biases too: whole, and ending at fc2 or at the pooled last block."""
    import keras

    keras.utils.set_random_seed(0)
    whole = keras.applications.VGG16(weights=None, include_top=top, pooling=None if top else "avg")
    rng = np.random.default_rng(0)
    for layer in whole.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.5, bias.shape)])
    return whole, keras.Model(whole.inputs, whole.get_layer("fc2").output) if top else whole


def keras_vectors(model: Any, paths: list[Path]) -> Floats:
    """As the published method does: Keras' loader (nearest neighbor), its preprocessing, its prediction."""
    import keras

    found = []
    for start in range(0, len(paths), 32):
        part = [
            keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224)))
            for path in paths[start : start + 32]
        ]
        pixels = keras.applications.vgg16.preprocess_input(np.stack(part))
        found.append(np.asarray(model.predict_on_batch(pixels)))
    return np.concatenate(found)


def our_vectors(model: models.Model, paths: list[Path]) -> Floats:
    """As `index` does."""
    fit = Fit(size=model.facts.size, resize=model.facts.resize)
    pixels = [images.load(path.read_bytes(), fit, ImageLimits()).pixels for path in paths]
    return model.embed(np.stack(pixels))


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--without-top", action="store_true")
    parser.add_argument("--sizes", default="480x360,224x224", help="width and height of the photos")
    options = parser.parse_args()
    top = not options.without_top
    name = "vgg16" if top else "vgg16-notop"
    sources = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))
    sources = sources[:: len(sources) // options.photos][: options.photos]
    whole, reference = keras_model(top)
    with tempfile.TemporaryDirectory() as aside:
        os.environ["LOOKALIKE_CACHE"] = str(Path(aside) / "cache")
        arrays = {layer.name: layer.get_weights() for layer in whole.layers if layer.weights}
        released = write_released(Path(aside) / "released.h5", arrays)
        model = models.load(name, weights=released, threads=os.cpu_count() or 1)
        whole.save_weights(Path(aside) / "keras3.weights.h5")
        other = models.load(name, weights=Path(aside) / "keras3.weights.h5", threads=os.cpu_count() or 1)
        for text in options.sizes.split(","):
            wide, high = (int(side) for side in text.split("x"))
            size = wide, high
            paths = []
            for number, source in enumerate(sources):
                paths.append(Path(aside) / f"{size[0]}-{number}.jpg")
                with Image.open(source) as photo:
                    photo.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(paths[-1], quality=92)
            keras_vectors(reference, paths[:32])
            started = time.perf_counter()
            expected = keras_vectors(reference, paths)
            middle = time.perf_counter()
            found = our_vectors(model, paths)
            ended = time.perf_counter()
            assert np.array_equal(other.embed(_pixels(model, paths[:2])), found[:2]), "the two layouts differ"
            difference, same = closeness(found, expected)
            print(
                f"{name} {size[0]} x {size[1]}: largest difference {difference:.1e} of the largest value, same three "
                f"nearest for {same} of {len(paths)}; {len(paths) / (middle - started):.1f} photos/s in Keras "
                f"({os.environ.get('KERAS_BACKEND', 'tensorflow')}), {len(paths) / (ended - middle):.1f} here"
            )
            assert difference <= CLOSE
            assert same >= len(paths) - 1


def _pixels(model: models.Model, paths: list[Path]) -> Any:
    fit = Fit(size=model.facts.size, resize=model.facts.resize)
    return np.stack([images.load(path.read_bytes(), fit, ImageLimits()).pixels for path in paths])


if __name__ == "__main__":
    main()
