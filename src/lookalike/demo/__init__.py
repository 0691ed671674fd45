"""The demo catalog: product photos of shoes that nobody owns, drawn from parameters.

Every shoe is a `Shoe`; its photo and its metadata follow from it, so that a catalog of them is a test with
known answers: which items are of one family, one color, one brand, and which are twins in another color.

>>> shoe = sample_shoes(1, seed=0)[0]
>>> draw_shoe(shoe).size
(480, 360)
"""

from __future__ import annotations

from lookalike.demo.assortment import BRANDS, COLORS, FAMILIES
from lookalike.demo.catalog import COLUMNS, write_catalog
from lookalike.demo.draw import draw_shoe, draw_with_silhouette
from lookalike.demo.parameters import Shoe, recolor, sample_shoes

__all__ = [
    "BRANDS",
    "COLORS",
    "COLUMNS",
    "FAMILIES",
    "Shoe",
    "draw_shoe",
    "draw_with_silhouette",
    "recolor",
    "sample_shoes",
    "write_catalog",
]
