"""What requests give: ranking options in the address or as texts in a form, and bodies as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from lookalike.options import MAX_K, MAX_WEIGHT, RANKINGS
from lookalike.web.problems import Problem

CONTROLS = ("k", "where", "same", "ranking", "color", "prefer", "diverse", "approximate")
"""The ranking options there are: the page shows a control for each that it knows."""
LONG = 2_000
"""Characters of a filter at most."""

K = Annotated[int, Query(ge=1, le=MAX_K, description="How many look-alikes.")]
Where = Annotated[
    str | None,
    Query(
        max_length=LONG,
        description="Only items for which this SQL expression over the metadata holds.",
        examples=["color = 'Black'"],
    ),
]
Same = Annotated[list[str] | None, Query(description="Only items with the query's value in this field; repeatable.")]
Ranking = Annotated[str, Query(description=f"One of {', '.join(RANKINGS)}.")]
Prefer = Annotated[
    list[str] | None,
    Query(
        max_length=100,
        description=f"FIELD=WEIGHT: rather items with the query's value there, 0 to {MAX_WEIGHT:g}; repeatable.",
        examples=[["brand=0.3"]],
    ),
]
Diverse = Annotated[bool, Query(description="Results that differ: near-identical items count once.")]
Approximate = Annotated[
    bool,
    Query(description="With ranking=euclidean: by the catalog's index if it has one, which may miss some; see recall."),
]
Color = Annotated[
    float | None,
    Query(ge=0, le=1, description="Share of color in the default ranking: 0 shape and material alone, 1 color alone."),
]


def known(given: Any) -> None:
    """Refuse what is no ranking option: a typing error must not pass for an answer."""
    for name in given:
        if name not in CONTROLS:
            known = ", ".join(CONTROLS)
            raise Problem(422, "E_USAGE", f"{name[:100]!r} is not a ranking option here: give some of {known}")


def whole(text: str) -> int:
    """A number of look-alikes; its range is checked with the other options."""
    if not (text.isdecimal() and len(text) < 10):
        raise Problem(422, "E_USAGE", f"k={text[:100]!r} is no whole number: give one from 1 to {MAX_K}")
    return int(text)


def is_yes(name: str, text: str) -> bool:
    """A switch."""
    if text.lower() not in ("true", "false", "1", "0"):
        raise Problem(422, "E_USAGE", f"{name}={text[:100]!r} is neither true nor false: give one of them")
    return text.lower() in ("true", "1")


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        return float(text)
    except ValueError:
        raise Problem(422, "E_USAGE", f"color={text[:100]!r} is no number: give one from 0 to 1") from None


def short(text: str | None) -> str | None:
    """A filter that is not too long."""
    if text is not None and len(text) > LONG:
        raise Problem(422, "E_USAGE", f"where has {len(text)} characters: give at most {LONG}")
    return text


IDS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["ids"],
                    "properties": {"ids": {"type": "array", "items": {"type": "string"}, "examples": [["0001.jpg"]]}},
                }
            }
        },
    }
}
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The photo."}},
                }
            }
        },
    }
}
