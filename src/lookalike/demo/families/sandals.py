"""Sandals and wedges."""

from __future__ import annotations

import numpy as np

from lookalike.demo.bench import (
    Bench,
    Pieces,
    bound,
    buckle,
    darker,
    make_upper,
    patch,
    shell,
    sole_slab,
    tube,
    wall,
)
from lookalike.demo.families.trainers import (
    rope_sole,
)
from lookalike.demo.parts import (
    Color,
    Part,
    Print,
    stitches,
)
from lookalike.demo.shapes import (
    Last,
    curve,
    join,
    moved,
    ribbon,
)


def footbed(
    last: Last, rgb: Color, material: str, *, depth: float = 3.0, printed: Print | None = None, start: float = 0.5
) -> Pieces:
    """The top of the sole, seen a little from above."""
    rim = last.bed(start, 99.0, 0.0)
    far = rim + np.column_stack([np.zeros(len(rim)), depth * np.sin(np.linspace(0, np.pi, len(rim))) ** 0.45])
    return [
        Part(
            outlines=(join(rim, far[::-1]),),
            rgb=rgb,
            material=material,
            print=printed,
            volume="sheet",
            puff=0.6,
            dark=(0.0, 0.12),
        ),
        tube(ribbon(far, 0.7), darker(rgb, 0.15), material),
    ]


_INSTEP = ((4.0, 7.0), (12.0, 10.5), (22.0, 14.5), (34.0, 19.0), (46.0, 25.0), (54.0, 31.0))
"""The line of a foot's top, (x, height above the footbed): straps end on it."""


def _band(
    bench: Bench,
    last: Last,
    base: tuple[float, float],
    top: tuple[float, float],
    *,
    printed: Print | None = None,
) -> tuple[Part, Pieces]:
    """A band over the foot: its far half, seen from inside, and its near half.

    `base` is where it leaves the sole (from, to) and `top` where it crosses the line of the instep.
    """
    ridge = curve(_INSTEP)
    x = np.linspace(*top, 12)
    crest = np.column_stack([x, np.interp(x, ridge[:, 0], ridge[:, 1])])
    middle = (base[0] + top[0]) / 2, (base[1] + top[1]) / 2
    low, high = crest[0], crest[-1]
    left = curve(
        [(base[0], -0.6), (base[0] + (middle[0] - base[0]) * 0.5, low[1] * 0.45), (middle[0], low[1] * 0.8), low]
    )
    right = curve(
        [high, (middle[1], high[1] * 0.8), (base[1] + (middle[1] - base[1]) * 0.5, high[1] * 0.45), (base[1], -0.6)]
    )
    near = last.place(join(left, crest, right))
    body = last.place(join(moved(left[:1], 0.0, -6.0), left, crest, right, moved(right[-1:], 0.0, -6.0)))
    back = last.place(
        join(
            crest,
            curve(
                [
                    high,
                    (high[0] + 2.4, high[1] * 0.97),
                    (high[0] + 0.6 * (base[1] - high[0]) + 6.0, high[1] * 0.5),
                    (base[1] + 6.0, 2.2),
                ]
            ),
            [(base[0] + 4.0, 1.6)],
        )
    )
    behind = Part(
        outlines=(back,), rgb=bench.lining, material="Smooth leather", volume="tube", puff=0.5, dark=(0.25, 0.7)
    )
    before: Pieces = [
        Part(
            outlines=(near,), rgb=bench.main, material=bench.material, print=printed, volume="tube", body=body, lift=0.3
        )
    ]
    if base[1] - base[0] > 4.0 and bench.material != "Patent":
        edges = (last.place(moved(left[2:], 0.8, 0.0)), last.place(moved(right[:-2], -0.8, 0.0)))
        before.append(stitches(*edges, rgb=bench.thread, clip=near))
    return behind, before


