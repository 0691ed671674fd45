"""Photos decoded in other processes: the same pixels, and whatever a photo does there, it costs that photo alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike import images
from lookalike.errors import LookalikeError, Rejected
from lookalike.images import Workers, wire, worker
from lookalike.images.apart import STARTS
from lookalike.options import Fit, ImageLimits
from lookalike.records import Photo
from tests.faults.breaking_worker import MARK
from tests.faults.recipes import FIT, LIMITS, encode, noise, png_bomb, smooth

GOOD = encode(smooth(), "JPEG")
HASTY = replace(LIMITS, seconds=0.4)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Workers whose decoder breaks when a photo asks for it."""
    found = Workers([sys.executable, "-m", "tests.faults.breaking_worker"])
    yield found
    found.close()


def results(
    decoder: images.Decoder, photos: Sequence[bytes], fit: Fit = FIT, limits: ImageLimits = LIMITS
) -> list[Photo | Rejected]:
    with decoder.start(photos, fit, limits) as decoding:
        return decoding.results()


def codes(found: Sequence[Photo | Rejected]) -> list[str]:
    return [one.code if isinstance(one, Rejected) else "ok" for one in found]


def breaking(how: str) -> bytes:
    return GOOD + MARK[2:] + how.encode()


def test_photos_are_the_same_wherever_they_are_decoded() -> None:
    photos = [GOOD, encode(noise(), "PNG"), encode(noise().convert("CMYK"), "JPEG", icc_profile=b"x" * 200), b"", GOOD]
    photos += [b"<html>", png_bomb(30_000, 30_000), GOOD[:-40], encode(noise(), "GIF", save_all=True)]
    for fit in (FIT, Fit(size=33, resize="pad")):
        here, apart = results(images.HERE, photos, fit), results(images.WORKERS, photos, fit)
        assert codes(here) == codes(apart)
        for one, other in zip(here, apart, strict=True):
            if isinstance(one, Photo) and isinstance(other, Photo):
                assert (one.pixels == other.pixels).all()
                assert (one.color == other.color).all()
                left, right = (replace(photo, pixels=np.array([]), color=np.array([])) for photo in (one, other))
                assert repr(left) == repr(right), "thumbnail, format, size, frames and notes"
            else:
                assert str(one) == str(other)


def test_workers_that_were_begun_are_those_that_are_used() -> None:
    workers = Workers()
    try:
        workers.begin(2)
        begun = {worker._process.pid for worker in workers._idle}
        workers.begin(2)
        assert {worker._process.pid for worker in workers._idle} == begun
        assert codes(results(workers, [GOOD])) == ["ok"]
        assert {worker._process.pid for worker in workers._idle} == begun
        assert len(begun) == 2
        idle = list(workers._idle)
    finally:
        workers.close()
    assert [worker.is_alive() for worker in idle] == [False, False]


def test_nothing_is_asked_of_nobody() -> None:
    assert results(images.WORKERS, []) == []


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("SIGSEGV", "E_CRASHED"),
        ("SIGABRT", "E_CRASHED"),
        ("SIGKILL", "E_CRASHED"),
        ("exit", "E_CRASHED"),
        ("grow", "E_MEMORY"),
        ("spin", "E_TIMEOUT"),
    ],
)
def test_d02_d07_a_broken_photo_costs_itself(workers: Workers, how: str, code: str) -> None:
    found = results(workers, [GOOD, breaking(how), GOOD, GOOD], limits=HASTY)
    assert codes(found) == ["ok", code, "ok", "ok"]
    assert isinstance(found[1], Rejected)
    assert found[1].stage == "decode"
    if how == "SIGSEGV":
        assert "Segmentation fault" in found[1].detail


def test_d07_a_photo_that_waits_for_ever_is_ended_by_the_clock(workers: Workers) -> None:
    short = replace(LIMITS, seconds=0.02)
    assert codes(results(workers, [breaking("sleep"), GOOD], limits=short)) == ["E_TIMEOUT", "ok"]


def test_d02_what_ends_a_process_once_is_tried_again_alone(workers: Workers, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    assert codes(results(workers, [GOOD, breaking(f"once {flag}"), GOOD])) == ["ok", "ok", "ok"]
    assert not flag.exists()


@pytest.mark.parametrize("said", ["-1 0", "-5 -9", "99 99", "-9000000000 -9000000000", "2 3"])
def test_d02_a_worker_that_lies_about_how_far_it_is_costs_its_photo(workers: Workers, said: str) -> None:
    assert codes(results(workers, [GOOD, GOOD, breaking(f"say {said}"), GOOD])) == ["ok", "ok", "E_CRASHED", "ok"]


def test_many_broken_photos_in_one_batch(workers: Workers) -> None:
    photos = [breaking("SIGSEGV"), GOOD, breaking("exit"), breaking("SIGKILL"), b"", GOOD]
    expected = ["E_CRASHED", "ok", "E_CRASHED", "E_CRASHED", "E_EMPTY", "ok"]
    assert codes(results(workers, photos)) == expected


def test_a_worker_writes_no_file(workers: Workers, tmp_path: Path) -> None:
    path = tmp_path / "written"
    assert codes(results(workers, [breaking(f"write {path}")])) == ["E_CRASHED"]
    assert path.stat().st_size == 0, "the system refuses every byte"


def test_a_worker_that_was_ended_from_outside_is_replaced(workers: Workers) -> None:
    assert codes(results(workers, [GOOD])) == ["ok"]
    for idle in workers._idle:
        os.kill(idle._process.pid, signal.SIGKILL)
    time.sleep(0.05)
    assert codes(results(workers, [GOOD])) == ["ok"]


def test_threads_have_workers_of_their_own() -> None:
    found: list[list[str]] = []

    def ask() -> None:
        found.append(codes(results(images.WORKERS, [GOOD, b"", GOOD])))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["ok", "E_EMPTY", "ok"]] * 3
    assert len(images.WORKERS._idle) <= 4


