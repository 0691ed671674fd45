"""What a demo shoe can be, and how a shop's range of them is drawn by lot."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lookalike.demo.assortment import BRANDS, COLORS, FAMILIES, RANGES
from lookalike.demo.parts import Color
from lookalike.demo.prints import PATTERNS
from lookalike.errors import UsageError

_MODELS = (
    "Alba", "Arden", "Birk", "Brisa", "Calla", "Cove", "Dorsey", "Elm", "Faro", "Fenn", "Gale", "Hollis", "Iris",
    "Juno", "Kite", "Lune", "Marlo", "Nova", "Orla", "Piper", "Quill", "Rowan", "Sable", "Tarn", "Una", "Vesper",
    "Wren", "Yarrow", "Zephyr",
)  # fmt: skip
_GENDERS = ("Women", "Men", "Unisex")
_SIZES = {"Women": (35, 42, 38.4), "Men": (39, 47, 43.0), "Unisex": (36, 46, 40.5)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shoe:
    """One demo shoe: all that its photo and its metadata follow from.

    `family` is one of `FAMILIES`; `color` and `secondary_color` (None: one color) name what `rgb` and
    `secondary_rgb` (0 to 255) hold; `heel_height` is in cm, `size` an EU size; `form` is the seed of its small
    differences in shape, place and light. Equal shoes give equal photos.
    """

    family: str
    color: str
    rgb: Color
    secondary_color: str | None = None
    secondary_rgb: Color | None = None
    material: str
    pattern: str = "Plain"
    sole: str
    heel_height: float
    laces: bool = False
    brand: str
    gender: str
    size: int
    year: int = 2024
    form: int = 0

    def __post_init__(self) -> None:
        if self.family not in RANGES:
            raise UsageError(f"family={self.family!r} is not known: give one of {', '.join(FAMILIES)}")
        if self.pattern not in PATTERNS:
            raise UsageError(f"pattern={self.pattern!r} is not known: give one of {', '.join(PATTERNS)}")
        if (self.secondary_color is None) != (self.secondary_rgb is None):
            raise UsageError("secondary_color and secondary_rgb go together: give both or neither")

    @property
    def name(self) -> str:
        """What a shop would call it, such as "Pacera Nova Runner Blue"."""
        model = _MODELS[self.form % len(_MODELS)]
        return f"{self.brand} {model} {self.family} {self.color}"


def recolor(shoe: Shoe, color: str, secondary: str | None = None) -> Shoe:
    """The same shoe in another color: its twin, equal in shape, material and size.

    `color` and `secondary` are names of `COLORS`; `secondary` None keeps the second color, unless it would be
    the same as the new one: then the two change places.

    >>> twin = recolor(sample_shoes(1)[0], "Red")
    >>> twin.color, twin.rgb
    ('Red', (174, 36, 40))
    """
    for name in (color, secondary):
        if name is not None and name not in COLORS:
            raise UsageError(f"color={name!r} is not known: give one of {', '.join(COLORS)}")
    other = secondary if secondary is not None else shoe.secondary_color
    if secondary is None and other == color:
        other = shoe.color if shoe.color != color else shoe.secondary_color
    rgb = shoe.rgb if color == shoe.color else COLORS[color]
    return replace(
        shoe, color=color, rgb=rgb, secondary_color=other, secondary_rgb=None if other is None else COLORS[other]
    )


def _dye_lot(rng: np.random.Generator, rgb: Color) -> Color:
    """The color of one production lot: a little lighter or darker, a little warmer or cooler."""
    drawn = np.asarray(rgb) * rng.uniform(0.93, 1.06) + rng.uniform(-4, 4, 3)
    red, green, blue = (int(value) for value in np.clip(np.rint(drawn), 12, 246))
    return red, green, blue


def _pick(rng: np.random.Generator, values: tuple[str, ...], weights: np.ndarray | None = None) -> str:
    odds = np.ones(len(values)) if weights is None else weights
    return values[int(rng.choice(len(values), p=odds / odds.sum()))]


def _falling(count: int, rate: float = 0.78) -> np.ndarray:
    """Odds that fall from the first to the last of `count` values."""
    return np.asarray(rate ** np.arange(count))


def sample_shoe(index: int, seed: int = 0) -> Shoe:
    """Shoe number `index` (from 0) of the range that `seed` stands for."""
    count = len(FAMILIES)
    deal = np.random.default_rng([seed, 1, index // count]).permutation(count)
    family = FAMILIES[int(deal[index % count])]
    offered = RANGES[family]
    rng = np.random.default_rng([seed, 2, index])
    brands = tuple(BRANDS)
    brand = _pick(rng, brands, np.array([7.0 if family in BRANDS[name][0] else 0.5 for name in brands]))
    liked = np.array([2.5 if name in BRANDS[brand][1] else 1.0 for name in offered.colors])
    color = _pick(rng, offered.colors, liked * _falling(len(offered.colors), 0.92))
    material = _pick(rng, offered.materials, _falling(len(offered.materials)))
    pattern = _pick(rng, offered.patterns, _falling(len(offered.patterns), 0.6))
    sole = _pick(rng, offered.soles, _falling(len(offered.soles)))
    low, high = offered.heel
    if sole == "Kitten heel":
        high = min(high, 5.5)
    if sole == "Stiletto":
        low = max(low, 7.0)
    gender = _pick(rng, _GENDERS, np.array(offered.gender))
    if gender == "Men":
        high = min(high, 4.5)
    smallest, largest, usual = _SIZES[gender]
    secondary = _second_color(rng, family, color, pattern)
    return Shoe(
        family=family,
        color=color,
        rgb=_dye_lot(rng, COLORS[color]),
        secondary_color=secondary,
        secondary_rgb=None if secondary is None else COLORS[secondary],
        material=material,
        pattern=pattern,
        sole=sole,
        heel_height=round(float(rng.uniform(low, high)), 1),
        laces=offered.laces,
        brand=brand,
        gender=gender,
        size=int(np.clip(np.rint(rng.normal(usual, 1.6)), smallest, largest)),
        year=int(rng.integers(2019, 2026)),
        form=int(rng.integers(0, 2**31)),
    )


def _second_color(rng: np.random.Generator, family: str, color: str, pattern: str) -> str | None:
    """The other color of a pattern: light on dark, dark on light, and what animals wear."""
    brightness = sum(COLORS[color]) / 3
    if pattern == "Plain":
        return None
    if pattern == "Leopard":
        return "Brown" if brightness > 100 else "Tan"
    if pattern == "Zebra":
        return "White" if brightness < 110 else "Black"
    if pattern == "Camouflage":
        return "Beige" if brightness < 90 else "Olive"
    if family in ("Oxford", "Loafer"):
        choices: tuple[str, ...] = ("White", "Brown", "Black", "Beige", "Tan")
    elif brightness > 105:
        choices = ("Black", "Navy", "Red", "Burgundy", "White", "Blue", "Green")
    else:
        choices = ("White", "Beige", "Red", "Grey", "Yellow", "Light blue", "Orange")
    options = tuple(name for name in choices if name != color)
    return _pick(rng, options, _falling(len(options), 0.7))


def sample_shoes(n: int, seed: int = 0) -> list[Shoe]:
    """`n` shoes of all families, as many of each as can be; shoe i is the same for every `n`.

    Families come in shuffled rounds, so that any 20 in a row that start at a multiple of 20 hold all of them. The brand
    goes with the family, the color with the brand, the gender with the family, the size with the gender.
    `UsageError` for `n` or `seed` below 0.
    """
    for name, value in (("n", n), ("seed", seed)):
        if value < 0:
            raise UsageError(f"{name}={value} is out of range: give 0 or more")
    return [sample_shoe(index, seed) for index in range(n)]
