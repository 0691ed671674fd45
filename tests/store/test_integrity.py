"""Damage is found, whatever it hits; what a cut-short run leaves is harmless; older versions come back."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest

import lookalike
from lookalike.errors import CatalogDamaged, NotFound
from lookalike.store import LanceStore, lance_store, schema
from tests.conftest import COLORS, Run, draw


@pytest.fixture
def catalog(run: Run, photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "c.catalog"
    run("index", folder, photos, "--metadata", tmp_path / "metadata.csv", "--model", "tiny")
    run("cluster", folder, "-k", 4)
    run("map", folder)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in ("lock", "latest_version_hint.json"))


def test_all_is_as_written(run: Run, catalog: Path) -> None:
    done = run("check", catalog, "--json")
    assert done.code == 0
    assert done.json["problems"] == []
    assert done.json["files"] == len(files(catalog))


def test_s10_every_flipped_bit_is_found(run: Run, catalog: Path) -> None:
    rng = random.Random(0)
    for path in files(catalog):
        data = path.read_bytes()
        for _ in range(3 if path.suffix != ".json" else 30):
            place, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
            path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
            with suppress(lookalike.LookalikeError):  # found already when it was opened
                assert lookalike.open(catalog).check().problems, f"{path.name}, byte {place}, bit {bit}"
        path.write_bytes(data)
    assert lookalike.open(catalog).check().problems == ()


def test_s11_missing_and_cut_files_are_found(run: Run, catalog: Path) -> None:
    newest = max((catalog / "versions").iterdir())  # without it the version before is the newest
    for path in files(catalog):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        assert run("check", catalog).code == 4
        path.unlink()
        assert path == newest or run("check", catalog).code == 4, path.name
        path.write_bytes(data)


def test_s13_what_an_interrupted_run_left_is_collected(
    catalog: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    draw(photos / "new.png", COLORS["red"], seed=7)
    with monkeypatch.context() as patch:
        patch.setattr(lance_store, "write_manifest", killed)
        with pytest.raises((KeyboardInterrupt, lookalike.Interrupted)):
            lookalike.open(catalog).index(photos)
    held = lookalike.open(catalog)
    assert (len(held), held.check().problems) == (12, ())
    assert held.check().orphans > 0
    assert held.collect_garbage() == 0, "younger than a week"
    assert held.collect_garbage(0) > 0
    assert held.check().orphans == 0
    assert lookalike.open(catalog).index(photos).added == 1
    assert len(lookalike.open(catalog)) == 13


def test_an_older_version_becomes_the_newest_again(run: Run, catalog: Path, photos: Path) -> None:
    before = lookalike.open(catalog)
    version, ids = before.info()["version"], before.ids
    draw(photos / "new.png", COLORS["red"], seed=7)
    run("index", catalog, photos, "--prune")
    run("remove", catalog, "red-00.png")
    done = run("restore", catalog, version, "--json")
    assert done.json == {"restored": version, "version": version + 3, "items": 12}
    again = lookalike.open(catalog)
    assert again.ids == ids
    assert (again.vectors == before.vectors).all()
    assert again.info()["clusters"]["current"]
    assert again.index(photos).added == 1, "and goes on from there"
    assert again.check().problems == ()
    assert run("restore", catalog, 99).code == 2


def test_remove_takes_items_out_of_everything(run: Run, catalog: Path) -> None:
    done = run("remove", catalog, "red-00.png", "blue-02.png", "--json")
    assert done.json == {"removed": 2, "total": 10}
    held = lookalike.open(catalog)
    assert not {"red-00.png", "blue-02.png"} & set(held.ids)
    assert held.store.read(schema.METADATA).num_rows == 10
    assert not held.info()["neighbors"]["current"]
    assert {row["neighbor_id"] for row in held.recommend(3).to_pylist()} <= set(held.ids)
    missing = run("remove", catalog, "green-01.png", "nobody")
    assert missing.code == 2
    assert "nobody" in missing.err
    assert len(lookalike.open(catalog)) == 10


def test_a_catalog_whose_first_version_is_gone_keeps_its_files(catalog: Path) -> None:
    min((catalog / "versions").glob("*.json")).unlink()
    with pytest.raises(CatalogDamaged, match="nothing was removed"):
        LanceStore.open(catalog).collect(0)
    with pytest.raises(NotFound):
        LanceStore.open(catalog, version=1)
