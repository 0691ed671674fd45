"""Blocks, threads and checks that every part of `analysis` uses.

Matrix products run in blocks of fixed shape, each on one BLAS thread, and Python threads share out the
blocks: what a block yields never depends on how many threads there are, so results have the same bytes.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError
from lookalike.records import Advance

Array = npt.NDArray[Any]
Vectors = npt.ArrayLike | Iterable[npt.ArrayLike]
"""n vectors of d numbers: an (n, d) array, a memory map, or an iterable of (n_i, d) blocks."""

CHECK_ROWS = 4096
T = TypeVar("T")
R = TypeVar("R")


def thread_count(threads: int | None) -> int:
    """The number of threads to use: `threads`, or one for each CPU that this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        return check_count("threads", threads, 1)
    except UsageError as exc:
        raise UsageError(f"{exc}, or None for every CPU") from None


class _SingleBlas:
    """Holds BLAS at one thread while anyone needs it; the last one out restores what was before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limits: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        from threadpoolctl import threadpool_limits

        with self._lock:
            if self._users == 0:
                self._limits = threadpool_limits(1, user_api="blas")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._limits.restore_original_limits()


single_blas = _SingleBlas()


class Workers:
    """Runs a function over blocks with a fixed number of threads; use as a context manager.

    Results come in the order of the blocks. With one thread everything runs in the caller's.
    """

    def __init__(self, threads: int | None) -> None:
        self.threads = thread_count(threads)
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Workers:
        self._blas = single_blas()
        self._blas.__enter__()
        if self.threads > 1:
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="lookalike")
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._blas.__exit__(None, None, None)

    def map(self, run: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """`run` of each item, in order, as soon as it and all before it are done."""
        if self._pool is None or len(items) < 2:
            return map(run, items)
        return self._pool.map(run, items)


def spans(total: int, size: int) -> list[tuple[int, int]]:
    """The (start, stop) of blocks of at most `size` that cover `total` rows."""
    return [(start, min(start + size, total)) for start in range(0, total, size)]


def report(progress: Advance | None, done: int, total: int) -> None:
    """Tell `progress`, if there is one, that `done` of `total` are done."""
    if progress is not None:
        progress(done, total)


def as_vectors(vectors: Vectors, name: str = "vectors", *, check: bool = True) -> Array:
    """`vectors` as an (n, d) float32 or float64 array with finite values; nothing is copied if it is one.

    The numbers of a row lie beside one another in memory: where they do not, there is a copy.

    `check` False leaves that for `largest_of`.

    float16 and integers of at most 16 bits become float32, all other real types float64, both exactly (but for
    integers above 2**53). Raises `UsageError` for a wrong shape or type, for NaN or infinity (naming the row),
    and for values so large that a float32 distance could not hold their difference.
    """
    array = _as_array(vectors, name)
    if array.ndim != 2:
        shape = f"an array of {array.ndim} dimensions {array.shape}"
        raise UsageError(f"{name} is {shape}: give one of shape (n, d), one row an item; for one vector use v[None]")
    if array.dtype.kind not in "fiub":
        raise UsageError(f"{name} has the type {array.dtype}: give real numbers, for example float32")
    small = array.dtype.itemsize <= 2 or array.dtype == np.float32
    array = array.astype(np.float32 if small else np.float64, copy=False)
    if array.shape[1] > 1 and array.strides[1] != array.itemsize:
        array = np.ascontiguousarray(array)
    if check:
        check_finite(array, name)
    return array


def largest_of(array: Array, threads: int | None, name: str = "vectors") -> float:
    """The largest size of a number in `array`, read in blocks by several threads; errors as `as_vectors`."""

    def measure(span: tuple[int, int]) -> float:
        block = array[slice(*span)]
        return max(float(block.max(initial=0)), -float(block.min(initial=0)))

    with Workers(threads) as workers:
        sizes = list(workers.map(measure, spans(len(array), max(1, (1 << 18) // max(1, array.shape[1])))))
    largest = float(np.array([0.0, *sizes]).max())  # NaN if there is one
    if not largest <= _largest_allowed(array.shape[1]):
        check_finite(array, name)
    return largest


def _largest_allowed(columns: int) -> float:
    return float(np.finfo(np.float32).max) / (2.0 * math.sqrt(columns) + 1.0)


def _as_array(vectors: Vectors, name: str) -> Array:
    if isinstance(vectors, np.ndarray) or hasattr(vectors, "__array__"):
        return _plain(vectors, name)
    if isinstance(vectors, (str, bytes)) or not isinstance(vectors, Iterable):
        raise UsageError(f"{name} is a {type(vectors).__name__}: give an (n, d) array or an iterable of such blocks")
    parts = list(vectors)
    blocks: list[Array] = []
    if not parts:
        return np.zeros((0, 0), np.float32)
    try:
        blocks = [_plain(part, name) for part in parts]
        if not all(block.ndim == 2 for block in blocks):
            return np.stack(blocks)
        del parts[:]
        return _joined(blocks)
    except UsageError:
        raise
    except ValueError as error:
        shapes = sorted({np.shape(block) for block in blocks}) if blocks else "ragged"
        raise UsageError(f"{name} has parts that do not fit together ({shapes}): give one d for all") from error


def _plain(given: Any, name: str) -> Array:
    """As an array whose operators are those of an array: not a matrix, and not one that hides some of its numbers."""
    if np.ma.is_masked(given):
        raise UsageError(f"{name} has masked numbers: fill them (`.filled(0)`), or leave their rows out")
    # a memory map stays one: it is how the loops know that the whole is not to be copied
    return given if isinstance(given, np.memmap) else np.asarray(given)


def _joined(blocks: list[Array]) -> Array:
    """All blocks in one array; each is let go when it is copied, so that the whole is there once and not twice."""
    if len({block.shape[1] for block in blocks}) > 1:
        raise ValueError("blocks of different widths")
    ends = np.cumsum([len(block) for block in blocks])
    out = np.empty((int(ends[-1]), blocks[0].shape[1]), np.result_type(*blocks))
    while blocks:
        end, block = int(ends[len(blocks) - 1]), blocks.pop()
        out[end - len(block) : end] = block
    return out


def middle_of(rows: Array) -> Array:
    """A point amid the rows, (d,) in their type: the median of at most 512 of them.

    Not the mean: one far row would move that, and cost all others the digits that centering is to save.
    """
    if not len(rows):
        return np.zeros(rows.shape[1], rows.dtype)
    sample = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), 512)).astype(np.int64))]
    columns = np.ascontiguousarray(sample.T)  # the upper of two middles, and a copy: a quarter of the time
    return np.partition(columns, len(sample) // 2, axis=1)[:, len(sample) // 2].copy()


def check_finite(array: Array, name: str) -> None:
    """Raise `UsageError`, naming the first bad row, unless all differences within `array` fit a float32."""
    rows, columns = array.shape
    if array.size == 0:
        return
    limit = _largest_allowed(columns)
    for start, stop in spans(rows, CHECK_ROWS):
        block = array[start:stop]
        low, high = float(block.min()), float(block.max())
        if -limit <= low and high <= limit:  # false for NaN
            continue
        row, column = (int(at[0]) for at in np.nonzero(~(np.abs(block) <= limit)))
        value = block[row, column]
        allowed = "finite numbers" if not np.isfinite(value) else f"values within ±{limit:.3g} (scale them down)"
        raise UsageError(
            f"{name}: row {start + row} holds {value} at position {column}: only {allowed} are allowed; "
            "leave that row out or repair it"
        )


def check_same_width(vectors: Array, queries: Array) -> None:
    """Raise `UsageError` unless both have the same number of columns; either may be empty."""
    if vectors.shape[1] != queries.shape[1] and vectors.size and queries.size:
        raise UsageError(
            f"queries have {queries.shape[1]} dimensions, vectors {vectors.shape[1]}: both must come from one model"
        )


def check_count(name: str, value: int, low: int = 0) -> int:
    """`value` as an int, or `UsageError` if it is no whole number of at least `low`."""
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        whole = low - 1
    if isinstance(value, bool) or whole != value or whole < low:
        raise UsageError(f"{name}={value!r} is out of range: give a whole number of at least {low}")
    return whole