def _ankle_strap(bench: Bench, last: Last, front: float, top: float) -> tuple[Part, Pieces]:
    """A strap around the ankle from x = `front`, with its buckle, and the strap that holds it up at the heel."""
    near = [
        (front, top + 1.6),
        (front + 0.4, top - 0.6),
        (front + 6.0, top - 2.6),
        (74.0, top - 4.6),
        (97.0, top - 6.0),
    ]
    far = [(front, top + 1.6), (front + 2.4, top + 2.6), (64.0, top + 2.6), (84.0, top - 0.6), (97.0, top - 6.0)]
    back = ribbon(last.place(curve(far)), (2.2, 2.8, 2.8), round_ends=True)
    line = ribbon(last.place(curve(near)), (2.4, 3.4, 3.4), round_ends=True)
    heel = ribbon(last.place(curve([(97.2, top - 4.6), (97.6, top * 0.5), (96.6, -0.6)])), (3.0, 4.6, 9.0))
    pieces: Pieces = [tube(heel, bench.main, bench.material), tube(line, bench.main, bench.material, lift=0.3)]
    behind = Part(outlines=(back,), rgb=darker(bench.lining, 0.35), material="Smooth leather", volume="tube", puff=0.7)
    return behind, [*pieces, *buckle(bench, *last.spot(67.0, top - 3.6), 3.6, -8.0)]


_CUTS: dict[str, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    "two bands": (((11.0, 24.0), (9.0, 19.5)), ((34.0, 47.5), (32.0, 45.0))),
    "slide": (((14.0, 44.0), (13.0, 39.0)),),
    "slingback": (((14.0, 24.0), (12.0, 20.0)), ((45.0, 52.0), (41.5, 47.0))),
    "cross": (((37.0, 45.5), (20.0, 27.5)), ((11.0, 19.5), (21.0, 29.5))),
    "gladiator": (
        ((14.0, 18.6), (9.0, 12.6)),
        ((26.0, 30.6), (20.5, 24.5)),
        ((38.0, 42.6), (32.0, 36.0)),
        ((50.0, 54.6), (42.5, 46.5)),
    ),
}
"""Sandals' bands, as (base, top) of `_band`."""


def _bands(bench: Bench, last: Last, kind: str, printed: Print | None) -> tuple[Pieces, Pieces]:
    """The bands of one cut: far halves and near halves."""
    behind: Pieces = []
    before: Pieces = []
    for base, top in _CUTS[kind]:
        back, front = _band(bench, last, base, top, printed=printed)
        behind.append(back)
        before += front
    if kind == "cross":
        # Two bands that cross share one far side.
        behind = [_band(bench, last, (31.0, 44.0), (22.0, 29.0))[0]]
    return behind, before


def _sandal_straps(bench: Bench, last: Last) -> tuple[Pieces, Pieces]:
    """Straps of one of several cuts, back halves and front halves."""
    kind = bench.choice(tuple(_CUTS))
    printed = bench.print(6.0)
    behind: Pieces = []
    before: Pieces = []
    if kind not in ("two bands", "slide"):
        strap_back, strap = _ankle_strap(bench, last, 52.0 if kind == "gladiator" else 50.0, 26.0)
        behind.append(strap_back)
        before += strap
    back, front = _bands(bench, last, kind, printed)
    behind += back
    before += front
    for base, top in _CUTS[kind]:
        if kind == "two bands":
            before += buckle(bench, *last.spot((base[0] + base[1] + top[0] + top[1]) / 4 + 0.6, 7.0), 5.0, 6.0)
    if kind == "gladiator":
        spine = ribbon(last.place(curve([(10.0, 9.2), *_INSTEP[2:5], (50.5, 27.4)])), (2.0, 3.2, 3.2), round_ends=True)
        before.append(tube(spine, bench.main, bench.material, lift=0.3))
    return behind, before


