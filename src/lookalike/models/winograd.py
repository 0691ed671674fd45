"""3x3 convolutions with a quarter of the multiplications, as standard ONNX operators.

Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks" (arXiv:1509.09308), F(4x4, 3x3): the picture is
cut into tiles of 6 x 6 that overlap by 2; tiles and kernels are transformed, multiplied number by number (that is one
matrix product of tiles by channels for each of the 36 numbers), and transformed back to 4 x 4 pixels.

Values between the layers are (places, photos, channels): the pixels of the tiles as the product left them, and a last
row of zeros. Where which pixel lies is known when the graph is written, so that the next layer gathers its tiles, its
border included, by a list of places: nothing is laid out anew in between. Transforms in both directions are one matrix
product each, with the Kronecker product of the small matrix with itself. Sums are in float32, their order fixed by the
shape of one photo; kernels are transformed in float64 without a library for matrices, so on every machine alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lookalike.models.graph import GraphWriter

Matrix = npt.NDArray[np.float64]
Kernel = npt.NDArray[np.float32]

SIDE = 4
"""Pixels of a side that one tile gives."""
POINTS = (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2))
"""Where the polynomials behind the method are evaluated, besides infinity: with a half in place of 2, numbers of one
size meet in the sums (Barabasz et al. 2020, "Error Analysis and Improving the Accuracy of Winograd Convolution for
Deep Neural Networks")."""


def matrices(points: tuple[Fraction, ...] = POINTS, *, kernel: int = 3) -> tuple[Matrix, Matrix, Matrix]:
    """The transforms of a row of pixels, of a row of a kernel, and back (Toom and Cook's, with infinity as last point).

    For n points and kernels of length r: `taken` (n + 1, n + 1), `weighed` (n + 1, r) and `given` (n + 2 - r, n + 1).
    For a row d of n + 1 pixels and a kernel g, `given @ ((weighed @ g) * (taken @ d))` are the n + 2 - r sums
    d[i] g[0] + d[i + 1] g[1] + ... Computed in fractions, then rounded.

    >>> taken, weighed, given = matrices()
    >>> given @ ((weighed @ [1, 2, 3]) * (taken @ [1, 0, 0, 1, 1, 1]))
    array([1., 3., 5., 6.])
    """
    outputs = len(points) + 2 - kernel
    taken, weighed = [], []
    for place, point in enumerate(points):
        others = points[:place] + points[place + 1 :]
        scale = _value(_with_roots(others), point)
        weighed.append([point**power / scale for power in range(kernel)])
        taken.append([*_with_roots(others), Fraction(0)])
    weighed.append([Fraction(int(power == kernel - 1)) for power in range(kernel)])
    taken.append(_with_roots(points))
    given = [[*(p**power for p in points), Fraction(int(power == outputs - 1))] for power in range(outputs)]
    return _rounded(taken), _rounded(weighed), _rounded(given)


def transformed(kernel: Kernel) -> npt.NDArray[np.float32]:
    """The matrices that a kernel (3, 3, in, out) becomes: (36, in, out). Deterministic to the bit on every machine."""
    _, weighed, _ = matrices()
    values = kernel.astype(np.float64)
    count = len(weighed)
    found = np.empty((count, count, *kernel.shape[2:]), np.float32)
    for first, row in enumerate(weighed):
        along = row[0] * values[0] + row[1] * values[1] + row[2] * values[2]
        for second, column in enumerate(weighed):
            found[first, second] = column[0] * along[0] + column[1] * along[1] + column[2] * along[2]
    return found.reshape(count * count, *kernel.shape[2:])


@dataclass(frozen=True, slots=True)
class Tiled:
    """A value of the graph of shape (places, photos, channels), the last place all zeros.

    `places` (height, width) int64 says which place holds each pixel.
    """

    value: str
    places: npt.NDArray[np.int64]
    zeros: int


def enter(writer: GraphWriter, x: str, *, side: int, channels: int) -> Tiled:
    """From (photos, channels, side, side)."""
    x = writer.add("Transpose", x, perm=[2, 3, 0, 1])
    x = writer.add("Reshape", x, _shape(writer, side * side, -1, channels))
    return _with_zeros(writer, x, np.arange(side * side).reshape(side, side), side * side)


def leave(writer: GraphWriter, x: Tiled) -> str:
    """To (photos, height x width, channels), pixels in the order of rows."""
    pixels = writer.add("Gather", x.value, _list(writer, f"{x.value}.places", x.places), axis=0)
    return writer.add("Transpose", pixels, perm=[1, 0, 2])


def convolve(
    writer: GraphWriter, x: Tiled, name: str, kernel: Kernel, bias: npt.NDArray[np.float32], *, pool: bool
) -> Tiled:
    """A convolution with a border of zeros, its bias and ReLU; with `pool`, the largest of every 2 x 2 pixels of it.

    `kernel` is (3, 3, in, out), `bias` (out,); `name` begins the names of the constants. `pool` needs even sides.
    """
    before, after = kernel.shape[2:]
    tiles = -(-len(x.places) // SIDE)
    taken, _, given = matrices()
    size = len(taken)
    numbers = size * size
    y = writer.add("Gather", x.value, _list(writer, f"{name}.tiles", _tiles(x, tiles, size)), axis=0)
    y = writer.add("Reshape", y, _shape(writer, numbers, -1))
    y = writer.add("MatMul", writer.constant("winograd.taken", np.kron(taken, taken)), y)
    y = writer.add("Reshape", y, _shape(writer, numbers, -1, before))
    # 36 products with a constant of two axes each: ONNX Runtime lays such constants out once, when it loads
    parts = writer.split(y, numbers, axis=0)
    weights = [writer.constant(f"{name}.kernel.{i}", matrix) for i, matrix in enumerate(transformed(kernel))]
    y = writer.add("Concat", *(writer.add("MatMul", *pair) for pair in zip(parts, weights, strict=True)), axis=0)
    y = writer.add("Reshape", y, _shape(writer, numbers, -1))
    y = writer.add("MatMul", writer.constant("winograd.given", np.kron(given, given)), y)
    kept, sides = SIDE, len(x.places)
    if pool:
        y = writer.add("Reshape", y, _shape(writer, SIDE // 2, 2, SIDE // 2, 2, -1))
        for axis in (3, 1):
            y = writer.add("Max", *writer.split(y, 2, axis=axis))
        kept, sides = SIDE // 2, sides // 2
    places = kept * kept * tiles * tiles
    y = writer.add("Reshape", y, _shape(writer, places, -1, after))
    y = writer.add("Relu", writer.add("Add", y, writer.constant(f"{name}.bias", bias)))
    tile, inside = np.divmod(np.arange(sides), kept)
    where = inside[:, None] * kept + inside
    where = where * (tiles * tiles) + tile[:, None] * tiles + tile
    return _with_zeros(writer, y, where, places)


def _tiles(x: Tiled, tiles: int, size: int) -> npt.NDArray[np.int64]:
    """The places that make up the tiles: (size, size, tiles, tiles), zeros beyond the picture."""
    side = len(x.places)
    whole = np.full((tiles * SIDE + size - SIDE,) * 2, x.zeros)
    whole[1 : side + 1, 1 : side + 1] = x.places
    starts = np.arange(tiles) * SIDE
    rows = np.arange(size)[:, None, None, None] + starts[:, None]
    columns = np.arange(size)[:, None, None] + starts
    return np.asarray(whole[rows, columns], np.int64)


def _with_zeros(writer: GraphWriter, x: str, places: npt.NDArray[np.int64], zeros: int) -> Tiled:
    ends = writer.constant("winograd.ends", [0, 0, 0, 1, 0, 0], np.int64)
    return Tiled(writer.add("Pad", x, ends), places, zeros)


def _list(writer: GraphWriter, name: str, values: npt.NDArray[np.int64]) -> str:
    return writer.constant(name, values.ravel(), np.int64)


def _shape(writer: GraphWriter, *sides: int) -> str:
    return writer.constant(f"shape.{'x'.join(map(str, sides))}", sides, np.int64)


def _with_roots(roots: tuple[Fraction, ...]) -> list[Fraction]:
    """The coefficients of the product of x - root, the constant first."""
    found = [Fraction(1)]
    for root in roots:
        found = [high - root * low for high, low in zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)]
    return found


def _value(coefficients: list[Fraction], at: Fraction) -> Fraction:
    return sum((value * at**power for power, value in enumerate(coefficients)), Fraction(0))


def _rounded(rows: list[list[Fraction]]) -> Matrix:
    return np.array([[float(value) for value in row] for row in rows])
