"""Words and numbers as people read them."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.report.text import apart, count, listed, number, percent, plain

ANYTHING = st.text(st.characters(codec=None), max_size=80)


@given(ANYTHING)
def test_plain_text_is_one_line_that_any_file_can_hold(words: str) -> None:
    shown = plain(words)
    shown.encode("utf-8")
    assert shown == " ".join(shown.split())
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    assert not any(unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "PDF") for c in shown)


@given(ANYTHING, st.integers(1, 30))
def test_a_limit_holds(words: str, limit: int) -> None:
    assert len(plain(words, limit)) <= limit


def test_words_of_every_script_stay_as_they_are() -> None:
    for name in ("红色鞋子", "حذاء أحمر", "ботинок", "क्या", "👟"):
        assert plain(name) == name


@pytest.mark.parametrize(
    ("value", "shown"),
    [(6388, "6,388"), (12345.6, "12,346"), (0.5, "0.5"), (0.00004, "4.0e-05"), (math.nan, "not known")],
)
def test_numbers(value: float, shown: str) -> None:
    assert number(value) == shown


def test_values_of_every_kind() -> None:
    assert [plain(value) for value in (None, True, False, 2011, 2.50, "a")] == ["", "yes", "no", "2011", "2.5", "a"]


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0%"), (0.001, "under 1%"), (0.25, "25%"), (0.999, "over 99%"), (1.0, "100%"), (math.nan, "not known")],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_distances_line_up() -> None:
    assert [apart(d) for d in (0.0, 0.5, 3.7, 12.34, 123.4, 1234.5)] == ["0", "0.500", "3.70", "12.3", "123", "1,234"]


def test_amounts_and_lists() -> None:
    assert count(1, "item") == "1 item"
    assert count(1000, "item") == "1,000 items"
    assert [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