def sandal(bench: Bench) -> Pieces:
    """A flat sandal with straps and buckles."""
    cork = bench.shoe.sole == "Cork"
    last = Last(
        ball=bench.j(5.4, 0.1) if cork else bench.j(3.0, 0.15), heel=bench.j(2.2, 0.3), spring=bench.j(1.8, 0.3)
    )
    behind, before = _sandal_straps(bench, last)
    leather: Color = bench.choice(((196, 154, 106), (150, 106, 66), (92, 64, 46)))
    pieces: Pieces = [*footbed(last, leather, "Nubuck"), *behind]
    slab = sole_slab(last, -0.4, 100.2, 0.4)
    pieces.append(
        wall(slab, (186, 142, 94) if cork else darker(leather, 0.2), "Cork" if cork else "Stacked leather", lift=0.2)
    )
    if bench.shoe.heel_height > 2.0 or cork:
        under = sole_slab(Last(ball=0.0, heel=0.0, spring=last.spring), -0.2, 100.0, bench.j(1.7, 0.2))
        pieces.append(wall(under, bench.choice(((46, 40, 36), (92, 66, 46), (222, 214, 200))), "Rubber", clip=slab))
    return pieces + before


def wedge(bench: Bench) -> Pieces:
    """A sandal or espadrille on a wedge of rope, cork or wood."""
    last = Last(ball=bench.j(4.6, 0.15), heel=bench.heel - 5.0, spring=bench.j(1.6, 0.3), ball_at=26, seat_at=86)
    printed = bench.print(7.0)
    behind: Pieces = []
    before: Pieces = []
    if bench.odds(0.5):
        toe = bench.j(11.0, 0.06)
        front = [(0.0, 0.0), (-0.2, 3.0), (2.4, toe * 0.74), (9.0, toe), (18.0, toe * 1.2), (27.0, toe * 1.4)]
        collar = [(27.0, toe * 1.4), (33.0, toe * 1.05), (40.0, toe * 0.5), (44.0, 0.6)]
        upper = make_upper(last, front, collar, [(44.0, 0.6), (44.6, 0.3), (45.0, 0.0)])
        hole = last.place(curve([(27.0, toe * 1.4), (34.0, toe * 1.4), (44.0, toe * 0.7), (48.0, 2.6), (40.0, 0.6)]))
        behind.append(Part(outlines=(hole,), rgb=bench.lining, material="Lining", volume="sheet", dark=(0.25, 0.7)))
        before.append(shell(upper, bench.main, bench.material, print=printed, lift=0.2))
        before.append(bound(upper.collar, darker(bench.main, 0.08), bench.material, 1.2))
        counter = make_upper(
            last,
            [(74.0, 0.0), (75.0, 4.0), (78.0, 11.0), (84.0, 17.0)],
            [(84.0, 17.0), (90.0, 20.0), (96.8, 22.4)],
            [(96.8, 22.4), (98.6, 18.0), (98.4, 8.0), (99.2, 0.0)],
        )
        behind.append(
            Part(
                outlines=(last.place(curve([(70.0, 1.0), (76.0, 10.0), (84.0, 19.6), (96.8, 22.4), (96.0, 4.0)])),),
                rgb=bench.lining,
                material="Lining",
                volume="sheet",
                dark=(0.2, 0.6),
            )
        )
        before.append(
            Part(
                outlines=(counter.outline,),
                rgb=bench.main,
                material=bench.material,
                print=printed,
                volume="body",
                body=counter.body,
            )
        )
    else:
        backs, fronts = _bands(bench, last, "cross", printed)
        behind += backs
        before += fronts
    back, front_half = _ankle_strap(bench, last, 55.0, 26.0)
    behind.append(back)
    before += front_half
    pieces: Pieces = [*footbed(last, bench.choice(((206, 172, 128), (226, 204, 170))), "Nubuck"), *behind]
    if bench.shoe.sole == "Jute":
        pieces += rope_sole(bench, last, 0.6)
    else:
        slab = sole_slab(last, -0.6, 100.4, 0.6)
        rgb = (188, 146, 98) if bench.shoe.sole == "Cork" else bench.choice(((176, 124, 76), (120, 80, 50)))
        pieces.append(wall(slab, rgb, bench.shoe.sole, puff=1.2, lift=0.3))
        under = sole_slab(Last(ball=0.0, heel=0.0, spring=last.spring), -0.2, 100.0, 1.3)
        pieces.append(patch(under, (60, 46, 38), "Rubber", slab))
    return pieces + before
