"""Approximate answers on request: never unasked, never without a receipt, and the receipt tells the truth."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import lookalike
from lookalike import analysis, models
from lookalike.errors import CatalogDamaged, UsageError
from lookalike.options import RankingOptions
from lookalike.records import Estimate, Floats
from lookalike.store import Append, LanceStore, MemoryStore, Store, Upsert, schema
from lookalike.store.reading import Reading
from tests.conftest import Run
from tests.contracts.test_store_contract import items

FACTS = models.facts("tiny")
N = 400
NAMES = [f"{row:04d}.jpg" for row in range(N)]
OPTIONS = RankingOptions(k=5, ranking="euclidean", approximate=True)


def vectors(seed: int = 0, n: int = N) -> Floats:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(20, FACTS.dimension)) * 3
    return (centers[rng.integers(0, 20, n)] + rng.normal(size=(n, FACTS.dimension))).astype(np.float32)


def rows(names: list[str], values: Floats) -> pa.Table:
    table = items(*names)
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return table.set_column(
        table.schema.get_field_index("vector"), schema.items(FACTS.dimension).field("vector"), column
    )


def fill(store: Store, values: Floats, names: list[str] = NAMES) -> None:
    keys = pa.table([names, names], schema=schema.metadata())
    with store.writing():
        changes = [Append(schema.ITEMS, rows(names, values)), Append(schema.METADATA, keys)]
        store.commit("items", changes, vectors_changed=True)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("approximate") / "c.catalog"
    fill(LanceStore.create(folder, FACTS), vectors())
    assert lookalike.open(folder).make_index() is not None
    return folder


@pytest.fixture
def folder(indexed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(indexed, tmp_path / "c.catalog"))


def test_recall_is_counted_by_distance_and_its_interval_is_wilsons() -> None:
    exact = np.array([[1.0, 2.0], [1.0, 2.0]])
    found = np.array([[1.0, 2.0], [2.0, 3.0]])  # a tie with the last of the exact ones counts
    half = analysis.nearest_found(found, exact)
    assert half.value == 0.75
    sure = analysis.nearest_found(np.ones((100, 3)), np.ones((100, 3)))
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert sure.low == pytest.approx(100 / (100 + 1.959964**2)), "100 of 100 do not prove that all are found"
    missed = analysis.nearest_found(np.full((9, 3), np.inf), np.ones((9, 3)))
    assert (missed.value, missed.low) == (0, 0)
    few = analysis.nearest_found(np.array([[1.0, np.inf]]), np.array([[1.0, np.inf]]))
    assert few.value == 1, "where there is no second neighbor none is missed"
    assert np.isnan(analysis.nearest_found(np.ones((0, 3)), np.ones((0, 3))).value)
    with pytest.raises(UsageError, match="same"):
        analysis.nearest_found(np.ones((2, 3)), np.ones((3, 3)))


def test_exact_is_the_default_and_approximate_has_a_receipt(folder: Path) -> None:
    catalog = lookalike.open(folder)
    exact = catalog.similar(NAMES[7], 5, ranking="euclidean")
    assert (exact.exact, exact.recall, exact.recall_low, exact.recall_high) == (True, 1.0, 1.0, 1.0)
    found = catalog.similar(NAMES[7], 5, ranking="euclidean", approximate=True)
    assert not found.exact
    assert 0.9 <= found.recall <= 1
    assert found.recall_low < found.recall <= found.recall_high <= 1
    assert catalog.receipt(5) == Estimate(value=found.recall, low=found.recall_low, high=found.recall_high)
    distances = {hit.id: hit.distance for hit in catalog.similar(NAMES[7], 50, ranking="euclidean").results}
    assert NAMES[7] not in [hit.id for hit in found.results]
    assert all(hit.distance == pytest.approx(distances[hit.id]) for hit in found.results), "distances are exact"


def test_the_receipt_is_the_recall_that_a_user_would_measure(folder: Path) -> None:
    catalog = lookalike.open(folder)
    exact = catalog.recommend(5, ranking="euclidean").to_pylist()
    about = catalog.recommend(5, ranking="euclidean", approximate=True).to_pylist()
    pairs = {(row["id"], row["neighbor_id"]) for row in exact}
    share = len(pairs & {(row["id"], row["neighbor_id"]) for row in about}) / len(pairs)
    receipt = catalog.receipt(5)
    assert receipt is not None
    assert receipt.low <= share <= receipt.high


def test_an_index_of_another_catalog_is_refused_or_lowers_the_number_shown(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = lookalike.open(folder).receipt(5)
    LanceStore.create(tmp_path / "other", FACTS)
    fill(LanceStore.open(tmp_path / "other"), np.random.default_rng(1).permutation(vectors()))
    lookalike.open(tmp_path / "other").make_index()
    wrong = tmp_path / "other" / "items.lance" / "_indices"
    right = folder / "items.lance" / "_indices"
    for file in wrong.rglob("*.idx"):  # an index of shuffled vectors in the place of the right one
        (target,) = right.rglob(file.name)
        shutil.copyfile(file, target)
    with pytest.raises(CatalogDamaged):
        lookalike.open(folder).similar(NAMES[0], 5, ranking="euclidean", approximate=True)
    monkeypatch.setattr(Reading, "check_indices", lambda *_: None)  # as in catalogs without these checksums
    damaged = lookalike.open(folder)
    found = damaged.similar(NAMES[0], 5, ranking="euclidean", approximate=True)
    assert good is not None
    assert not found.exact
    assert found.recall_high < good.low
    assert len(damaged.check().problems) == 2, "every file of the index is named with its checksum"
    mended = damaged.make_index()
    assert mended is not None
    assert mended.value >= 0.9
    assert damaged.similar(NAMES[0], 5, ranking="euclidean", approximate=True).recall >= 0.9


def test_what_came_or_changed_since_is_searched_exactly(folder: Path) -> None:
    catalog = lookalike.open(folder)
    version = catalog.store.head.computed["approximate"]
    new, far = vectors(3, 30), np.full((1, FACTS.dimension), 50, np.float32)
    fill(catalog.store, np.vstack([new, far]), [f"new-{row:02d}" for row in range(31)])
    with catalog.store.writing():
        catalog.store.commit("moved", [Upsert(schema.ITEMS, rows([NAMES[3]], far + 1))], vectors_changed=True)
    catalog.remove([NAMES[5]])
    found = catalog.similar("new-30", 2, ranking="euclidean", approximate=True)
    assert (found.results[0].id, found.exact) == (NAMES[3], False)
    assert found.recall >= 0.9
    assert catalog.store.head.computed["approximate"] == version, "an index is not made anew for a few"
    assert catalog.info()["approximate"]["current"] is False
    ids = set(catalog.recommend(5, ranking="euclidean", approximate=True)["neighbor_id"].to_pylist())
    assert NAMES[5] not in ids
    fill(catalog.store, vectors(4, 2 * N), [f"more-{row:04d}" for row in range(2 * N)])
    assert catalog.similar("more-0000", 2, ranking="euclidean", approximate=True).recall >= 0.9
    assert catalog.info()["approximate"]["items"] == len(catalog), "it was outgrown"
    assert catalog.check().problems == ()
    assert catalog.collect_garbage(0) == 0
    catalog.restore(2)
    assert lookalike.open(folder).receipt(5) is None, "version 2 had no index, and answers exactly"


def test_few_items_and_catalogs_that_cannot_be_written_are_answered_exactly(folder: Path, tmp_path: Path) -> None:
    small = lookalike.Catalog(MemoryStore(FACTS))
    fill(small.store, vectors()[:50], NAMES[:50])
    assert small.make_index() is None
    assert small.similar(NAMES[0], ranking="euclidean", approximate=True).exact
    fill(LanceStore.create(tmp_path / "d", FACTS), vectors())
    with LanceStore.open(tmp_path / "d").writing():
        held = lookalike.open(tmp_path / "d").similar(NAMES[0], ranking="euclidean", approximate=True)
    assert held.exact
    assert lookalike.open(folder, version=2).similar(NAMES[0], ranking="euclidean", approximate=True).exact


def test_the_twin_in_memory_misses_nothing() -> None:
    catalog = lookalike.Catalog(MemoryStore(FACTS))
    fill(catalog.store, vectors())
    found = catalog.similar(NAMES[9], 5, ranking="euclidean", approximate=True)
    assert (found.exact, found.recall) == (False, 1.0)
    assert [hit.id for hit in found.results] == [
        hit.id for hit in catalog.similar(NAMES[9], 5, ranking="euclidean").results
    ]


@pytest.mark.parametrize(
    "more", [{"ranking": "default"}, {"where": "true"}, {"same": ("a",)}, {"prefer": (("a", 1.0),)}, {"diverse": True}]
)
def test_what_an_index_cannot_answer_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(more))):
        RankingOptions(**{"ranking": "euclidean", "approximate": True, **more})  # type: ignore[arg-type]


def test_the_command_line_prints_the_receipt(run: Run, folder: Path, tmp_path: Path) -> None:
    asked = ["--ranking", "euclidean", "--approximate"]
    told = run("similar", folder, NAMES[0], *asked, "--json").json
    assert told["exact"] is False
    assert told["recall_low"] < told["recall"] <= told["recall_high"]
    assert "Approximate: finds " in run("similar", folder, NAMES[0], *asked).out
    page = tmp_path / "p.html"
    assert run("similar", folder, NAMES[0], *asked, "--html", page).code == 0
    assert "of the nearest (" in page.read_text()
    out = tmp_path / "r.csv"
    many = run("recommend", folder, "--out", out, *asked, "--json").json
    assert {"exact", "recall", "recall_low", "recall_high"} < set(many)
    assert many["exact"] is False
    assert run("recommend", folder, "--out", out, "--json").json["exact"] is True
    refused = run("similar", folder, NAMES[0], "--approximate")
    assert (refused.code, "ranking=euclidean" in refused.err) == (2, True)


def test_it_works_in_an_object_store(bucket: str) -> None:
    address = f"{bucket}/c.catalog"
    fill(LanceStore.create(address, FACTS), vectors())
    catalog = lookalike.open(address)
    assert catalog.make_index() is not None
    answer = lookalike.open(address).similar(NAMES[7], k=5, ranking="euclidean", approximate=True)
    exact = catalog.similar(NAMES[7], k=5, ranking="euclidean")
    assert not answer.exact
    assert answer.recall >= 0.9
    distances = {hit.id: hit.distance for hit in catalog.similar(NAMES[7], N, ranking="euclidean").results}
    assert [distances[hit.id] for hit in answer.results] == [hit.distance for hit in answer.results]
    assert answer.results[0].distance >= exact.results[0].distance
