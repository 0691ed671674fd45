"""Which of two is preferred: the share of votes with its interval, and the sign test."""

from __future__ import annotations

import math
from typing import NamedTuple

from lookalike.analysis._blocks import check_count


class Preference(NamedTuple):
    """`b` of `a + b` decided votes: the `share` of b with its 95% interval `low`..`high`, and `p` of the sign test.

    Without a decided vote the share is NaN, the interval 0..1 and p 1.
    """

    share: float
    low: float
    high: float
    p: float


Z = 1.959963984540054


def preference(a: int, b: int) -> Preference:
    """What `a` votes for one and `b` for the other say; votes for neither do not count (Dixon and Mood, 1946).

    The interval is Wilson's (1927); `p` is the exact two-sided probability of a split at least this uneven if both
    were equally good.

    >>> [round(value, 4) for value in preference(2, 8)]
    [0.8, 0.4902, 0.9433, 0.1094]
    """
    a, b = check_count("a", a), check_count("b", b)
    n = a + b
    if not n:
        return Preference(math.nan, 0.0, 1.0, 1.0)
    share = b / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return Preference(share, max(0.0, middle - half), min(1.0, middle + half), _sign_test(min(a, b), n))


def _sign_test(fewer: int, n: int) -> float:
    """Twice the lower tail of a fair coin: `fewer` heads or less in `n`. Logarithms keep large n finite."""
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(fewer + 1)]
    return min(1.0, 2 * math.fsum(math.exp(value - n * math.log(2)) for value in logs))
