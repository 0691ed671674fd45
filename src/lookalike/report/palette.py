"""Colors that people with any kind of color vision can tell apart, and the two themes they are used in.

The categories are those of Okabe and Ito (Color Universal Design, 2008): without the yellow on light paper,
where it is too faint for dots, and without the deep blue on dark paper.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """The colors of one figure: `paper` behind it, `ink` for words, `quiet` for less important ones, `line`
    for rules, `faint` for areas, `mute` for dots in the background, `accent` for what the figure is about,
    `band` behind a curve, `categories` seven fill colors to be used in this order.
    """

    name: str
    paper: str
    ink: str
    quiet: str
    line: str
    faint: str
    mute: str
    accent: str
    band: str
    categories: tuple[str, ...]


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1c2126",
    quiet="#5f6973",
    line="#d9dee3",
    faint="#f2f4f6",
    mute="#c9cfd5",
    accent="#d55e00",
    band="#d9edf9",
    categories=("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#1c2126"),
)
DARK = Theme(
    name="dark",
    paper="#171b20",
    ink="#e9ecef",
    quiet="#a3adb7",
    line="#3a424b",
    faint="#22282f",
    mute="#555f69",
    accent="#f08438",
    band="#1f3a4b",
    categories=("#56b4e9", "#e69f00", "#00a97c", "#cc79a7", "#f0e442", "#d55e00", "#f5f6f7"),
)


def rgb(color: str) -> tuple[int, int, int]:
    """The red, green and blue of `#rrggbb`, 0 to 255.

    >>> rgb("#0072b2")
    (0, 114, 178)
    """
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
