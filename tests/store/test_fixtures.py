"""Catalogs that earlier releases made open in this one, with the same answers, and can be written to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import lookalike
from tests.conftest import COLORS, draw
from tests.fixtures_release import FIXTURES, answers

RELEASES = sorted(path.stem for path in FIXTURES.glob("*.json"))


def test_there_is_one_of_the_first_release() -> None:
    assert "0.1.0" in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_s08_a_catalog_of_an_earlier_release_opens(release: str, tmp_path: Path) -> None:
    folder = tmp_path / "c.catalog"
    shutil.unpack_archive(FIXTURES / f"{release}.zip", folder)
    expected = json.loads((FIXTURES / f"{release}.json").read_text())
    assert answers(folder) == expected
    catalog = lookalike.open(folder)
    assert catalog.check().problems == ()
    catalog.index(draw(tmp_path / "new.png", COLORS["red"], seed=99))
    assert len(lookalike.open(folder)) == len(expected["similar"]) + 1
    first = lookalike.open(folder, version=expected["versions"][1])
    assert len(first) >= len(expected["similar"])
