"""Compiled loops: made once, taken from the cache folder without Numba, and never seen in what comes of a photo."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from lookalike import images
from lookalike.cache import cache_folder
from lookalike.images import loops, machine, resample
from lookalike.images.fit import is_resized
from lookalike.images.histogram import see
from lookalike.options import Fit, ImageLimits
from lookalike.records import Bytes, Photo

pytest.importorskip("numba")


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    noise(width, height).save(buffer, "JPEG")
    return buffer.getvalue()


def ran(code: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


@pytest.fixture
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has no loops yet."""
    monkeypatch.setattr(loops, "_here", loops._Here())


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 300), st.integers(1, 300), st.just(3)), fill=st.integers(0, 255)),
    st.integers(0, 2),
)
def test_the_same_is_seen_with_and_without_the_loops(pixels: Bytes, light: int) -> None:
    pixels = np.maximum(pixels, np.uint8((0, 230, 236)[light]))  # any, hardly any product, none
    there = loops.prepare()
    with pytest.MonkeyPatch.context() as patch:
        found = see(pixels)
        patch.setattr(loops._here, "loops", None)
        expected = see(pixels)
    assert there is not None
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_array_equal(found.covered, expected.covered)


def test_a_part_of_a_picture_is_seen_as_its_copy_is() -> None:
    whole = np.asarray(noise(300, 240))
    loops.prepare()
    for part in (whole[:, 20:250], whole[::2], whole[:, ::-1]):
        assert not part.flags.c_contiguous
        np.testing.assert_array_equal(see(part).counts, see(part.copy()).counts)


def test_one_photo_loads_no_compiler_and_no_loops() -> None:
    code = (
        "import io, sys; from PIL import Image; from lookalike import images; from lookalike.options import *\n"
        "b = io.BytesIO(); Image.new('RGB', (480, 360)).save(b, 'JPEG')\n"
        "images.load(b.getvalue(), Fit(), ImageLimits())\n"
        "print('numba' in sys.modules, 'llvmlite' in sys.modules)"
    )
    done = ran(code)
    assert done.stdout.split() == ["False", "False"]


def test_what_lies_in_the_cache_needs_no_numba() -> None:
    assert loops.prepare() is not None
    assert machine.is_kept()
    code = (
        "import sys; from lookalike.images import loops\n"
        "there = loops.take(); import numpy as np; pixels = np.arange(6, dtype=np.uint32).reshape(2, 3)\n"
        "print(there.turned(pixels).tolist() == pixels.T.tolist(), 'numba' in sys.modules)"
    )
    done = ran(code)
    assert done.stdout.split() == ["True", "False"]


def test_numba_compiles_as_before_where_the_loops_came_first() -> None:
    """The names that stand in for Numba's own give way to these."""
    assert loops.prepare() is not None
    code = (
        "from lookalike.images import loops; assert loops.take()\n"
        "import numba\n"
        "@numba.cfunc('int64(int64)')\n"
        "def fail(x): return 1 // x\n"
        "print(fail.ctypes(0))"
    )
    done = ran(code)
    assert done.stdout.strip() == "0"
    assert "ZeroDivisionError" in done.stderr