def test_photos_that_are_not_waited_for_end_their_worker() -> None:
    before = list(images.WORKERS._idle)
    with pytest.raises(ZeroDivisionError), images.WORKERS.start([GOOD] * 4, FIT, LIMITS):
        raise ZeroDivisionError
    assert len(images.WORKERS._idle) == max(0, len(before) - 1)
    assert codes(results(images.WORKERS, [GOOD])) == ["ok"]


def test_workers_that_do_not_start_are_an_error() -> None:
    with pytest.raises(LookalikeError, match="status 3") as caught:
        results(Workers([sys.executable, "-c", "import sys; sys.exit(3)"]), [GOOD])
    assert caught.value.code == "E_WORKER"
    assert STARTS == 3
    with pytest.raises(LookalikeError, match="no process can be started"):
        results(Workers(["/nowhere/python"]), [GOOD])


@pytest.mark.skipif(sys.platform == "darwin", reason="the kernel does not keep limits of memory there")
def test_photos_are_decoded_under_a_limit_of_memory_from_outside() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30));"
        "from tests.images.test_apart import *; print(codes(results(images.WORKERS, [GOOD, breaking('ok')])))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['ok', 'ok']", done.stderr


def test_the_memory_of_a_worker_is_bounded_by_both_limits() -> None:
    code = (
        "import resource; from lookalike.images import worker; size = lambda: resource.getrlimit(resource.RLIMIT_AS);"
        "resource.setrlimit(resource.RLIMIT_AS, (9 << 30, 9 << 30));"
        "worker._allow(8 << 30); print(size()[0] >> 30, size()[1] >> 30);"
        "worker._allow(99 << 30); print(size()[0] >> 30);"
        "worker._allow(8 << 30); worker._allow(resource.RLIM_INFINITY); print(size()[0] >> 30)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["8", "9", "9", "9"], done.stderr


def test_a_file_named_like_a_module_is_not_run(tmp_path: Path) -> None:
    for name in ("json", "numpy", "socket", "lookalike"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit({name!r})")
    code = "from tests.images.test_apart import *; print(codes(results(images.WORKERS, [GOOD])))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "['ok']", done.stderr


def test_an_orphan_ends_by_itself() -> None:
    code = (
        "import os; from tests.images.test_apart import *; results(images.WORKERS, [GOOD]);"
        "print(images.WORKERS._idle[0]._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    for _ in range(100):
        if not Path(f"/proc/{pid}/stat").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.05)
    raise AssertionError("it goes on without its program")


def test_what_a_worker_says_is_not_believed_blindly() -> None:
    import mmap

    request = wire.laid_out([3], FIT, LIMITS, 224)
    memory = mmap.mmap(-1, request.size)
    slot = request.slots[0]
    fine = ["JPEG", 4, 3, 1, False, 10, []]
    nonsense: list[Any] = [
        {"photo": ["EXE", *fine[1:]]},
        {"photo": ["JPEG", -4, *fine[2:]]},
        {"photo": ["JPEG", 10**12, *fine[2:]]},
        {"photo": [*fine[:5], 10**8, []]},
        {"photo": [*fine[:6], [3]]},
        {"photo": fine[:-1]},
        {"rejected": ["no code", "x", "decode"]},
        {"rejected": ["E_X", "x", "elsewhere"]},
        {"photo": [*fine[:6], ["\ud83d"]]},
        {"photo": ["JPEG", 10_000, 10_000, *fine[3:]]},
        {"photo": [["JPEG"], *fine[1:]]},
        {"rejected": ["E_X", "\ud83d", "decode"]},
        {"rejected": "E_X"},
        {"other": 1},
        [],
        7,
    ]
    for told in nonsense:
        wire._put_facts(memory, slot, told)
        with pytest.raises((ValueError, TypeError, KeyError)):
            wire.taken(memory, slot, request)
    deep = b"[" * 5_000
    memory[slot : slot + 4 + len(deep)] = len(deep).to_bytes(4, "little") + deep
    with pytest.raises(ValueError, match=r"within|Expecting"):  # how deep is too deep depends on the release of Python
        wire.taken(memory, slot, request)
    wire._put_facts(memory, slot, {"photo": fine})
    place = slot + wire._FACTS + wire._pixel_bytes(FIT)
    color = np.frombuffer(memory, np.float32, 216, place)
    jpeg = place + wire._COLOR + wire._OUTLINE
    for value, picture in ((np.nan, b"\xff\xd8\xff"), (0.5, b"\xff\xd8\xff"), (1.0, b"<svg>")):
        color[0] = value
        memory[jpeg : jpeg + 10] = picture.ljust(8) + b"\xff\xd9"
        with pytest.raises(ValueError, match="color vector" if value != 1 else "no JPEG"):
            wire.taken(memory, slot, request)
    memory[jpeg : jpeg + 3] = b"\xff\xd8\xff"
    assert isinstance(wire.taken(memory, slot, request), Photo)
    del color
    memory[slot : slot + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(ValueError, match="too long"):
        wire.taken(memory, slot, request)
    assert worker.IDLE_SECONDS > 0
