"""What a photo must show: white ground, toe to the left, the colors and the shape that its shoe names."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest

from lookalike.demo import COLORS, FAMILIES, Shoe, draw_shoe, draw_with_silhouette, recolor, sample_shoes

EXAMPLES = {shoe.family: shoe for shoe in reversed(sample_shoes(40, seed=9))}
PLAIN = {
    family: replace(shoe, pattern="Plain", secondary_color=None, secondary_rgb=None)
    for family, shoe in EXAMPLES.items()
}


@lru_cache(maxsize=512)
def drawn(shoe: Shoe) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    photo, cover = draw_with_silhouette(shoe)
    return np.asarray(photo), cover


def pixels(shoe: Shoe) -> npt.NDArray[np.uint8]:
    return drawn(shoe)[0]


def silhouette(shoe: Shoe) -> npt.NDArray[np.float32]:
    return drawn(shoe)[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_photo_is_480_by_360_on_white_and_the_shoe_is_in_the_middle(family: str) -> None:
    photo = draw_shoe(EXAMPLES[family])
    assert (photo.size, photo.mode) == ((480, 360), "RGB")
    array = np.asarray(photo)
    border = np.concatenate(
        [array[:4].reshape(-1, 3), array[-4:].reshape(-1, 3), array[:, :4].reshape(-1, 3), array[:, -4:].reshape(-1, 3)]
    )
    assert border.min() >= 250
    solid = silhouette(EXAMPLES[family]) > 0.5
    rows, cols = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    assert max(cols[-1] - cols[0] + 1 - 420, 0) == 0
    assert cols[-1] - cols[0] > 330 or rows[-1] - rows[0] > 240, "the shoe fills its photo"
    assert abs((cols[0] + cols[-1]) / 2 - 239.5) < 12
    assert abs((rows[0] + rows[-1]) / 2 - 179.5) < 12


@pytest.mark.parametrize("family", FAMILIES)
def test_the_toe_is_on_the_left(family: str) -> None:
    solid = silhouette(EXAMPLES[family]) > 0.5
    cols = np.flatnonzero(solid.any(axis=0))
    height = solid.shape[0] - np.argmax(solid, axis=0)
    sixth = (cols[-1] - cols[0]) // 6
    toe, heel = height[cols[0] : cols[0] + sixth], height[cols[-1] - sixth : cols[-1]]
    if family in ("Clog", "Flip-flop", "Mule", "Slipper", "Sandal"):
        # What is open at the heel has its upper, and so its mass, toward the toe.
        middle = solid[:, : cols[0] + 4 * sixth].sum()
        assert middle > solid[:, cols[-1] - 4 * sixth :].sum() * 0.8
    else:
        assert toe.max() < heel.max()


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_shoes_give_equal_pixels_and_another_form_other_ones(family: str) -> None:
    shoe = EXAMPLES[family]
    first = pixels(shoe)
    assert np.array_equal(first, np.asarray(draw_shoe(replace(shoe))))
    assert not np.array_equal(first, pixels(replace(shoe, form=shoe.form + 1)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_twin_has_another_color_and_the_same_silhouette(family: str) -> None:
    for shoe in {EXAMPLES[family], PLAIN[family]}:
        one, other = recolor(shoe, "Blue"), recolor(shoe, "Yellow")
        assert np.array_equal(silhouette(one), silhouette(other))
        moved = np.abs(pixels(one).astype(int) - pixels(other)).max(axis=-1) > 40
        assert moved.sum() > 0.10 * (silhouette(one) > 0.5).sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_dyed_has_the_color_that_the_metadata_names(family: str) -> None:
    names = ("Black", "White", "Yellow", "Blue")
    twins = {name: pixels(recolor(PLAIN[family], name)).astype(float) for name in names}
    # What is dyed is where the twins differ; soles and linings stay as they are.
    spread = np.ptp(np.stack(list(twins.values())), axis=0).max(axis=-1)
    dyed = spread > 0.6 * spread.max()
    palette = np.array([COLORS[name] for name in names], dtype=float)
    for name, photo in twins.items():
        seen = np.median(photo[dyed], axis=0)
        nearest = names[int(np.argmin(np.linalg.norm(palette - seen, axis=1)))]
        assert nearest == name, (seen, name)


def test_a_higher_heel_makes_a_taller_shoe() -> None:
    pump = PLAIN["Pump"]
    tall = []
    for centimeters in (5.0, 8.0, 11.0):
        rows, cols = np.nonzero(silhouette(replace(pump, heel_height=centimeters)) > 0.5)
        tall.append(np.ptp(rows) / np.ptp(cols))
    assert tall[0] < tall[1] < tall[2]


def test_boots_are_taller_than_low_shoes() -> None:
    def proportion(family: str) -> float:
        rows, cols = np.nonzero(silhouette(EXAMPLES[family]) > 0.5)
        return float(np.ptp(rows) / np.ptp(cols))

    low = [proportion(family) for family in ("Ballet flat", "Loafer", "Flip-flop", "Slip-on", "Sneaker")]
    high = [proportion(family) for family in ("Boot", "Rain boot", "Work boot", "High-top", "Chelsea boot")]
    assert max(low) < min(high)


def test_patterns_show() -> None:
    plain = PLAIN["Slip-on"]
    seen = {"Plain": pixels(plain)}
    for pattern in ("Stripes", "Dots", "Plaid", "Leopard", "Zebra", "Camouflage", "Floral", "Gradient"):
        seen[pattern] = pixels(
            replace(
                plain,
                pattern=pattern,
                color="White",
                rgb=COLORS["White"],
                secondary_color="Navy",
                secondary_rgb=COLORS["Navy"],
            )
        )
    names = list(seen)
    for i, one in enumerate(names):
        for other in names[:i]:
            changed = np.abs(seen[one].astype(int) - seen[other]).max(axis=-1) > 30
            assert changed.sum() > 2_000, (one, other)


def test_shoes_of_a_family_are_more_alike_than_shoes_of_two() -> None:
    shoes = sample_shoes(60, seed=4)
    forms = np.array([silhouette(shoe)[::6, ::6].ravel() for shoe in shoes])
    family = np.array([shoe.family for shoe in shoes])
    gaps = np.linalg.norm(forms[:, None] - forms[None], axis=-1)
    np.fill_diagonal(gaps, np.inf)
    same = family[gaps.argmin(axis=1)] == family
    assert same.mean() > 0.5


def test_light_comes_from_the_left() -> None:
    boot = replace(PLAIN["Rain boot"], color="Grey", rgb=COLORS["Grey"], material="Rubber")
    photo = pixels(boot).astype(float).mean(axis=-1)
    solid = silhouette(boot) > 0.99
    rows = np.flatnonzero(solid.any(axis=1))
    band = rows[0] + (rows[-1] - rows[0]) // 4
    cols = np.flatnonzero(solid[band])
    third = len(cols) // 3
    left, right = photo[band - 6 : band + 6, cols[:third]], photo[band - 6 : band + 6, cols[-third:]]
    assert left.mean() > right.mean() + 8
