"""Types of metadata columns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

from lookalike.records import Value

# A leading zero marks a code, not a number; so does a leading plus.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\Z")
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_TRUTH = {"true": True, "false": False}
_LOW, _HIGH = -(2**63), 2**63 - 1


def infer(texts: Sequence[str]) -> list[Value]:
    """The values of a column of text cells: all integers, all numbers, all true/false, or all text.

    A cell that is empty or blank is None and fits every type.

    >>> infer(["2011", "", "2012"]), infer(["1", "2.5"]), infer(["007", "10"]), infer(["True", "false"])
    ([2011, None, 2012], [1.0, 2.5], ['007', '10'], [True, False])
    """
    # Most columns repeat few values: look at each once, and keep each once.
    values = {text: text.strip() for text in dict.fromkeys(texts)}
    filled = [value for value in values.values() if value]
    convert: dict[str, Value]
    if filled and all(_INTEGER.match(value) and _LOW <= int(value) <= _HIGH for value in filled):
        convert = {text: int(value) if value else None for text, value in values.items()}
    elif filled and all(_NUMBER.match(value) and math.isfinite(float(value)) for value in filled):
        convert = {text: float(value) if value else None for text, value in values.items()}
    elif filled and all(value.lower() in _TRUTH for value in filled):
        convert = {text: _TRUTH[value.lower()] if value else None for text, value in values.items()}
    else:
        convert = {text: text if value else None for text, value in values.items()}
    return [convert[text] for text in texts]


def unify(values: Sequence[Value]) -> list[Value]:
    """The values of a column that has types already, brought to one: integers beside numbers become numbers,
    everything else that is mixed becomes text (JSON for what is no text). Integers beyond 64 bits are text.

    >>> unify([1, None, 2.5]), unify([1, "a", True])
    ([1.0, None, 2.5], ['1', 'a', 'true'])
    """
    kinds = {type(value) for value in values if value is not None}
    if int in kinds and any(type(value) is int and not _LOW <= value <= _HIGH for value in values):
        kinds.add(str)
    if len(kinds) <= 1 and str not in kinds:
        return list(values)
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
