"""The fit of the default ranking looks at a sample of the items, and reads no more of the catalog at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lookalike import images, models, pipeline
from lookalike.analysis import beside, fit_looks, sample_rows
from lookalike.catalog.view import View
from lookalike.engines import InlineEngine
from lookalike.options import IndexOptions, RankingOptions
from lookalike.pipeline import freeing, indexing
from lookalike.pipeline.fitting import OUTLINE
from lookalike.records import COLOR_BINS, OUTLINE_CELLS, Floats, Lesson
from lookalike.store import LanceStore, MemoryStore, Replace, Store, schema
from tests.pipeline.test_graph import FACTS, put

N, SOME = 60, 25


def rows_of(rng: np.random.Generator) -> pa.Table:
    """Items in no order of their ids, each with a vector, a color vector and an outline of its own."""
    ids = [f"{row:03}" for row in rng.permutation(N)]
    same: dict[str, Any] = {"raw_path": None, "source": "s", "sha256": "0", "format": "JPEG", "width": 4, "height": 3}
    same |= {"frames": 1, "degraded": False, "thumbnail": b""}
    widths = {"vector": FACTS.dimension, "color": COLOR_BINS, "outline": OUTLINE_CELLS}
    seen = [{name: rng.random(width, np.float32) for name, width in widths.items()} for _ in ids]
    rows = [{**same, "id": name, "path": name, **numbers} for name, numbers in zip(ids, seen, strict=True)]
    return pa.Table.from_pylist(rows, schema=schema.items(FACTS.dimension))


def column(table: pa.Table, name: str) -> Floats:
    """A column of vectors in the order of ids."""
    return np.array(table.sort_by("id")[name].to_pylist(), np.float32)


@pytest.mark.parametrize("lacking", ["nothing", "color", "outline"])
def test_a_fit_reads_in_blocks_and_keeps_the_rows_of_its_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.setattr("lookalike.analysis.whitening.SAMPLE", SOME)
    monkeypatch.setattr("lookalike.store.lance_store.STREAMED", 16)
    table, store = rows_of(np.random.default_rng(0)), LanceStore.create(tmp_path / "c.catalog", FACTS)
    if lacking != "nothing":  # one item of old is enough, and it need not be in the sample
        values = table[lacking].to_pylist()
        left_out = next(row for row in range(N) if row not in sample_rows(N))
        values[table["id"].to_pylist().index(f"{left_out:03}")] = None
        at = table.column_names.index(lacking)
        table = table.set_column(at, schema.items(FACTS.dimension).field(at), pa.array(values, table[lacking].type))
    put(store, [Replace(schema.ITEMS, table)])
    whole: list[Sequence[str] | None] = []
    blocks: list[int] = []
    read, stream = LanceStore.read, LanceStore.stream

    def watched_read(self: LanceStore, name: str, columns: Sequence[str] | None = None, **more: Any) -> pa.Table:
        whole.append(columns)
        return read(self, name, columns, **more)

    def watched_stream(self: LanceStore, name: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        for part in stream(self, name, columns):
            blocks.append(len(part))
            yield part

    monkeypatch.setattr(LanceStore, "read", watched_read)
    monkeypatch.setattr(LanceStore, "stream", watched_stream)
    with store.writing():
        pipeline.renew_whitening(store, refit=True)
    assert whole == [["id"]], "ids are all that is read of every item at once"
    assert sum(blocks) == N, "everything else comes once"
    assert max(blocks) <= 16, "and in blocks"
    rows = sample_rows(N)
    assert len(rows) == SOME
    colors = None if lacking == "color" else column(table, "color")[rows]
    expected = fit_looks(column(table, "vector")[rows], colors=colors)
    if lacking != "outline":
        expected = beside(expected, fit_looks(column(table, "outline")[rows]), OUTLINE)
    found = pipeline.whitening(store)
    np.testing.assert_array_equal(found.axes, expected.axes)
    np.testing.assert_array_equal(found.mean, expected.mean)
    assert found.parts == expected.parts


def test_workers_end_before_a_fit_and_stay_where_none_is_due(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside: list[int] = []

    def fit(store: Store, *, refit: bool) -> None:
        beside.append(len(images.WORKERS._idle))
        pipeline.renew_whitening(store, refit=refit)

    monkeypatch.setattr(indexing, "renew_whitening", fit)
    store, options = MemoryStore(models.facts("tiny")), IndexOptions()
    pipeline.index(store, pipeline.plan([photos], options), options, InlineEngine())
    assert beside == [0], "a fit takes memory for itself"
    (photos / "more.png").write_bytes((photos / "red-00.png").read_bytes() + b"more")
    pipeline.index(store, pipeline.plan([photos], options), options, InlineEngine())
    assert beside == [0]
    assert images.WORKERS._idle, "one photo more is no fit: its worker waits for the next"


def test_memory_goes_back_wherever_the_c_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    freeing.hand_back()
    called: list[int] = []

    class Library:
        def malloc_trim(self, pad: Any) -> None:
            called.append(pad.value)

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda _: Library())
    freeing.hand_back()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())  # musl has none
    freeing.hand_back()
    monkeypatch.setattr("sys.platform", "darwin")
    freeing.hand_back()
    assert called == [0]


def test_what_takes_color_out_is_stored_with_its_fit_and_read_as_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = (np.random.default_rng(1).normal(size=(5, FACTS.dimension)).astype(np.float32),)
    monkeypatch.setattr(models, "recolored", lambda _: changes)
    monkeypatch.setattr(models, "weights_without_color", lambda _: (1.0,))
    store = LanceStore.create(tmp_path / "c.catalog", FACTS)
    put(store, [Replace(schema.ITEMS, rows_of(np.random.default_rng(0)))])
    fit = pipeline.whitening(store)
    made = pipeline.colorless(store, fit)
    with store.writing():
        pipeline.renew_whitening(store)
    again = LanceStore.open(tmp_path / "c.catalog")
    found = pipeline.colorless(again, pipeline.whitening(again))
    assert made is not None
    assert found is not None
    assert found.weights == made.weights == (1 - pipeline.OUTLINE_ALONE, pipeline.OUTLINE_ALONE)
    assert found.parts == made.parts
    for one, other in zip(found.turns, made.turns, strict=True):
        np.testing.assert_array_equal(one, other)


def taught() -> models.Taught:
    """As if labels had taught something of the vectors of these items."""
    rng, d = np.random.default_rng(3), FACTS.dimension
    axes = [rng.normal(size=(width, 2)).astype(np.float32) for width in (d, d + COLOR_BINS)]
    axes[0] /= np.sqrt(np.square(axes[0]).sum() / 12)  # uniform numbers vary by 1/12: a mean square of 1
    axes[1] /= np.sqrt(np.square(axes[1]).sum() / 12)
    lessons = (Lesson("type", axes[0], 0.2), Lesson("color", axes[1], 0.1, of_color=True))
    return models.Taught((np.eye(d, dtype=np.float32),), lessons, pieces=(0.5,))


@pytest.mark.parametrize("lacking", ["nothing", "color", "outline"])
def test_lessons_are_stored_with_a_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    monkeypatch.setattr(models, "taught", lambda _: taught())
    table, store = rows_of(np.random.default_rng(0)), LanceStore.create(tmp_path / "c.catalog", FACTS)
    blank = np.zeros((N, OUTLINE_CELLS), np.float32)  # a product on white leaves the border free
    blank[:, [27, 28, 35, 36]] = np.random.default_rng(1).random((N, 4))
    for name in ("outline", *(["color"] if lacking == "color" else [])):
        at, field = table.column_names.index(name), schema.items(FACTS.dimension).field(name)
        made = pa.nulls(N, field.type) if name == lacking else pa.array(list(blank), field.type)
        table = table.set_column(at, field, made)
    put(store, [Replace(schema.ITEMS, table)])
    with store.writing():
        pipeline.renew_whitening(store)
    sample = pipeline.Sample(
        column(table, "vector"),
        None if lacking == "color" else column(table, "color"),
        None if lacking == "outline" else column(table, "outline"),
    )
    expected, color = pipeline.compose(sample, (), taught())
    found = pipeline.whitening(LanceStore.open(tmp_path / "c.catalog"))
    np.testing.assert_array_equal(found.axes, expected.axes)
    assert found.parts == expected.parts
    assert pipeline.default_color(store) == color
    if lacking == "outline":
        assert (len(found.parts), color) == (1, pipeline.COLOR), "without a border nobody knows if it is on white"
        return
    assert len(found.mean) == FACTS.dimension + OUTLINE_CELLS + (lacking != "color") * COLOR_BINS
    assert sum(part.weight for part in found.parts) == pytest.approx(1)
    assert color != pipeline.COLOR
    view = View(store)
    row, (ids, vectors) = 7, pipeline.load_vectors(store)
    space = view.space(RankingOptions())
    colors = np.zeros(COLOR_BINS, np.float32) if lacking == "color" else column(table, "color")[row]
    again = space.point(vectors[row], colors, column(table, "outline")[row])
    assert again.tobytes() == space.points[row].tobytes(), "a photo is where the item is that it was made of"
    assert ids[row] == view.ids[row]


def test_catalogs_of_scenes_have_no_lessons() -> None:
    rng = np.random.default_rng(0)
    vectors, colors = rng.random((40, 6)).astype(np.float32), rng.random((40, COLOR_BINS)).astype(np.float32)
    outlines = np.zeros((40, OUTLINE_CELLS), np.float32)
    outlines[:, 27] = rng.random(40)
    lesson = Lesson("type", rng.normal(size=(6, 2)).astype(np.float32), 0.2)
    known = models.Taught((np.eye(6, dtype=np.float32),), (lesson,), pieces=(0.5,))
    for scenes, counted in ((2, True), (3, False), (40, False)):
        outlines[:scenes] = 1
        sample = pipeline.Sample(vectors, colors, outlines)
        fit, color = pipeline.compose(sample, (), known)
        without, _ = pipeline.compose(sample)
        assert (len(fit.parts) > len(without.parts)) == counted
        assert counted or (fit.axes.tobytes(), color) == (without.axes.tobytes(), pipeline.COLOR)
