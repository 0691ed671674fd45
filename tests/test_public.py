"""The public surface: what is exported, that it loads, and that it is documented."""

from __future__ import annotations

import inspect

import pytest

import lookalike
from lookalike import errors


def test_all_is_sorted_and_complete() -> None:
    assert lookalike.__all__ == sorted(lookalike.__all__)
    assert set(lookalike.__all__) <= set(dir(lookalike))


@pytest.mark.parametrize("name", lookalike.__all__)
def test_public_name_loads_and_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(lookalike, name))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lookalike.no_such_name


def all_errors(base: type[errors.LookalikeError]) -> list[type[errors.LookalikeError]]:
    return [base, *(found for child in base.__subclasses__() for found in all_errors(child))]


@pytest.mark.parametrize("kind", all_errors(errors.LookalikeError))
def test_error_is_public_and_drawn_in_the_tree(kind: type[errors.LookalikeError]) -> None:
    assert kind.__name__ in lookalike.__all__
    assert errors.__doc__ is not None
    line = next(line for line in errors.__doc__.splitlines() if f" {kind.__name__} " in f" {line} ")
    if kind is not errors.Rejected:
        assert f"exit {kind.exit_code} " in f"{line} "
