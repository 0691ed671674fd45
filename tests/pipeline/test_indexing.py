"""Indexing without disk or threads: the light twins of store and engine take the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lookalike import models, pipeline
from lookalike.engines import InlineEngine, LocalEngine
from lookalike.errors import ModelMismatch, UsageError
from lookalike.options import IndexOptions
from lookalike.pipeline import embed, indexing
from lookalike.pipeline.embed import Task
from lookalike.pipeline.metadata import plan_metadata
from lookalike.records import Bytes, Floats, Indexed, Input, ModelFacts, Value
from lookalike.store import Append, LanceStore, MemoryStore, Replace, Store, schema
from tests.conftest import COLORS, draw

FACTS = models.facts("tiny")


def index(store: Store, folder: Path, options: IndexOptions | None = None, workers: int = 0) -> Indexed:
    options = options or IndexOptions()
    engine = LocalEngine(workers) if workers else InlineEngine()
    return pipeline.index(store, pipeline.plan([folder], options), options, engine)


def test_stores_and_engines_give_the_same_rows(photos: Path, tmp_path: Path) -> None:
    memory, lance = MemoryStore(FACTS), LanceStore.create(tmp_path / "c.catalog", FACTS)
    index(memory, photos)
    index(lance, photos, workers=3)
    first, second = (store.read(schema.ITEMS).sort_by("id").to_pylist() for store in (memory, lance))
    assert first == second
    ids, vectors = pipeline.load_vectors(memory)
    assert ids == sorted(ids)
    assert vectors.shape == (12, FACTS.dimension)


def test_m07_a_vector_that_is_not_finite_is_never_stored(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = models.load("tiny")

    class Broken:
        facts: ModelFacts = FACTS

        def embed(self, pixels: Bytes) -> Floats:
            vectors = tiny.embed(pixels)
            vectors[pixels[:, :, :, 0].mean(axis=(1, 2)) > pixels[:, :, :, 2].mean(axis=(1, 2)) + 20, 0] = np.nan
            return vectors

    monkeypatch.setattr(embed, "load_model", lambda _: Broken())
    store = MemoryStore(FACTS)
    done = index(store, photos)
    assert (done.added, done.failed) == (9, 3), "the red ones"
    assert {failure.code for failure in done.failures} == {"E_NOT_FINITE"}
    assert {failure.id[:3] for failure in done.failures} == {"red"}
    assert np.isfinite(pipeline.load_vectors(store)[1]).all()


def test_s07_another_model_of_that_name_is_refused(photos: Path) -> None:
    store = MemoryStore(replace(FACTS, sha256="0" * 64))
    with pytest.raises(ModelMismatch, match="cannot be compared"):
        index(store, photos)
    assert store.read(schema.ITEMS).num_rows == 0


def test_a_prune_asks_and_takes_no_for_an_answer(photos: Path) -> None:
    store, options = MemoryStore(FACTS), IndexOptions(prune=True)
    index(store, photos)
    for path in photos.glob("red-*.png"):
        path.unlink()
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(UsageError, match="nothing was removed"):
        pipeline.index(
            store,
            pipeline.plan([photos], options),
            options,
            InlineEngine(),
            confirm=refuse,
        )
    assert "3 of 12" in asked[0]
    done = pipeline.index(store, pipeline.plan([photos], options), options, InlineEngine(), confirm=lambda _: True)
    assert (done.removed, done.total) == (3, 9)


def test_what_was_computed_is_old_once_an_item_changes(photos: Path) -> None:
    store = MemoryStore(FACTS)
    index(store, photos)
    first = pipeline.compute_neighbors(store)
    version = store.head.version
    assert pipeline.compute_neighbors(store).ids.tolist() == first.ids.tolist()
    assert store.head.version == version, "what is there is not computed again"
    draw(photos / "extra.png", COLORS["red"], seed=5)
    index(store, photos)
    assert not store.head.is_current(schema.NEIGHBORS)
    assert pipeline.compute_neighbors(store).ids.shape == (13, 12)
    assert store.head.is_current(schema.NEIGHBORS)


VALUES: st.SearchStrategy[Value] = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES), min_size=1, max_size=5))
@example([{"a": 2**53 + 1}, {"a": 0.0}])
@example([{"a": 0.5}, {"a": 2**53 + 1}])
@example([{"a": -(2**53) - 1}, {"b": 1}, {"a": 0.5}])
def test_metadata_of_any_types_is_kept(rows: list[dict[str, Value]]) -> None:
    """Each run says something of one item; the last word on each column stands, as itself or as its text."""
    store = MemoryStore(FACTS)
    said: dict[str, Value] = {}
    item = _input("x")
    for row in rows:
        plan = plan_metadata(store, {"x": row}, ["x"])
        with store.writing():
            changes = [plan.replaced] if plan.replaced is not None else []
            store.commit("metadata", [*changes, Replace(schema.METADATA, plan.table([item]))])
        said |= row
        assert plan_metadata(store, {"x": row}, ["x"]).changed == frozenset(), "the same again is no change"
    found = store.read(schema.METADATA).to_pylist()[0]
    for name, value in said.items():
        kept = found[name]
        if value is None:
            assert kept is None
        elif isinstance(kept, str):
            assert isinstance(value, str | bool | int | float)
        else:
            assert kept == value


def _input(name: str) -> Input:
    return Input(id=name, path=name, location=Path(name), source="s", root=Path())


def test_columns_widen_and_never_narrow() -> None:
    store = MemoryStore(FACTS)
    with store.writing():
        columns = schema.metadata(())
        store.commit("start", [Append(schema.METADATA, columns.empty_table())])
    kinds = []
    for value in (1, 2.5, "three", 4):
        plan = plan_metadata(store, {"x": {"price": value}}, ["x"])
        kinds.append(str(dict(plan.columns)["price"]))
        with store.writing():
            store.commit("metadata", [Replace(schema.METADATA, plan.table([_input("x")]))])
    assert kinds == ["int64", "double", "string", "string"]


def test_the_fit_is_kept_until_the_catalog_outgrows_it(tmp_path: Path) -> None:
    store, folder = MemoryStore(FACTS), tmp_path / "p"

    def fitted(more: int, options: IndexOptions | None = None) -> int:
        for n in range(len(list(folder.glob("*"))), more):
            draw(folder / f"{n:03d}.png", (n * 37 % 250, n * 91 % 250, n * 53 % 250), seed=n)
        index(store, folder, options)
        return int(store.head.computed[schema.WHITENING].options["items"])

    folder.mkdir()
    assert fitted(10) == 10
    assert fitted(18) == 10, "a fit is not renewed for a few more"
    assert not pipeline.is_outgrown(store)
    before = pipeline.whitening(store)
    again = pipeline.whitening(store)
    assert (before.axes == again.axes).all()
    assert fitted(18, IndexOptions(refit=True)) == 18, "unless asked"
    assert fitted(40) == 40, "it has doubled"
    with store.writing():
        pipeline.remove(store, [f"{n:03d}.png" for n in range(25)])
    assert pipeline.is_outgrown(store)


@given(st.integers(0, 3_000), st.integers(1, 64))
def test_photos_are_shared_out_so_that_all_workers_end_together(photos: int, cores: int) -> None:
    tasks = [Task(Input(id=str(number), path="", location=Path(), source="", root=Path())) for number in range(photos)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "cores", lambda: cores)
        batches = list(indexing._shared_out(tasks))
    assert [task for batch in batches for task in batch] == tasks
    sizes = [len(batch) for batch in batches]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size <= indexing.TOGETHER for size in sizes)
    if photos > indexing.TOGETHER and cores > 1:
        assert sizes[-1] <= indexing.FEWEST
        assert min(sizes[:-1]) >= indexing.FEWEST
