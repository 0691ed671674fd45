"""Boots: tall, work, ankle, chelsea and rain boots."""

from __future__ import annotations

import numpy as np

from lookalike.demo.bench import (
    Bench,
    Pieces,
    Upper,
    bound,
    brightness,
    buckle,
    darker,
    inside,
    laces,
    lighter,
    make_upper,
    patch,
    shell,
    tube,
)
from lookalike.demo.heels import (
    high_heel,
    lug_sole,
    thin_sole,
    welted_sole,
)
from lookalike.demo.parts import (
    Line,
    Part,
    crease,
    seam,
    stitches,
)
from lookalike.demo.shapes import (
    Last,
    curve,
    ellipse,
    join,
    moved,
    offset,
    part_of,
    ribbon,
)


def _boot_upper(
    last: Last,
    *,
    top: float,
    toe: float,
    width: tuple[float, float],
    lean: float = 0.0,
    slant: float = 0.0,
) -> Upper:
    """A boot's upper: `top` units high, its shaft from x = `width[0]` to `width[1]` at the top."""
    left, right = width
    ankle = min(left + 2.0, 56.0)
    front = [
        (0.4, 0.0),
        (-0.2, 3.6),
        (2.4, toe * 0.72),
        (8.5, toe),
        (17.0, toe * 1.18),
        (28.0, 9.5 + toe * 0.78),
        (38.5, 15.5 + toe * 0.75),
        (47.0, 24.0 + toe * 0.6),
        (ankle - 1.5, 40.0),
    ]
    if top > 66:
        front += [(ankle + lean, 50.0), (left + 0.5, top * 0.8)]
    front.append((left, top))
    collar = [(left, top), ((left + right) / 2, top + slant - 0.8), (right, top + slant)]
    back = [(right, top + slant)]
    if top > 66:
        back += [(right - 0.4, top * 0.8), (96.2, 48.0)]
    back += [(95.0, 34.0), (97.0, 22.0), (99.6, 11.0), (99.2, 0.0)]
    return make_upper(last, front, collar, back)


def _ankle_folds(bench: Bench, last: Last, upper: Upper, *, high: float = 40.0) -> Line:
    lines = [
        last.place(curve([(51.0, high - 8.0), (60.0, high - 13.0 - 4 * i), (70.0 + 3 * i, high - 12.0 - 6 * i)]))
        for i in range(bench.choice((1, 2, 2, 3)))
    ]
    lines.append(last.place(curve([(24.0, 15.0), (26.0, 9.0), (24.5, 4.0)])))
    return crease(*lines, clip=upper.outline, width=2.2, shade=0.13)


def tall_boot(bench: Bench) -> Pieces:
    """A knee boot with a straight or heeled sole, a zip, and a strap on some."""
    heeled = bench.shoe.heel_height > 4.5
    drop = 1.6 if heeled else 2.4
    last = Last(ball=drop, heel=bench.heel - drop, spring=bench.j(1.8, 0.2), arch=0.0 if heeled else 0.6, ball_at=28)
    top = bench.j(100.0, 0.10)
    upper = _boot_upper(
        last,
        top=top,
        toe=bench.j(10.5, 0.06),
        width=(bench.j(50.0, 0.04), bench.j(98.0, 0.02)),
        slant=bench.choice((0.0, -3.0, 2.0)),
    )
    pieces: Pieces = inside(upper.collar, bench.lining, height=3.4, depth=6)
    if heeled:
        pieces += high_heel(last, "Block heel", darker(bench.main, 0.2), "Stacked leather", drop=drop)
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print()))
    counter = last.place(curve([(79.0, -1.0), (79.5, 12.0), (84.0, 21.0), (92.0, 25.0), (100.0, 26.0)]))
    vamp = last.place(curve([(45.0, 32.0), (52.0, 24.0), (58.0, 12.0), (60.0, -1.0)]))
    middle = last.place(curve([(75.0, top + 4), (75.0, top * 0.6), (76.0, 40.0), (78.5, 20.0)]))
    pieces += [
        seam(counter, vamp, clip=upper.outline),
        stitches(offset(vamp, 0.8), offset(counter, 0.9), rgb=bench.thread, clip=upper.outline),
    ]
    pieces.append(seam(middle, clip=upper.outline))
    if bench.odds(0.4):
        zipper = offset(middle, -1.2)
        pieces.append(Line(lines=(zipper,), width=1.3, rgb=darker(bench.main, 0.4), depth=-0.8, clip=upper.outline))
        pieces.append(stitches(zipper, rgb=bench.hardware, clip=upper.outline, on=0.7, gap=0.7))
    pieces.append(_ankle_folds(bench, last, upper, high=44.0))
    if bench.odds(0.45):
        y = bench.choice((34.0, top - 9.0))
        strap = ribbon(last.place(curve([(40.0, y - 1.0), (62.0, y - 2.0), (82.0, y - 1.0), (104.0, y + 2.0)])), 4.2)
        pieces.append(patch(strap, darker(bench.main, 0.12), bench.material, upper.outline, edge=0.7, lift=0.4))
        at = last.spot(68.0, y - 2.0)
        pieces += buckle(bench, *at, 5.0)
    pieces.append(bound(upper.collar, darker(bench.main, 0.08), bench.material, 1.6))
    if heeled:
        pieces.append(thin_sole(last, darker(bench.main, 0.5), thickness=drop))
        return pieces
    brown = bench.choice(((72, 48, 34), (46, 40, 36)))
    sole = (38, 34, 32) if brightness(bench.main) < 90 else brown
    return pieces + welted_sole(bench, last, sole, thickness=2.4)