def test_damaged_code_is_not_loaded(afresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert loops.prepare() is not None
    kept = sorted(cache_folder().glob(f"loops-*.{machine.SUFFIX}"))[0]  # two processes may have made it at once
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    code = bytearray(kept.read_bytes())
    code[len(code) // 2] ^= 1
    (tmp_path / kept.name).write_bytes(code)
    assert not machine.is_kept()
    assert machine.kept() is None
    (tmp_path / kept.name).write_bytes(kept.read_bytes())
    assert machine.is_kept()


@pytest.mark.parametrize("gone", ["numba", "llvmlite", "llvmlite.binding"])
def test_without_numba_pillow_does_it(gone: str, afresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    monkeypatch.delitem(sys.modules, "lookalike.images._kernels", raising=False)
    monkeypatch.setitem(sys.modules, gone, None)
    monkeypatch.setattr(loops, "WARM", 2)
    image = noise(300, 200)
    expected = image.resize((100, 100), Image.Resampling.BICUBIC).tobytes()
    for _ in range(5):
        loops.warm_up(1, 1)
        assert resample.Resizer(image)((100, 100)).tobytes() == expected
    assert loops._here.tried
    assert loops.prepare() is None


def test_the_loops_are_made_after_a_while(afresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    monkeypatch.setattr(loops, "WARM", 20)
    there = []
    for _ in range(3):
        loops.warm_up(20, 8)
        there.append(loops.current() is not None)
    assert there == [False, False, True]


def test_loops_in_the_cache_are_taken_soon(afresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.loaded() is not None
    monkeypatch.setattr(machine, "made", lambda: pytest.fail("they were there"))
    loops.warm_up(loops.FEW - 1, 0)
    assert loops.current() is None
    loops.warm_up(1, 0)
    assert loops.current() is not None


def test_worker_processes_take_the_loops_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loops.prepare() is not None
    monkeypatch.setattr(loops, "WARM", 1)
    data, fit = jpeg(300, 220), Fit(size=64)
    expected = images.load(data, fit, ImageLimits())
    workers = images.Workers()
    compiled: list[bool] = []
    monkeypatch.setattr(workers.compiler, "compile", lambda: compiled.append(True))
    try:
        for ready in (False, True, True):
            workers.compiler.ready = ready
            with workers.start([data] * 40, fit, ImageLimits()) as pending:
                for photo in pending.results():
                    assert isinstance(photo, Photo)
                    np.testing.assert_array_equal(photo.pixels, expected.pixels)
                    np.testing.assert_array_equal(photo.color, expected.color)
                    np.testing.assert_array_equal(photo.outline, expected.outline)
                    assert photo.thumbnail == expected.thumbnail
        (worker,) = workers._idle
        maps = Path(f"/proc/{worker._process.pid}/maps").read_text()
    finally:
        workers.close()
    assert compiled == [True]
    assert "llvmlite" in maps
    assert "numba" not in maps


def test_where_many_photos_come_the_loops_are_made_early(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    compiler = loops.Compiler()
    monkeypatch.setattr(compiler, "compile", begun.set)
    compiler.count(loops.EARLY)
    assert not begun.wait(0.05), "a few photos are over before it pays"
    compiler.expect(loops.MANY)
    compiler.count(0)
    assert begun.wait(5)


def test_a_process_looks_for_the_loops_at_first_and_once_they_are_made() -> None:
    compiler = loops.Compiler()
    compiler.expect(loops.FEW)
    assert [compiler.pays(photos) for photos in (0, 16, 10_000)] == [True, False, False]
    compiler.ready = True
    assert [compiler.pays(photos) for photos in (0, 16)] == [True, True]
    compiler.expect(loops.FEW - 1)
    assert [compiler.pays(photos) for photos in (0, loops.FEW)] == [False, True]


def test_photos_that_need_no_resizing_have_nothing_made(afresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "WARM", 1)
    workers = images.Workers()
    monkeypatch.setattr(workers.compiler, "compile", lambda: pytest.fail("compiled for nothing"))
    decoders: list[images.Decoder] = [workers, images.HERE]
    try:
        for decoder in decoders:
            with decoder.start([jpeg(64, 64)] * 3, Fit(size=64), ImageLimits()) as pending:
                assert all(isinstance(photo, Photo) for photo in pending.results())
    finally:
        workers.close()
    assert not loops._here.tried
    for width, expected in ((64, (False, False)), (60, (True, False)), (65, (True, True))):
        assert is_resized(width, 64, Fit(size=64), 64) is expected[0]
        assert is_resized(width, 64, Fit(size=64, resize="nearest"), 64) is expected[1]


@pytest.mark.skipif(os.name != "posix", reason="workers need POSIX")
def test_the_loops_are_made_for_others_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    compiler = loops.Compiler()
    compiler.compile()
    assert compiler.ready
    assert machine.is_kept()


def test_code_that_cannot_be_loaded_elsewhere_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    monkeypatch.setattr(machine, "_says_yes", lambda expression: "loaded" in expression)
    compiler = loops.Compiler()
    compiler.compile()
    assert not compiler.ready
