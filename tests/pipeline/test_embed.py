"""What a worker does to a batch, with the next one at its heels: each photo has its own outcome, whatever breaks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike import images, models
from lookalike.images import Workers
from lookalike.pipeline import embed
from lookalike.pipeline.embed import Embedded, Embedder, Failed, Outcome, Task
from tests.faults.breaking_worker import MARK
from tests.faults.recipes import LIMITS, encode, smooth


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Workers whose decoder breaks when a photo asks for it."""
    found = Workers([sys.executable, "-m", "tests.faults.breaking_worker"])
    yield found
    found.close()


def written(folder: Path, names: str) -> list[Task]:
    """A photo for every letter; an `x` ends the process that decodes it, a `-` is no image."""
    for place, letter in enumerate(names):
        data = encode(smooth(96 + place), "JPEG")
        data = {"x": data + MARK[2:] + b"SIGSEGV", "-": b"no image %d" % place}.get(letter, data)
        (folder / f"{place:02}.jpg").write_bytes(data)
    return [Task(each) for each in images.find([folder], root=None).inputs]


def said(outcomes: list[Outcome]) -> str:
    letters = {"E_CRASHED": "x", "E_NOT_IMAGE": "-"}
    return "".join(letters[one.reason.code] if isinstance(one, Failed) else "a" for one in outcomes)


def embedder(workers: Workers) -> Embedder:
    return Embedder(models.facts("tiny"), LIMITS, 32, {}, decoder=workers)


@pytest.mark.parametrize("names", [("aaaa", "aaaa"), ("aaxa", "aaaa"), ("aaaa", "xaaa"), ("axa-", "-xax"), ("x", "x")])
def test_a_broken_photo_costs_itself_whatever_follows(workers: Workers, tmp_path: Path, names: tuple[str, str]) -> None:
    tasks = written(tmp_path, "".join(names))
    first, second = tasks[: len(names[0])], tasks[len(names[0]) :]
    work = embedder(workers)
    begun, following = work.begin(first), work.begin(second)
    found = [work.finish(begun, following), work.finish(following)]
    assert (said(found[0]), said(found[1])) == names
    alone = embedder(workers)
    for one, other in zip([*found[0], *found[1]], [*alone(first), *alone(second)], strict=True):
        assert type(one) is type(other)
        if isinstance(one, Embedded) and isinstance(other, Embedded):
            assert (one.input, one.sha256) == (other.input, other.sha256)
            assert (one.vector == other.vector).all()


def test_large_photos_go_part_by_part(workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "TOGETHER_BYTES", 1)
    tasks = written(tmp_path, "aa-axaaa")
    work = embedder(workers)
    begun, following = work.begin(tasks[:5]), work.begin(tasks[5:])
    assert said(work.finish(begun, following)) == "aa-ax"
    assert said(work.finish(following)) == "aaa"
    assert len(workers._idle) <= 2


def test_what_is_dropped_ends_its_worker(workers: Workers, tmp_path: Path) -> None:
    tasks = written(tmp_path, "aaaaaaaa")
    work = embedder(workers)
    begun, following = work.begin(tasks[:4]), work.begin(tasks[4:])
    assert said(work.finish(begun, following)) == "aaaa"
    decoding = following.decoding
    assert decoding is not None, "it began while the first was embedded"
    work.drop(following)
    assert getattr(decoding, "_worker", None) is None
    work.drop(work.begin(tasks[4:]))  # one that did not begin to be decoded