def work_boot(bench: Bench) -> Pieces:
    """A laced leather boot on a cleated sole, with a padded collar."""
    last = Last(ball=bench.j(6.0, 0.1), heel=bench.j(2.6, 0.2), spring=bench.j(2.6, 0.2))
    top = bench.j(57.0, 0.06)
    upper = _boot_upper(
        last, top=top, toe=bench.j(15.0, 0.06), width=(bench.j(55.0, 0.02), 95.0), slant=bench.j(1.5, 0.9)
    )
    cuff = bench.second if bench.two_tone else darker(bench.main, bench.choice((0.1, 0.35, 0.45)))
    shape = curve(
        [(x, y) for x, y in upper.front[-1] + np.array([(-8, -8), (-5, 0), (-1, 4), (5, 4.5), (7, 1), (4, -9)])],
        closed=True,
    )
    pieces: Pieces = [tube(shape, darker(bench.main, 0.15), bench.material)]
    pieces += inside(upper.collar, bench.lining, height=2.4)
    pieces.append(shell(upper, bench.main, bench.material))
    if bench.odds(0.5):
        toe = last.place(curve([(25.0, 22.0), (22.0, 14.0), (21.0, 6.0), (23.0, -1.0)]))
    else:
        toe = last.place(curve([(-1.0, 9.5), (8.0, 10.0), (22.0, 12.0), (34.0, 15.0), (38.0, 24.0)]))
    vamp = last.place(curve([(37.0, 24.0), (42.0, 17.0), (55.0, 13.0), (60.0, -1.0)]))
    counter = last.place(curve([(77.0, -1.0), (78.0, 12.0), (83.0, 19.0), (91.0, 22.0), (100.0, 22.5)]))
    pieces += [
        seam(toe, vamp, counter, clip=upper.outline),
        stitches(
            offset(toe, 0.9),
            offset(toe, 1.8),
            offset(vamp, 0.9),
            offset(vamp, 1.8),
            offset(counter, 0.9),
            offset(counter, 1.8),
            rgb=bench.thread if bench.odds(0.5) else (224, 196, 140),
            clip=upper.outline,
        ),
    ]
    inner = last.place(curve([(61.0, top + 3), (58.5, 46.0), (53.5, 36.0), (46.0, 26.0), (38.0, 19.0), (33.0, 20.0)]))
    stay = join(part_of(upper.front, 0.46, 1.0), inner)
    pieces.append(patch(stay, bench.main, bench.material, upper.outline, edge=0.7, lift=0.35))
    pieces.append(stitches(offset(inner, 0.9), rgb=bench.thread, clip=upper.outline))
    band = join(
        moved(upper.collar, -1.0, 1.5),
        last.place(curve([(106.0, top + 3.0), (106.0, top - 7.5)])),
        last.place(curve([(98.0, top - 7.5), (80.0, top - 9.0), (63.0, top - 8.0), (59.0, top - 4.0)])),
    )
    pieces.append(
        Part(outlines=(band,), rgb=cuff, material=bench.material, volume="tube", edge=0.4, lift=0.3, clip=upper.outline)
    )
    puffs = tuple(last.place([(x, top + 2), (x, top - 9)]) for x in (70.0, 78.0, 86.0))
    pieces.append(Line(lines=puffs, width=0.8, depth=-0.9, shade=0.25, clip=band))
    pieces.append(_ankle_folds(bench, last, upper, high=44.0))
    near = last.place(curve([(37.5, 21.5), (46.0, 28.8), (53.0, 38.0), (57.5, 47.0), (58.8, top - 3.0)]))
    lace = bench.choice(((196, 150, 84), (60, 44, 36), (210, 200, 180), (176, 40, 36)))
    pieces += laces(
        bench, near, part_of(upper.front, 0.52, 0.985), lace, rows=bench.choice((6, 7, 8)), width=1.5, metal=True
    )
    sole = (206, 178, 130) if bench.shoe.sole == "Crepe" else bench.choice(((44, 40, 38), (44, 40, 38), (92, 64, 44)))
    return pieces + lug_sole(bench, last, sole, welt=bench.choice(((150, 104, 62), (64, 48, 40), (190, 150, 100))))


