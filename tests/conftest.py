"""What several tests need: small photos on disk, and the command line called as a user would."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

EXTRAS_ARE_IN = Path(__file__).parents[1] / "pyproject.toml"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What skips for an extra that is not installed is one line of the summary, not one a test."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and "pip install" in report.longrepr[2]:
        report.longrepr = (str(EXTRAS_ARE_IN), 1, report.longrepr[2])
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-extras` runs: the tests of extras that are quick to install."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if {"s3_server", "openvino"} & set(fixtures) or "-openvino" in item.name or "on s3" in item.name:
            item.add_marker("extra")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Graphs are built in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document of `--json`: all of stdout."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call `lookalike ARGUMENT...` in this process."""
    from lookalike.cli import main

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["lookalike", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        captured = capfd.readouterr()
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def coarse_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of few dots, for tests of what is around them; how they look in print is for `tests/report`."""
    for module in ("canvas", "page"):
        monkeypatch.setattr(f"lookalike.report.{module}.PRINT_DPI", 60)
    monkeypatch.setattr("lookalike.report.canvas._SVG_DPI", 60)


def draw(path: Path, color: tuple[int, int, int], seed: int = 0, size: tuple[int, int] = (48, 36)) -> Path:
    """A small photo on white: a noisy rectangle of `color`, in the format of the path's ending."""
    rng = np.random.default_rng(seed)
    pixels = np.full((size[1], size[0], 3), 255, np.int64)
    top, left = rng.integers(3, 5, 2)
    pixels[top : size[1] - 6, left : size[0] - 6] = np.array(color) + rng.integers(-9, 10, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


COLORS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (40, 60, 200), "gray": (128, 128, 128)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 12 photos, three of each of four colors, with a table `metadata.csv` beside them."""
    folder = tmp_path / "photos"
    lines = ["path,id,color,year,note"]
    for row in range(12):
        name = list(COLORS)[row % 4]
        draw(folder / f"{name}-{row:02d}.png", COLORS[name], seed=row)
        lines.append(f"photos/{name}-{row:02d}.png,{row:02d},{name},{2010 + row // 4},")
    (tmp_path / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def real_photos() -> Path:
    """The folder of real product photos, or a skip that says how to have one."""
    folder = os.environ.get("LOOKALIKE_PHOTOS", "")
    if not folder or not (Path(folder) / "metadata.csv").exists():
        pytest.skip("needs real product photos: set LOOKALIKE_PHOTOS to a folder with images/ and metadata.csv")
    return Path(folder)


@pytest.fixture(scope="session")
def openvino() -> None:
    """OpenVINO, or a skip that says how to have it."""
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("needs OpenVINO: pip install 'lookalike[openvino]'")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server of this machine, or a skip that says how to have one."""
    from tests import s3

    if not s3.is_here():
        pytest.skip(s3.MISSING)
    with s3.server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_server: str) -> str:
    """The address of an empty bucket."""
    from tests import s3

    return s3.make_bucket(s3_server, f"b{uuid.uuid4().hex}")
