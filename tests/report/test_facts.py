"""What a report says in numbers, worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.records import Clusters, Elbow, Neighbors
from lookalike.report import facts
from lookalike.report.naming import _told_apart, cluster_names
from tests.report.data import make_report_data


def clusters(labels: list[int]) -> Clusters:
    found = np.array(labels, dtype=np.int64)
    k = int(found.max()) + 1
    first = np.array([int(np.flatnonzero(found == c)[0]) for c in range(k)], dtype=np.int64)
    sizes = np.bincount(found).astype(np.int64)
    elbow = Elbow(k=k, low=k, high=k, clear=True)
    return Clusters(
        k=k,
        inertia=np.ones(k),
        elbow=elbow,
        labels=found,
        sizes=sizes,
        representatives=first,
        exemplars=tuple((int(r),) for r in first),
    )


def test_columns_that_tell_nothing_of_groups_are_left_out() -> None:
    found = facts.columns(
        {
            "name": [f"item {i}" for i in range(30)],
            "type": ["boot", "clog", None] * 10,
            "same": ["x"] * 30,
            "empty": [None] * 30,
            "price": [i + 0.5 for i in range(30)],
            "size": [float("nan"), 41.0, 42.0] * 10,
        }
    )
    assert [column.name for column in found] == ["type", "size"]
    assert found[0].values == ("boot", "clog")
    assert found[0].codes[:3].tolist() == [0, 1, -1]
    assert found[1].counts.tolist() == [10, 10]


def test_agreement_by_hand() -> None:
    column = facts.columns({"type": ["a", "a", "a", "b", "b", None]})[0]
    ids = np.array([[1, 3], [0, 5], [0, 1], [4, 0], [3, -1], [0, 1]])
    found = facts.agreement(column, ids)
    assert found is not None
    # Item 5 has no type: no query, and a miss as a neighbor of item 1.
    assert found.share == pytest.approx((1 / 2 + 1 / 2 + 1 + 1 / 2 + 1) / 5)
    # Another item of the same type among the five others: two for each a, one for each b.
    assert found.chance == pytest.approx((3 * 2 / 5 + 2 * 1 / 5) / 5)


def test_what_sets_a_cluster_apart() -> None:
    labels = [0] * 20 + [1] * 80
    types = ["boot"] * 18 + ["clog"] * 2 + ["boot"] * 2 + ["clog"] * 78
    colors = ["red", "blue"] * 50
    found = facts.traits(facts.columns({"type": types, "color": colors}), clusters(labels))
    assert [trait.value for trait in found[0]] == ["boot"]
    trait = found[0][0]
    assert (trait.amount, trait.size, trait.share) == (18, 20, 0.9)
    assert trait.overall == pytest.approx(0.2)
    assert trait.lift == pytest.approx(4.5)


def test_the_ratio_is_the_likelihood_ratio() -> None:
    table = np.array([[18, 2], [2, 78]])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    assert facts._ratio(18, 20, 20, 100) == pytest.approx(2 * float((table * np.log(table / expected)).sum()))
    assert facts._ratio(2, 10, 20, 100) == pytest.approx(0)


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_random_labels_set_nothing_apart(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(0, k, 40)]).tolist()
    colors = ["red", "blue"] * ((len(labels) + 1) // 2)
    column = facts.columns({"color": colors[: len(labels)]})
    for own, size in zip(facts.traits(column, clusters(labels)), clusters(labels).sizes, strict=True):
        for trait in own:
            assert trait.size == size
            assert trait.amount >= 3
            assert trait.lift >= 1.25


def test_one_value_in_two_columns_is_said_once() -> None:
    labels = [0] * 20 + [1] * 80
    kind = ["boot"] * 20 + ["clog"] * 80
    found = facts.traits(facts.columns({"subcategory": kind, "type": kind}), clusters(labels))
    assert [(trait.column, trait.value) for trait in found[0]] == [("type", "boot")]


def test_a_cluster_is_named_by_what_most_of_it_share() -> None:
    labels = [0] * 20 + [1] * 80
    columns = facts.columns({"gender": ["Women"] * 22 + ["Men"] * 78, "type": ["boot"] * 15 + ["clog"] * 85})
    held = clusters(labels)
    assert cluster_names(columns, facts.traits(columns, held), held)[0] == "boot · Women"
    assert cluster_names([], [[], []], held) == ["", ""]


def test_no_two_clusters_bear_one_name() -> None:
    labels = [0] * 20 + [1] * 20 + [2] * 20 + [3] * 40
    columns = facts.columns(
        {
            "type": ["boot"] * 60 + ["clog"] * 40,
            "gender": ["Women"] * 60 + ["Men"] * 40,
            "color": ["red"] * 20 + ["tan", "gray"] * 40,
        }
    )
    held = clusters(labels)
    names = cluster_names(columns, facts.traits(columns, held), held)
    assert names == ["boot · red", "boot · Women", "boot · Women 2", "clog · Men"]
    assert _told_apart(["a", "a 2", "a", "", ""], [[]] * 5) == ["a", "a 2", "a 3", "", ""]
    assert _told_apart(["a", "a"], [["b", "c"], []]) == ["a · b", "a"]


def test_a_cluster_of_two_kinds_is_named_by_both_and_no_season_names_one() -> None:
    labels = [0] * 20 + [1] * 40 + [2] * 2
    season = ["Fall"] * 20 + ["Spring"] * 42
    kind = ["boot"] * 9 + ["pump"] * 6 + ["clog"] * 5 + ["boot", "pump", "clog", "mule"] * 10 + ["clog"] * 2
    columns = facts.columns({"type": kind, "season": season, "category": ["shoe"] * 20 + ["other"] * 42})
    held = clusters(labels)
    assert cluster_names(columns, facts.traits(columns, held), held) == ["boot / pump", "other", "clog"]


def test_the_map_is_colored_by_the_column_that_look_alikes_share() -> None:
    data = make_report_data(60)
    ids, _ = facts.nearest(data.neighbors, 60)
    chosen = facts.map_column(facts.columns(data.metadata), ids)
    assert chosen is not None
    assert (chosen.column.name, chosen.named) == ("type", False)
    noise = {"year": data.metadata["year"]}
    assert facts.map_column(facts.columns(noise), ids) is None


def test_many_values_get_their_names_on_the_map_where_look_alikes_share_them() -> None:
    labels = np.repeat(np.arange(12), 5)
    ids = np.array([[5 * (row // 5) + (row + step) % 5 for step in (1, 2, 3)] for row in range(60)])
    found = facts.columns({"pattern": [f"p{row % 3}" for row in range(60)], "kind": [f"k{c}" for c in labels]})
    chosen = facts.map_column(found, ids)
    assert chosen is not None
    assert (chosen.column.name, chosen.named) == ("kind", True)
    # With two in three look-alikes of another kind, names would stand among strangers.
    mixed = facts.map_column(found[1:], np.where(np.arange(3) == 0, ids, (ids + 30) % 60))
    assert mixed is not None
    assert not mixed.named


def test_queries_are_spread_over_clusters_and_boots_are_among_them() -> None:
    data = make_report_data(60, k=6)
    picked = facts.queries(data, facts.columns(data.metadata))
    assert len(picked) == len(set(picked)) == 6
    assert {int(data.clusters.labels[row]) for row in picked} == set(range(6))
    assert "Boot" in {data.metadata["type"][row] for row in picked}


def test_boots_are_found_by_name_where_no_column_says_so() -> None:
    data = make_report_data(60, labeled=False)
    names = ["Sneaker"] * 60
    names[37] = "Ankle boots, brown"
    assert 37 in facts.queries(replace(data, metadata={"name": names}), [])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_small_catalogs_give_what_there_is(n: int) -> None:
    data = make_report_data(n)
    assert sorted(facts.queries(data, facts.columns(data.metadata))) == list(range(n))


def test_queries_are_typical() -> None:
    assert facts._typical(np.array([0, 1, 2, 3, 4]), np.array([0.1, 9.0, 0.5, 0.2, 7.0])) == 2


def test_closest_pairs_and_loners_by_hand() -> None:
    data = make_report_data(5)
    ids = np.array([[1], [0], [0], [4], [3]])
    distances = np.array([[1.0], [1.0], [5.0], [0.5], [0.5]], dtype=np.float32)
    data = replace(data, neighbors=Neighbors(ids, distances))
    assert facts.closest_pairs(data) == [facts.Pair(3, 4, 0.5), facts.Pair(0, 1, 1.0)]
    assert facts.loners(data, 2) == [(2, 5.0), (0, 1.0)]


def test_missing_neighbors_are_marked() -> None:
    ids, distances = facts.nearest(Neighbors(np.array([[1], [0]]), np.ones((2, 1), dtype=np.float32)), 2)
    assert ids.tolist() == [[1, -1, -1], [0, -1, -1]]
    assert math.isnan(distances[0, 1])


def test_a_sample_is_spread_over_all() -> None:
    assert facts.sample(0, 4) == []
    assert facts.sample(3, 4) == [0, 1, 2]
    assert facts.sample(100, 4) == [0, 33, 66, 99]


def test_a_cluster_shows_what_is_like_its_representative_and_then_its_range() -> None:
    data = make_report_data(40)
    exemplars = ((0, 36, 39), (), ())
    ids = data.neighbors.ids.copy()
    ids[0] = [3, 6, 1, 9, 12]
    clusters = replace(data.clusters, representatives=np.array([0, 1, 2]), exemplars=exemplars)
    data = replace(data, neighbors=replace(data.neighbors, ids=ids), clusters=clusters)
    assert facts.members(data, 0, 8) == [3, 6, 9, 12, 36, 39]
    assert facts.members(data, 0, 3) == [3, 6, 36]
