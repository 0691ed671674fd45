"""What a shop offers: colors, families and what each comes in, and brands with their tastes."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.demo.parts import Color

COLORS: dict[str, Color] = {
    "Black": (42, 42, 45),
    "White": (232, 231, 228),
    "Grey": (134, 137, 142),
    "Silver": (184, 187, 192),
    "Beige": (212, 188, 152),
    "Tan": (180, 120, 68),
    "Brown": (96, 60, 38),
    "Burgundy": (106, 26, 42),
    "Red": (174, 36, 40),
    "Orange": (214, 108, 50),
    "Yellow": (228, 188, 66),
    "Gold": (190, 150, 82),
    "Olive": (98, 98, 58),
    "Green": (44, 110, 78),
    "Teal": (36, 118, 124),
    "Light blue": (148, 182, 208),
    "Blue": (46, 90, 160),
    "Navy": (38, 50, 88),
    "Purple": (106, 74, 132),
    "Pink": (222, 150, 168),
}
"""Color names and their RGB values, as the material is dyed (a photo's light changes them)."""

_EARTHY = ("Black", "Brown", "Tan", "Burgundy", "Beige", "Navy", "Grey", "Olive")
_BRIGHT = ("Red", "Blue", "Green", "Yellow", "Orange", "Teal", "Pink", "Purple", "Light blue")
_SPORTY = ("Black", "White", "Grey", "Navy", "Blue", "Red", "Green", "Orange", "Teal", "Purple", "Pink", "Yellow")
_DRESSY = ("Black", "Red", "Beige", "Burgundy", "Navy", "Silver", "Gold", "Pink", "White", "Teal", "Purple")
_SOFT = ("Pink", "Beige", "Light blue", "Grey", "White", "Red", "Navy", "Gold", "Black", "Tan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """What shops offer in one family: the values to choose from, the first ones most often.

    `heel` is the heel's height in cm, low and high; `gender` the odds of Women, Men and Unisex.
    """

    colors: tuple[str, ...]
    materials: tuple[str, ...]
    patterns: tuple[str, ...]
    soles: tuple[str, ...]
    heel: tuple[float, float]
    gender: tuple[float, float, float]
    laces: bool = False


RANGES: dict[str, Range] = {
    "Sneaker": Range(
        colors=_SPORTY,
        materials=("Leather", "Canvas", "Suede"),
        patterns=("Plain", "Two-tone", "Stripes"),
        soles=("Cup", "Gum"),
        heel=(2.5, 3.5),
        gender=(0.3, 0.3, 0.4),
        laces=True,
    ),
    "Runner": Range(
        colors=_SPORTY,
        materials=("Mesh", "Knit"),
        patterns=("Two-tone", "Plain", "Stripes", "Gradient"),
        soles=("Running", "Trail"),
        heel=(3.0, 4.5),
        gender=(0.4, 0.4, 0.2),
        laces=True,
    ),
    "High-top": Range(
        colors=_SPORTY,
        materials=("Canvas", "Leather", "Suede"),
        patterns=("Plain", "Two-tone", "Plaid", "Camouflage"),
        soles=("Vulcanized", "Gum"),
        heel=(2.5, 3.5),
        gender=(0.25, 0.3, 0.45),
        laces=True,
    ),
    "Slip-on": Range(
        colors=(*_BRIGHT, "Black", "White", "Navy", "Grey"),
        materials=("Canvas", "Suede"),
        patterns=("Plain", "Stripes", "Plaid", "Camouflage", "Floral", "Leopard"),
        soles=("Vulcanized", "Jute"),
        heel=(2.0, 2.5),
        gender=(0.45, 0.25, 0.3),
    ),
    "Oxford": Range(
        colors=("Black", "Brown", "Tan", "Burgundy", "Navy", "Grey"),
        materials=("Smooth leather", "Patent", "Suede"),
        patterns=("Plain", "Two-tone"),
        soles=("Leather", "Rubber"),
        heel=(2.5, 3.0),
        gender=(0.1, 0.85, 0.05),
        laces=True,
    ),
    "Loafer": Range(
        colors=(*_EARTHY, "Red", "Blue"),
        materials=("Leather", "Suede", "Smooth leather"),
        patterns=("Plain", "Two-tone"),
        soles=("Leather", "Rubber"),
        heel=(1.5, 2.5),
        gender=(0.3, 0.65, 0.05),
    ),
    "Boot": Range(
        colors=("Black", "Brown", "Tan", "Burgundy", "Grey", "Beige"),
        materials=("Leather", "Suede", "Smooth leather"),
        patterns=("Plain",),
        soles=("Leather", "Rubber"),
        heel=(2.5, 8.0),
        gender=(0.97, 0.0, 0.03),
    ),
    "Work boot": Range(
        colors=("Tan", "Brown", "Black", "Olive", "Burgundy", "Grey"),
        materials=("Nubuck", "Leather", "Suede"),
        patterns=("Plain", "Two-tone"),
        soles=("Lug", "Crepe"),
        heel=(3.0, 4.0),
        gender=(0.15, 0.6, 0.25),
        laces=True,
    ),
    "Ankle boot": Range(
        colors=(*_EARTHY, "Red"),
        materials=("Leather", "Suede", "Patent"),
        patterns=("Plain", "Leopard"),
        soles=("Block heel", "Stiletto"),
        heel=(5.0, 10.0),
        gender=(1.0, 0.0, 0.0),
    ),
    "Chelsea boot": Range(
        colors=_EARTHY,
        materials=("Leather", "Suede", "Smooth leather"),
        patterns=("Plain",),
        soles=("Rubber", "Leather", "Lug"),
        heel=(2.5, 3.5),
        gender=(0.35, 0.55, 0.1),
    ),
    "Rain boot": Range(
        colors=("Green", "Navy", "Yellow", "Red", "Black", "Pink", "Blue", "Teal", "Olive", "Purple"),
        materials=("Rubber",),
        patterns=("Plain", "Dots", "Stripes", "Floral", "Plaid"),
        soles=("Lug",),
        heel=(2.5, 3.5),
        gender=(0.5, 0.15, 0.35),
    ),
    "Pump": Range(
        colors=_DRESSY,
        materials=("Patent", "Leather", "Suede", "Satin"),
        patterns=("Plain", "Two-tone", "Leopard", "Dots"),
        soles=("Stiletto", "Block heel", "Kitten heel"),
        heel=(5.0, 11.0),
        gender=(1.0, 0.0, 0.0),
    ),
    "Mary Jane": Range(
        colors=_DRESSY,
        materials=("Patent", "Leather", "Suede"),
        patterns=("Plain", "Two-tone", "Dots"),
        soles=("Block heel", "Kitten heel"),
        heel=(3.0, 7.0),
        gender=(1.0, 0.0, 0.0),
    ),
    "Ballet flat": Range(
        colors=_SOFT,
        materials=("Leather", "Suede", "Satin", "Patent"),
        patterns=("Plain", "Two-tone", "Leopard", "Dots", "Floral"),
        soles=("Leather",),
        heel=(0.5, 1.0),
        gender=(1.0, 0.0, 0.0),
    ),
    "Sandal": Range(
        colors=("Brown", "Tan", "Black", "Beige", "White", "Gold", "Silver", "Red", "Navy", "Teal"),
        materials=("Leather", "Suede", "Patent"),
        patterns=("Plain", "Leopard"),
        soles=("Cork", "Leather"),
        heel=(1.5, 3.0),
        gender=(0.65, 0.3, 0.05),
    ),
    "Wedge": Range(
        colors=("Tan", "Black", "Beige", "White", "Red", "Navy", "Gold", "Light blue", "Orange", "Pink"),
        materials=("Leather", "Suede", "Canvas"),
        patterns=("Plain", "Stripes", "Floral", "Dots"),
        soles=("Jute", "Cork", "Wood"),
        heel=(6.0, 10.0),
        gender=(1.0, 0.0, 0.0),
    ),
    "Flip-flop": Range(
        colors=(*_BRIGHT, "Black", "Navy", "Brown", "White"),
        materials=("Rubber", "Leather"),
        patterns=("Plain", "Stripes", "Two-tone", "Camouflage", "Floral"),
        soles=("Foam",),
        heel=(1.0, 2.0),
        gender=(0.35, 0.35, 0.3),
    ),
    "Clog": Range(
        colors=("Green", "Blue", "Red", "Navy", "Black", "White", "Brown", "Tan", "Pink", "Yellow", "Purple"),
        materials=("Foam", "Leather", "Suede"),
        patterns=("Plain", "Camouflage", "Floral"),
        soles=("Foam", "Wood"),
        heel=(2.5, 5.0),
        gender=(0.4, 0.2, 0.4),
    ),
    "Mule": Range(
        colors=_DRESSY,
        materials=("Leather", "Suede", "Satin", "Patent"),
        patterns=("Plain", "Leopard", "Zebra", "Stripes"),
        soles=("Kitten heel", "Block heel"),
        heel=(4.0, 8.0),
        gender=(1.0, 0.0, 0.0),
    ),
    "Slipper": Range(
        colors=("Grey", "Beige", "Brown", "Navy", "Burgundy", "Pink", "Light blue", "Red", "Olive", "Purple"),
        materials=("Felt", "Suede", "Fleece"),
        patterns=("Plain", "Plaid", "Leopard", "Dots"),
        soles=("Crepe", "Felt"),
        heel=(0.5, 1.5),
        gender=(0.4, 0.4, 0.2),
    ),
}
"""The families and what is offered in each."""

FAMILIES: tuple[str, ...] = tuple(RANGES)

BRANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Pacera": (("Runner", "Sneaker", "High-top"), ("White", "Orange", "Teal", "Blue")),
    "Volantic": (("Runner", "Sneaker", "Slip-on"), ("Black", "Red", "Purple", "Yellow")),
    "Norrvik": (("Work boot", "Rain boot", "Chelsea boot"), ("Olive", "Tan", "Yellow", "Navy")),
    "Bramwick": (("Oxford", "Loafer", "Chelsea boot", "Slipper"), ("Brown", "Burgundy", "Black")),
    "Velada": (("Pump", "Ankle boot", "Mule", "Boot"), ("Black", "Red", "Gold", "Burgundy")),
    "Mirabelline": (("Ballet flat", "Mary Jane", "Pump", "Wedge"), ("Pink", "Beige", "Light blue", "Silver")),
    "Duneway": (("Sandal", "Flip-flop", "Wedge"), ("Tan", "White", "Teal", "Brown")),
    "Tovane": (("Clog", "Slipper", "Mule", "Sandal"), ("Grey", "Green", "Beige", "Blue")),
    "Kolibree": (("Slip-on", "Flip-flop", "High-top", "Rain boot", "Clog"), ("Yellow", "Green", "Pink", "Blue")),
    "Larkfield": (("Boot", "Loafer", "Ankle boot", "Oxford"), ("Tan", "Navy", "Grey", "Brown")),
}
"""Brands (invented): the families each is known for, and its favorite colors."""
