"""Words for people: names made safe to show, numbers, captions."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from lookalike.records import Value

_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NAMES = ("name", "title", "product", "product_name", "product name", "productdisplayname", "description")
SEASONS = ("season", "year", "month", "date", "collection")
KINDS = ("type", "article_type", "articletype", "product_type", "kind", "category", "subcategory", "style")


def plain(value: Value, limit: int | None = None) -> str:
    """`value` as one line that shows as what it is: white space becomes single spaces; control characters,
    marks that turn the writing direction and half characters become U+FFFD; above `limit` it is cut.

    >>> plain("a\\nb\\u202ec")
    'a b\ufffdc'
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    words = " ".join(str(value).split())
    shown = "".join("\ufffd" if c in _DIRECTION or unicodedata.category(c) in ("Cc", "Cs") else c for c in words)
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def number(value: float, digits: int = 3) -> str:
    """A number with thousands marked and `digits` significant digits below that.

    >>> number(6388), number(0.12345), number(3.0)
    ('6,388', '0.123', '3')
    """
    if not math.isfinite(value):
        return "not known"
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if abs(value) >= 1e-3 else f"{value:.1e}"


def apart(distance: float) -> str:
    """A distance with three digits, so that a row of them lines up.

    >>> apart(3.7), apart(0.0), apart(1234.5)
    ('3.70', '0', '1,234')
    """
    if not math.isfinite(distance):
        return "not known"
    return number(distance) if distance == 0 or abs(distance) >= 1_000 else f"{distance:#.3g}".rstrip(".")


def count(amount: int, one: str, many: str | None = None) -> str:
    """An amount with its noun.

    >>> count(1, "item"), count(2000, "item")
    ('1 item', '2,000 items')
    """
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share in percent; a small one is not shown as zero, an almost full one not as all.

    >>> percent(0.5), percent(0.001), percent(0.9999)
    ('50%', 'under 1%', 'over 99%')
    """
    if not math.isfinite(share):
        return "not known"
    if 0 < share < 0.005:
        return "under 1%"
    if 0.995 <= share < 1:
        return "over 99%"
    return f"{share * 100:.0f}%"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + (" and " if words else "") + "".join(words[-1:])


def heading(column: str) -> str:
    """A column's name as a reader would write it.

    >>> heading("heel_height")
    'heel height'
    """
    return plain(column.removeprefix("meta_").replace("_", " "))
