"""What shops offer: balance, plausibility, and independence of how many are asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.demo import BRANDS, COLORS, FAMILIES, Shoe, recolor, sample_shoes
from lookalike.demo.assortment import RANGES
from lookalike.demo.materials import MATERIALS
from lookalike.errors import UsageError

SHOES = sample_shoes(1200, seed=3)


def test_at_least_fourteen_families_in_even_shares() -> None:
    counts = Counter(shoe.family for shoe in SHOES)
    assert len(FAMILIES) >= 14
    assert set(counts) == set(FAMILIES)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_every_round_holds_each_family_once() -> None:
    size = len(FAMILIES)
    for start in range(0, 10 * size, size):
        assert {shoe.family for shoe in SHOES[start : start + size]} == set(FAMILIES)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 60), more=st.integers(0, 40), seed=st.integers(0, 2**20))
def test_a_shoe_does_not_depend_on_how_many_are_asked_for(n: int, more: int, seed: int) -> None:
    assert sample_shoes(n, seed) == sample_shoes(n + more, seed)[:n]


def test_another_seed_gives_other_shoes() -> None:
    assert not set(sample_shoes(60, seed=1)) & set(sample_shoes(60, seed=2))


def test_no_two_are_equal() -> None:
    assert len(set(SHOES)) == len(SHOES)


@pytest.mark.parametrize("shoe", SHOES[:200], ids=lambda shoe: shoe.family)
def test_every_value_is_one_that_the_family_offers(shoe: Shoe) -> None:
    offered = RANGES[shoe.family]
    assert shoe.color in offered.colors
    assert shoe.material in offered.materials
    assert shoe.pattern in offered.patterns
    assert shoe.sole in offered.soles
    assert shoe.laces == offered.laces
    assert 0.5 <= shoe.heel_height <= offered.heel[1]
    assert shoe.brand in BRANDS


def test_a_shoe_is_dyed_near_the_color_that_it_names() -> None:
    for shoe in SHOES:
        assert max(abs(a - b) for a, b in zip(shoe.rgb, COLORS[shoe.color], strict=True)) <= 22


def test_patterns_need_a_second_color_that_differs() -> None:
    for shoe in SHOES:
        assert (shoe.pattern == "Plain") == (shoe.secondary_color is None)
        assert shoe.secondary_color != shoe.color


def test_sizes_follow_gender() -> None:
    mean = {
        gender: np.mean([shoe.size for shoe in SHOES if shoe.gender == gender]) for gender in ("Women", "Men", "Unisex")
    }
    assert mean["Women"] < mean["Unisex"] < mean["Men"]
    assert all(35 <= shoe.size <= 47 for shoe in SHOES)


def test_gender_follows_family_and_high_heels_are_for_women() -> None:
    assert all(shoe.gender == "Women" for shoe in SHOES if shoe.family in ("Pump", "Mary Jane", "Ballet flat", "Wedge"))
    men = [shoe for shoe in SHOES if shoe.gender == "Men"]
    assert sum(shoe.family == "Oxford" for shoe in men) > 30
    assert max(shoe.heel_height for shoe in men) <= 4.5


def test_brands_have_a_style() -> None:
    for brand, (families, _) in BRANDS.items():
        own = [shoe for shoe in SHOES if shoe.brand == brand]
        share = np.mean([shoe.family in families for shoe in own])
        assert share > 2 * len(families) / len(FAMILIES), brand


def test_every_material_offered_can_be_drawn() -> None:
    assert {material for offered in RANGES.values() for material in offered.materials} <= set(MATERIALS)


def test_the_name_says_brand_family_and_color() -> None:
    shoe = SHOES[0]
    assert shoe.name.startswith(shoe.brand)
    assert shoe.name.endswith(f"{shoe.family} {shoe.color}")


@pytest.mark.parametrize(("n", "seed"), [(-1, 0), (1, -1)])
def test_negative_numbers_are_refused(n: int, seed: int) -> None:
    with pytest.raises(UsageError, match="give 0 or more"):
        sample_shoes(n, seed)


def test_unknown_families_patterns_and_half_a_second_color_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'Glove'.*Sneaker"):
        replace(SHOES[0], family="Glove")
    with pytest.raises(UsageError, match=r"'Checkers'.*Stripes"):
        replace(SHOES[0], pattern="Checkers")
    with pytest.raises(UsageError, match="go together"):
        replace(SHOES[0], secondary_color="Red", secondary_rgb=None)


def test_a_twin_differs_in_color_only() -> None:
    for shoe in SHOES[:100]:
        twin = recolor(shoe, "Teal")
        assert twin.color == "Teal"
        assert twin.rgb == COLORS["Teal"] or shoe.color == "Teal"
        assert (
            replace(
                twin,
                color=shoe.color,
                rgb=shoe.rgb,
                secondary_color=shoe.secondary_color,
                secondary_rgb=shoe.secondary_rgb,
            )
            == shoe
        )


def test_a_twin_in_its_own_second_color_swaps_the_two() -> None:
    shoe = next(shoe for shoe in SHOES if shoe.secondary_color is not None)
    assert shoe.secondary_color is not None
    twin = recolor(shoe, shoe.secondary_color)
    assert (twin.color, twin.secondary_color) == (shoe.secondary_color, shoe.color)


def test_recolor_refuses_unknown_colors_and_names_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'Mauve'.*Burgundy"):
        recolor(SHOES[0], "Mauve")
    with pytest.raises(UsageError, match="'Mauve'"):
        recolor(SHOES[0], "Red", "Mauve")
