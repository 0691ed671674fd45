"""Reasons: what two items share and what not, the telling ones first."""

from __future__ import annotations

from pathlib import Path

import pytest

import lookalike
from lookalike import Catalog
from lookalike.catalog.reasons import reasons
from tests.conftest import COLORS, draw

ROWS = {  # color of the photo, then type, brand, gender, color, heel
    "query": ("red", "boot,acme,women,red,10"),
    "twin": ("red", "boot,acme,women,red,10"),
    "brand": ("red", "boot,other,women,red,10.2"),
    "label": ("red", "boot,acme,women,,3"),
    "far": ("blue", "sandal,other,men,blue,"),
    "more": ("blue", "sandal,third,women,blue,1"),
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    base = tmp_path_factory.mktemp("reasons")
    lines = ["path,name,type,brand,gender,color,heel"]
    for seed, (name, (color, values)) in enumerate(ROWS.items()):
        draw(base / "photos" / f"{name}.png", COLORS[color], seed=seed)
        lines.append(f"photos/{name}.png,the {name},{values}")
    (base / "m.csv").write_text("\n".join(lines) + "\n")
    made = lookalike.create(base / "c.catalog", model="tiny")
    made.index(base / "photos", metadata=base / "m.csv")
    return made


def why(catalog: Catalog, item: str) -> tuple[str, ...]:
    view = catalog.view()
    return reasons(view, view.rows["query.png"], [view.rows[f"{item}.png"]])[0]


def test_what_is_shared_is_said_rarest_first(catalog: Catalog) -> None:
    assert why(catalog, "twin")[0] in ("same heel", "same brand"), "two in five or three have it, not five in six"
    assert len(why(catalog, "twin")) == 3
    assert not any("name" in word for word in why(catalog, "twin")), "a value of its own says nothing"


def test_one_difference_is_said_the_most_telling(catalog: Catalog) -> None:
    assert why(catalog, "brand")[-1] == "other brand"
    assert "similar heel" not in why(catalog, "far"), "a missing value is no reason"
    assert why(catalog, "more")[-1] == "other type", "half of all differ in type, more in brand"
    assert why(catalog, "label")[-1] == "lower heel"


def test_colors_are_told_from_the_picture_where_no_label_says_it(catalog: Catalog) -> None:
    assert "similar color" in why(catalog, "label")
    assert "similar color" not in why(catalog, "far")
    assert "similar color" not in why(catalog, "brand")


def test_results_carry_them_and_photos_have_none_of_metadata(catalog: Catalog, tmp_path: Path) -> None:
    found = catalog.similar("query", k=5).results
    view = catalog.view()
    for hit in found:
        assert hit.reasons[-3:] == reasons(view, view.rows["query.png"], [view.rows[hit.id]])[0][-3:]
    photo = draw(tmp_path / "new.png", COLORS["red"], seed=9)
    assert all("same" not in " ".join(hit.reasons) for hit in catalog.similar(photo).results)


def test_in_a_handful_of_items_only_the_same_picture_is_called_near_identical(catalog: Catalog, tmp_path: Path) -> None:
    def called(photo: Path) -> list[bool]:
        return ["near-identical picture" in hit.reasons for hit in catalog.similar(photo, k=3).results]

    again = draw(tmp_path / "again.png", COLORS["blue"], seed=4)  # as the photo of "far"
    other = draw(tmp_path / "other.png", COLORS["green"], seed=30)
    assert called(again) == [True, False, False]
    assert not any(called(other))
