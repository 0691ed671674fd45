"""Damage that readers must notice themselves, whatever they read; `check` is not asked here."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

import lookalike
from lookalike.errors import CatalogDamaged
from tests.faults import flips


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with everything in it."""
    return flips.make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def catalog(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "c.catalog"))


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def test_s10_a_damaged_index_is_no_approximate_answer(catalog: Path) -> None:
    files = sorted(path for path in (catalog / "items.lance" / "_indices").rglob("*") if path.is_file())
    assert files
    exact = lookalike.open(catalog).similar("001.png", ranking="euclidean").results
    for path in files:
        data = path.read_bytes()
        flipped(path)
        with pytest.raises(CatalogDamaged, match=r"make_index\(\)"):
            lookalike.open(catalog).similar("001.png", ranking="euclidean", approximate=True)
        assert lookalike.open(catalog).similar("001.png", ranking="euclidean").results == exact
        path.write_bytes(data)
    flipped(files[0])
    assert lookalike.open(catalog).make_index() is not None
    assert lookalike.open(catalog).similar("001.png", ranking="euclidean", approximate=True).recall > 0.9


def test_s10_what_names_the_files_of_a_table_is_compared_before_it_is_read(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lance

    newest = min((catalog / "items.lance" / "_versions").glob("*.manifest"))
    flipped(newest)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("Lance was given a damaged file")

    held = lookalike.open(catalog)
    monkeypatch.setattr(lance, "dataset", never)
    with pytest.raises(CatalogDamaged, match="not as it was written"):
        held.store.read("items", ["id"])


def test_s10_flipped_bits_are_found_and_never_a_wrong_answer(made: Path, tmp_path: Path) -> None:
    catalog = Path(shutil.copytree(made, tmp_path / "c.catalog"))
    chosen = flips.drawn(catalog, 60, random.Random(0))
    assert flips.flip(catalog, chosen[::3])[1] == []
