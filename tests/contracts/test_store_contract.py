"""Every store changes its tables in one step, gives back what it was given, and filters by id and by SQL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike import models
from lookalike.errors import LookalikeError, StoreError, UsageError
from lookalike.store import Append, Computed, Delete, LanceStore, MemoryStore, Replace, Store, Upsert, schema

FACTS = models.facts("tiny")


@pytest.fixture(params=["lance", "memory", pytest.param("lance on s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "lance on s3":
        return LanceStore.create(f"{request.getfixturevalue('bucket')}/shoes/c.catalog", FACTS)
    return LanceStore.create(tmp_path / "c.catalog", FACTS) if request.param == "lance" else MemoryStore(FACTS)


def metadata(**values: int) -> pa.Table:
    target = schema.metadata([("year", pa.int64())])
    return pa.table([list(values), [f"{name}.jpg" for name in values], list(values.values())], schema=target)


def items(*ids: str) -> pa.Table:
    n = len(ids)
    columns = {
        "id": list(ids),
        "path": list(ids),
        "raw_path": [None] * n,
        "source": ["s"] * n,
        "sha256": ["0"] * n,
        "format": ["JPEG"] * n,
        "width": [4] * n,
        "height": [3] * n,
        "frames": [1] * n,
        "degraded": [False] * n,
        "vector": np.arange(n * FACTS.dimension, dtype=np.float32).reshape(n, -1).tolist(),
        "thumbnail": [b"\xff\xd8" + bytes([i % 256]) for i in range(n)],
        "color": [None] * n,
        "outline": [None] * n,
    }
    return pa.table(columns, schema=schema.items(FACTS.dimension))


def years(store: Store, where: str | None = None) -> dict[str, int]:
    table = store.read(schema.METADATA, ["id", "year"], where=where)
    return dict(zip(table["id"].to_pylist(), table["year"].to_pylist(), strict=True))


def test_a_stream_is_what_is_read_in_parts(store: Store) -> None:
    assert list(store.stream(schema.ITEMS, ["id", "vector"])) in ([], [store.read(schema.ITEMS, ["id", "vector"])])
    with store.writing():
        store.commit("one", [Append(schema.ITEMS, items("b", "a", "d"))])
        store.commit("two", [Delete(schema.ITEMS, ["a"]), Append(schema.ITEMS, items("c"))])
    parts = list(store.stream(schema.ITEMS, ["id", "vector"]))
    assert pa.concat_tables(parts).equals(store.read(schema.ITEMS, ["id", "vector"]))


def test_a_table_from_before_a_column_was_added_gets_it_when_rows_come(store: Store) -> None:
    older = items("a", "b").drop_columns(["color", "outline"])
    newer = items("c").set_column(12, schema.items(4).field("color"), pa.array([[0.5] * 216], schema.vector_type(216)))
    with store.writing():
        store.commit("before", [Append(schema.ITEMS, older)])
        (part,) = store.stream(schema.ITEMS, ["color", "id", "outline"])
        assert part.equals(store.read(schema.ITEMS, ["color", "id", "outline"]))
        assert part["outline"].null_count == 2
        assert store.read(schema.ITEMS, ["color", "id"])["color"].null_count == 2
        assert store.read(schema.ITEMS, ["id", "color"], ids=["b"])["color"].to_pylist() == [None]
        store.commit("after", [Append(schema.ITEMS, newer)])
        store.commit("changed", [Upsert(schema.ITEMS, items("b"))])
    found = store.read(schema.ITEMS).sort_by("id")
    assert found["id"].to_pylist() == ["a", "b", "c"]
    assert found["color"].to_pylist() == [None, None, [0.5] * 216]
    assert found["vector"].to_pylist()[0] == items("a")["vector"].to_pylist()[0]


def test_a_new_store_is_empty(store: Store) -> None:
    assert store.head.version == 1
    assert store.head.model == FACTS
    for table in schema.TABLES:
        assert store.read(table).num_rows == 0
    assert store.read(schema.ITEMS, ["id", "vector"]).column_names == ["id", "vector"]


def test_rows_come_back_as_they_were_given(store: Store) -> None:
    given_rows = items("a", "b", "c")
    with store.writing():
        store.commit("add", [Append(schema.ITEMS, given_rows)], vectors_changed=True)
    found = store.read(schema.ITEMS).sort_by("id")
    assert found.schema.equals(given_rows.schema)
    assert found.to_pylist() == given_rows.to_pylist()
    assert store.head.rows[schema.ITEMS] == 3
    assert store.size() > 0


def test_upsert_replaces_and_adds(store: Store) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=1, b=2))])
        store.commit("change", [Upsert(schema.METADATA, metadata(b=20, c=30))])
    assert years(store) == {"a": 1, "b": 20, "c": 30}


def test_delete_takes_only_what_is_named(store: Store) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=1, b=2, c=3))])
        store.commit("delete", [Delete(schema.METADATA, ["b", "never there"]), Delete(schema.FAILURES, ["x"])])
    assert years(store) == {"a": 1, "c": 3}


def test_replace_may_change_the_columns(store: Store) -> None:
    target = schema.metadata([("brand", pa.string())])
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=1))])
        store.commit("replace", [Replace(schema.METADATA, pa.table([["z"], ["z.jpg"], ["Nike"]], schema=target))])
    assert store.read(schema.METADATA).to_pylist() == [{"id": "z", "path": "z.jpg", "brand": "Nike"}]


def test_where_is_sql_over_the_columns(store: Store) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=2011, b=2012, c=2013))])
    assert set(years(store, "year > 2011 AND id <> 'c'")) == {"b"}


@pytest.mark.parametrize(
    "where",
    [
        "colour = 'x'",
        "year >",
        "DROP TABLE items",
        "",
        "year",
        "year > 2000 id = 'b'",
        "year > 2000, id = 'b'",
        "year > 2000 LIMIT 1",
        "year > 2000;",
    ],
)
def test_a_filter_that_cannot_be_read_says_what_there_is(store: Store, where: str) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=2011))])
    with pytest.raises(UsageError, match="year"):
        store.read(schema.METADATA, where=where)


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("repeat(brand, 100000000) = 'x'", "repeat"),
        ("`repeat` (brand, 100000000) = 'x'", "repeat"),
        ("array_repeat(brand, 1000000000) IS NULL", "array_repeat"),
        ("CAST(year AS decimal(99, 1)) > 1", "decimal"),
        ("lpad('x', 2000000000, 'y') = 'z'", "lpad"),
        ("range(1, 1000000000) IS NULL", "range"),
        ("replace(replace(brand, '', 'xxxxxxxxx'), '', 'xxxxxxxxx') = 'x'", "replace"),
        ("year" + "+1" * 900 + " > 0", "200 words"),
        ("year > 0" + " IS TRUE" * 800, "200 words"),
        ("year" + "::int" * 800 + " > 0", "200 words"),
        ("(" * 150 + "year" + "+1" * 60 + ")" * 150 + " > 0", "200 words"),
        ("(1 = 1 AND " * 100 + "year" + "+1" * 60 + " > 0" + ")" * 100, "200 words"),
        ("year > 0" + " BETWEEN true AND true" * 200, "200 words"),
        ("(" * 100_000, "200 words"),
        ("year" + " + `and` + `or`" * 200 + " > 0", "200 words"),
        ("year" + " + 'and'" * 200 + " > 0", "200 words"),
        (" OR ".join(["year = 1"] * 50_000), "50,000 parts"),
        ("year > 1 -- it's\n OR year = 2", "comment"),
        ("year > /* ' */ 1", "comment"),
        ("year > $1", "stands for a value"),
        ("year > ?", "stands for a value"),
    ],
)
def test_a_filter_that_could_end_the_process_is_refused(store: Store, where: str, named: str) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=2011))])
    with pytest.raises(UsageError, match=named) as refused:
        store.read(schema.METADATA, where=where)
    assert len(str(refused.value)) < 1_000


@pytest.mark.parametrize(
    "where",
    [
        "lower(id) = 'b' AND length(id) IN (1, 2)",
        "year IN (" + ", ".join(map(str, range(2012, 22_000))) + ") AND id <> 'c'",
        " OR ".join(f"(year = {year} AND id <> 'c')" for year in range(2012, 3_000)),
        "id = 'b' OR id = 'repeat(id, 9) -- $1 ? /*' OR id = 'it''s (' OR id = \"(\"",
        "CAST(year AS STRING) = '2012' AND year BETWEEN 2000 AND 2100 AND NOT (year IS NULL)",
        "`year` = 2012 AND (year + 1) * 2 - -1 > 0 AND id NOT IN ('-', 'a', 'c') AND rtrim(id) LIKE 'b'",
    ],
)
def test_filters_that_people_write_are_taken(store: Store, where: str) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=2011, b=2012, c=2013))])
    assert set(years(store, where)) == {"b"}


def test_several_tables_change_in_one_version(store: Store) -> None:
    with store.writing():
        before = store.head.version
        changes = [Append(schema.ITEMS, items("a")), Append(schema.METADATA, metadata(a=1))]
        store.commit("both", changes, vectors_changed=True, computed={"map": Computed(of=0, results={"kept": 0.5})})
    assert store.head.version == before + 1
    assert store.head.vectors == store.head.content == store.head.version
    assert store.head.computed["map"].results == {"kept": 0.5}
    assert not store.head.is_current("map")


def test_a_commit_needs_the_right_to_write(store: Store) -> None:
    with pytest.raises(StoreError, match="writing"):
        store.commit("no", [Append(schema.METADATA, metadata(a=1))])


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.dictionaries(NAMES, st.integers(0, 99), max_size=4)), max_size=4))
def test_any_history_of_changes_equals_a_dictionary(store: Store, history: list[tuple[bool, dict[str, int]]]) -> None:
    expected: dict[str, int] = {}
    with store.writing():
        store.commit("empty", [Replace(schema.METADATA, metadata())])
        for is_upsert, values in history:
            if is_upsert and values:
                store.commit("upsert", [Upsert(schema.METADATA, metadata(**values))])
                expected |= values
            else:
                store.commit("delete", [Delete(schema.METADATA, list(values))])
                expected = {name: year for name, year in expected.items() if name not in values}
    assert years(store) == expected
    assert store.head.rows[schema.METADATA] == len(expected)
    assert set(store.read(schema.METADATA, ["id"], ids=list(expected)[:2])["id"].to_pylist()) == set(list(expected)[:2])


def test_errors_are_lookalikes_own(store: Store) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=1))])
        with pytest.raises(LookalikeError):
            store.commit("wrong columns", [Append(schema.METADATA, items("b"))])
    assert years(store) == {"a": 1}


def test_a_reopened_store_stays_while_the_other_goes_on(store: Store) -> None:
    with store.writing():
        store.commit("add", [Append(schema.METADATA, metadata(a=1))])
        other = store.reopened()
        assert other.head == store.head
        store.commit("change", [Upsert(schema.METADATA, metadata(a=2, b=3))])
    assert years(other) == {"a": 1}
    assert years(store) == {"a": 2, "b": 3}
    assert store.newest() == store.head.version == other.head.version + 1
    assert years(store.reopened()) == {"a": 2, "b": 3}