def ankle_boot(bench: Bench) -> Pieces:
    """A heeled ankle boot with a side zip."""
    drop = 1.6
    last = Last(ball=drop, heel=bench.heel - drop, spring=bench.j(1.6, 0.2), ball_at=28)
    top = bench.j(42.0, 0.08)
    upper = _boot_upper(
        last,
        top=top,
        toe=bench.choice((7.6, 9.4, 10.4)),
        width=(bench.j(54.0, 0.02), 95.0),
        slant=bench.choice((2.0, -3.0, 0.0)),
    )
    pieces: Pieces = inside(upper.collar, bench.lining, height=3.0)
    covered = bench.odds(0.5) or bench.shoe.sole == "Stiletto"
    pieces += high_heel(
        last,
        bench.shoe.sole,
        bench.main if covered else (98, 66, 42),
        bench.material if covered else "Stacked leather",
        drop=drop,
    )
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print(7.0)))
    zipper = last.place(curve([(76.0, top + 4), (75.5, top * 0.6), (76.5, 12.0), (77.0, 5.0)]))
    vamp = last.place(curve([(47.0, 34.0), (53.0, 24.0), (57.0, 12.0), (57.0, -1.0)]))
    pieces.append(
        Line(lines=(zipper,), width=1.4, rgb=darker(bench.main, 0.45), depth=-0.9, shade=0.1, clip=upper.outline)
    )
    pieces += [
        stitches(zipper, rgb=bench.hardware, clip=upper.outline, on=0.7, gap=0.7),
        seam(vamp, clip=upper.outline),
    ]
    pieces.append(
        stitches(offset(vamp, 0.8), offset(zipper, 1.5), offset(zipper, -1.5), rgb=bench.thread, clip=upper.outline)
    )
    pull = zipper[len(zipper) // 3]
    pieces.append(
        tube(ribbon(np.array([pull, moved(pull, 0.4, -4.0)]), 1.1, round_ends=True), bench.hardware, "Metal", lift=0.4)
    )
    pieces.append(_ankle_folds(bench, last, upper, high=40.0))
    if bench.odds(0.35):
        strap = ribbon(last.place(curve([(42.0, 31.0), (60.0, 25.0), (80.0, 24.0), (104.0, 26.0)])), 3.0)
        pieces.append(patch(strap, darker(bench.main, 0.15), bench.material, upper.outline, edge=0.7, lift=0.4))
        x, y = last.spot(66.0, 24.3)
        pieces += buckle(bench, x, y, 4.0)
    pieces.append(bound(upper.collar, darker(bench.main, 0.08), bench.material, 1.4))
    return [*pieces, thin_sole(last, darker(bench.main, 0.55), thickness=drop)]


def chelsea_boot(bench: Bench) -> Pieces:
    """A plain boot with an elastic gore and a pull tab."""
    lug = bench.shoe.sole == "Lug"
    last = Last(
        ball=5.0 if lug else 2.2,
        heel=bench.heel - 2.2 - (2.8 if lug else 0.0),
        spring=bench.j(1.8, 0.2),
        arch=0.0 if lug else 0.6,
    )
    top = bench.j(45.0, 0.06)
    upper = _boot_upper(
        last, top=top, toe=bench.j(10.8, 0.08), width=(bench.j(56.0, 0.02), 95.0), slant=bench.j(1.0, 0.9)
    )
    tab = ribbon(
        curve(
            [
                (92.0, upper.collar[-1, 1] - 5),
                (92.5, upper.collar[-1, 1] + 5.0),
                (96.0, upper.collar[-1, 1] + 5.0),
                (97.0, upper.collar[-1, 1] - 5),
            ]
        ),
        2.2,
    )
    pieces: Pieces = [tube(tab, darker(bench.main, 0.3), "Canvas")]
    pieces += inside(upper.collar, bench.lining, height=2.8)
    pieces.append(shell(upper, bench.main, bench.material))
    w = bench.j(9.0, 0.12)
    gore = last.place(
        curve(
            [
                (75 - w, top + 3),
                (75 - w + 0.4, top * 0.62),
                (74.0, 15.5),
                (78.0, 15.0),
                (75 + w - 1.0, top * 0.62),
                (75 + w, top + 3),
            ]
        )
    )
    elastic = darker(bench.main, 0.45) if brightness(bench.main) > 70 else lighter(bench.main, 0.18)
    pieces.append(patch(gore, elastic, "Knit", upper.outline, edge=-0.8))
    ribs = tuple(last.place([(x, top + 3), (75.5 + (x - 75.5) * 0.35, 14.0)]) for x in np.arange(66.0, 86.0, 1.25))
    pieces.append(Line(lines=ribs, width=0.5, depth=-0.9, shade=0.22, clip=gore))
    pieces.append(stitches(offset(gore, 0.9), rgb=bench.thread, clip=upper.outline))
    vamp = last.place(curve([(74.0, 14.8), (68.0, 8.0), (66.0, -1.0)]))
    pieces += [seam(vamp, clip=upper.outline), _ankle_folds(bench, last, upper, high=42.0)]
    pieces.append(bound(upper.collar, darker(bench.main, 0.1), bench.material, 1.4))
    if lug:
        return pieces + lug_sole(bench, last, (40, 38, 38), welt=darker(bench.main, 0.5))
    sole = bench.choice(((36, 32, 30), (84, 56, 38), (44, 38, 34)))
    return pieces + welted_sole(bench, last, sole, thickness=2.2)


def rain_boot(bench: Bench) -> Pieces:
    """A rubber boot with welded bands and a cleated sole."""
    last = Last(ball=bench.j(5.0, 0.1), heel=bench.j(2.4, 0.2), spring=bench.j(2.0, 0.2))
    top = bench.j(84.0, 0.16)
    upper = _boot_upper(
        last,
        top=top,
        toe=bench.j(15.5, 0.06),
        width=(bench.j(49.0, 0.03), bench.j(97.0, 0.01)),
        slant=bench.choice((0.0, 2.5)),
    )
    trim = (
        bench.second
        if bench.shoe.secondary_rgb
        else bench.choice((darker(bench.main, 0.35), lighter(bench.main, 0.45), bench.main))
    )
    pieces: Pieces = inside(upper.collar, bench.choice(((226, 222, 212), (70, 70, 74))), height=3.6)
    pieces.append(shell(upper, bench.main, "Rubber", print=bench.print(bench.choice((9.0, 12.0)))))
    pieces.append(_ankle_folds(bench, last, upper, high=44.0))
    cap = last.place(curve([(-2, -1), (-2, 7), (3.0, 13.0), (9.0, 16.0), (15.0, 17.5), (19.0, 12.0), (20.0, -1)]))
    guard = last.place(curve([(78.0, -1), (79.0, 10.0), (86.0, 17.0), (95.0, 19.0), (104.0, 19.0), (104.0, -1)]))
    pieces.append(
        patch(
            (cap, guard),
            bench.main if bench.shoe.pattern != "Plain" else darker(bench.main, 0.06),
            "Rubber",
            upper.outline,
            edge=0.8,
            lift=0.2,
        )
    )
    band = ribbon(part_of(upper.collar, 0.0, 1.0) - (0.0, 1.6), 3.4)
    pieces.append(Part(outlines=(band,), rgb=trim, material="Rubber", volume="tube", edge=0.4, lift=0.25))
    spine = ribbon(moved(upper.back, -0.9, 0.0), 2.2)
    pieces.append(patch(spine, bench.main, "Rubber", upper.outline, edge=0.8))
    if bench.odds(0.45):
        y = top - 13
        strap = ribbon(last.place(curve([(66.0, y), (84.0, y + 0.4), (103.0, y + 1.0)])), 4.6)
        pieces.append(patch(strap, trim, "Rubber", upper.outline, edge=0.8, lift=0.4))
        at = last.spot(70.0, y)
        pieces += buckle(bench, *at, 5.2)
    elif bench.odds(0.4):
        at = last.spot(75.0, top - 16)
        pieces.append(patch(ellipse(*at, 6.5, 3.2), trim, "Rubber", edge=0.9, lift=0.2))
    sole = bench.choice(((46, 46, 48), darker(bench.main, 0.45), (214, 206, 190)))
    return pieces + lug_sole(bench, last, sole, welt=sole, top=2.4, teeth=2.0, stitched=False)
