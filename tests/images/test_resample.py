"""The loops give Pillow's bits, so that it does not matter which of the two resized a photo."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import images
from lookalike.images import resample
from lookalike.images.fit import is_resized
from lookalike.options import RESIZES, Fit, ImageLimits
from lookalike.records import Photo

pytest.importorskip("numba")
Box = tuple[float, float, float, float]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops from the first photo on."""
    assert resample.prepare() is not None
    monkeypatch.setattr(resample, "SEEN", 1)
    monkeypatch.setattr(resample, "_ways", resample._Ways())


@pytest.mark.parametrize(
    ("photo", "size", "box"),
    [
        ((480, 360), (224, 224), None),
        ((480, 360), (224, 168), None),
        ((480, 360), (224, 224), (60.0, 0.0, 420.0, 360.0)),
        ((361, 480), (224, 224), (0.0, 59.5, 361.0, 420.5)),
        ((200, 300), (224, 224), None),
        ((90, 700), (224, 224), None),
        ((1, 700), (224, 224), None),
        ((300, 2), (224, 1), None),
        ((224, 300), (224, 224), None),
        ((3000, 2500), (224, 224), None),
    ],
)
def test_the_same_bits_as_pillow(photo: tuple[int, int], size: tuple[int, int], box: Box | None) -> None:
    image = noise(*photo, seed=1)
    expected = image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=resample.GAP)
    found = resample.Resizer(image)(size, box)
    assert (found.mode, found.size) == ("RGB", size)
    assert found.tobytes() == expected.tobytes()


def test_every_size_has_a_way_that_agrees_with_pillow() -> None:
    rng = np.random.default_rng(0)
    for width, height, wide, high in rng.integers(1, 260, (25, 4)).tolist():
        way = resample.find_way((width, height, wide, high, (0.0, 0.0, float(width), float(height))))
        assert way is not None, (width, height, wide, high)


def test_sizes_that_share_an_axis_do_not_disturb_each_other() -> None:
    image = noise(480, 360)
    resize = resample.Resizer(image)
    for size in ((224, 224), (224, 168), (224, 224), (100, 168)):
        assert resize(size).tobytes() == resample.Resizer(image)(size).tobytes()
        assert resize(size).tobytes() == image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0).tobytes()


@pytest.mark.parametrize("resize", RESIZES)
def test_a_photo_is_the_same_with_and_without_the_loops(resize: str, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    noise(330, 280).save(buffer, "JPEG")
    fit = Fit(size=96, resize=resize)
    found = images.load(buffer.getvalue(), fit, ImageLimits())
    assert resize == "nearest" or resample._ways.known
    monkeypatch.setattr(resample._loops, "module", None)
    expected = images.load(buffer.getvalue(), fit, ImageLimits())
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.thumbnail == expected.thumbnail


def test_a_size_that_pillow_resizes_otherwise_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = resample.make_table

    def slightly_off(size: int, low: float, high: float, out: int) -> resample.Table:
        first, counts, weights = real(size, low, high, out)
        return first, counts, weights + np.int32(1 << 14)

    monkeypatch.setattr(resample, "make_table", slightly_off)
    image = noise(300, 200)
    expected = image.resize((100, 100), Image.Resampling.BICUBIC)
    assert resample.Resizer(image)((100, 100)).tobytes() == expected.tobytes()
    assert set(resample._ways.known.values()) == {None}


def test_a_size_is_tried_only_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "SEEN", 3)
    for expected in (0, 0, 1):
        resample.Resizer(noise(120, 90))((60, 45))
        assert len(resample._ways.known) == expected


def test_one_photo_does_not_load_numba() -> None:
    code = (
        "import io, sys; from PIL import Image; from lookalike import images; from lookalike.options import *\n"
        "b = io.BytesIO(); Image.new('RGB', (480, 360)).save(b, 'JPEG')\n"
        "images.load(b.getvalue(), Fit(), ImageLimits())\n"
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_numba_pillow_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(images, "_kernels")
    monkeypatch.setitem(sys.modules, "lookalike.images._kernels", None)
    monkeypatch.setattr(resample, "_loops", resample._Loops())
    monkeypatch.setattr(resample, "WARM", 2)
    image = noise(300, 200)
    expected = image.resize((100, 100), Image.Resampling.BICUBIC).tobytes()
    for _ in range(5):
        resample.warm_up(1)
        assert resample.Resizer(image)((100, 100)).tobytes() == expected
    assert resample._loops.tried
    assert resample.prepare() is None


def test_the_loops_are_loaded_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "_loops", resample._Loops())
    monkeypatch.setattr(resample, "WARM", 20)
    loaded = []
    for _ in range(3):
        resample.warm_up(8)
        loaded.append(resample._loops.module is not None)
    assert loaded == [False, False, True]


def test_worker_processes_take_the_loops_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "WARM", 1)
    buffer = io.BytesIO()
    noise(300, 220).save(buffer, "JPEG")
    fit = Fit(size=64)
    expected = images.load(buffer.getvalue(), fit, ImageLimits())
    workers = images.Workers()
    compiled: list[bool] = []
    monkeypatch.setattr(workers.compiler, "compile", lambda: compiled.append(True))
    try:
        for ready in (False, True, True):
            workers.compiler.ready = ready
            with workers.start([buffer.getvalue()] * 130, fit, ImageLimits()) as pending:
                for photo in pending.results():
                    assert isinstance(photo, Photo)
                    np.testing.assert_array_equal(photo.pixels, expected.pixels)
                    assert photo.thumbnail == expected.thumbnail
        (worker,) = workers._idle
        maps = Path(f"/proc/{worker._process.pid}/maps").read_text()
    finally:
        workers.close()
    assert compiled == [True]
    assert "llvmlite" in maps


def test_where_many_photos_come_the_loops_are_asked_for_early(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    compiler = resample.Compiler()
    monkeypatch.setattr(compiler, "compile", begun.set)
    compiler.count(resample.EARLY)
    assert not begun.wait(0.05), "a few photos are over before it pays"
    compiler.expect(resample.MANY)
    compiler.count(0)
    assert begun.wait(5)
    assert not compiler.pays(10_000), "it is not done"
    compiler.ready = True
    assert compiler.pays(0)
    compiler.expect(resample.MANY - 1)
    assert [compiler.pays(photos) for photos in (0, resample.LOOPS_AFTER)] == [False, True]


def test_photos_that_need_no_resizing_load_no_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "_loops", resample._Loops())
    monkeypatch.setattr(resample, "WARM", 1)
    buffer = io.BytesIO()
    noise(64, 64).save(buffer, "JPEG")
    workers = images.Workers()
    monkeypatch.setattr(workers.compiler, "compile", lambda: pytest.fail("compiled for nothing"))
    decoders: list[images.Decoder] = [workers, images.HERE]
    try:
        for decoder in decoders:
            with decoder.start([buffer.getvalue()] * 3, Fit(size=64), ImageLimits()) as pending:
                assert all(isinstance(photo, Photo) for photo in pending.results())
    finally:
        workers.close()
    assert not resample.is_tried()
    for width, expected in ((64, (False, False)), (60, (True, False)), (65, (True, True))):
        assert is_resized(width, 64, Fit(size=64), 64) is expected[0]
        assert is_resized(width, 64, Fit(size=64, resize="nearest"), 64) is expected[1]


def test_the_loops_are_compiled_for_others_in_a_process_of_its_own() -> None:
    compiler = resample.Compiler()
    compiler.compile()
    assert compiler.ready
