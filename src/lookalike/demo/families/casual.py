"""Flip-flops, clogs and slippers."""

from __future__ import annotations

import numpy as np

from lookalike.demo.bench import (
    Bench,
    Pieces,
    bound,
    brightness,
    darker,
    inside,
    lighter,
    make_upper,
    patch,
    shell,
    sole_slab,
    tube,
    wall,
)
from lookalike.demo.families.sandals import (
    footbed,
)
from lookalike.demo.parts import (
    Color,
    Line,
    Part,
    stitches,
)
from lookalike.demo.shapes import (
    Last,
    curve,
    ellipse,
    moved,
    part_of,
    ribbon,
)


def flip_flop(bench: Bench) -> Pieces:
    """A foam sole and a Y of rubber or leather."""
    last = Last(ball=bench.j(4.2, 0.15), heel=bench.j(2.0, 0.5), spring=bench.j(1.6, 0.4))
    leather = bench.material == "Leather"
    strap = (
        bench.second
        if bench.two_tone
        else bench.main
        if bench.odds(0.5) or bench.shoe.secondary_rgb
        else bench.choice((darker(bench.main, 0.45), lighter(bench.main, 0.45)))
    )
    if leather:
        strap = darker(strap, 0.1)
    printed = bench.print(bench.choice((6.0, 8.0)))
    near = ribbon(
        last.place(curve([(17.6, 7.0), (24.0, 11.0), (36.0, 12.6), (50.0, 8.6), (61.0, 0.0)])), (2.2, 3.6, 5.4, 6.6)
    )
    far = ribbon(
        last.place(curve([(17.6, 7.0), (27.0, 12.0), (42.0, 14.6), (56.0, 10.6), (66.0, 3.6)])), (2.0, 3.2, 4.6, 5.4)
    )
    post = ribbon(last.place([(17.2, 8.2), (16.4, 1.6)]), 1.7, round_ends=True)
    material = "Leather" if leather else "Rubber"
    pieces: Pieces = footbed(last, bench.main, "Foam" if not leather else "Nubuck", depth=4.2, printed=printed)
    pieces.append(tube(far, darker(strap, 0.3), material, lift=0.25))
    slab = sole_slab(last, -0.4, 100.2, 0.3)
    side = bench.choice((bench.main, darker(bench.main, 0.2), (238, 236, 230)))
    pieces.append(wall(slab, side, "Foam"))
    layers = bench.choice((1, 2, 3))
    if layers > 1:
        low = sole_slab(Last(ball=0.0, heel=0.0, spring=last.spring), -0.4, 100.2, last.ball * 0.45)
        pieces.append(patch(low, bench.second if bench.shoe.secondary_rgb else darker(bench.main, 0.35), "Foam", slab))
    if layers > 2:
        pieces.append(Line(lines=(last.bed(-1, 101, -last.ball * 0.3),), width=0.7, rgb=(240, 240, 236), clip=slab))
    ticks = tuple(np.array([(x, 0.4), (x + 0.6, 2.0)]) for x in np.arange(8, 98, 2.2))
    pieces.append(Line(lines=ticks, width=0.4, depth=-0.7, shade=0.25, clip=slab))
    pieces += [
        tube(post, strap, material, lift=0.3),
        tube(near, strap, material, lift=0.4),
    ]
    if leather or bench.odds(0.4):
        line = last.place(curve([(22.0, 9.6), (36.0, 12.6), (50.0, 8.6), (58.5, 2.4)]))
        pieces.append(
            stitches(
                moved(line, 0.0, 0.9),
                moved(line, -0.2, -0.9),
                rgb=lighter(strap, 0.3) if brightness(strap) < 120 else darker(strap, 0.3),
                clip=near,
            )
        )
    if bench.odds(0.4):
        x, y = last.spot(38.0, 12.0)
        pieces.append(tube(ellipse(x, y, 2.6, 1.5, -10), bench.hardware, "Metal", lift=0.3))
    return pieces


def clog(bench: Bench) -> Pieces:
    """A molded foam clog with holes and a heel strap, or a leather one on wood."""
    wooden = bench.shoe.sole == "Wood"
    last = Last(
        ball=bench.j(4.8, 0.1), heel=bench.j(5.0, 0.3) if wooden else bench.j(1.6, 0.4), spring=bench.j(2.8, 0.2)
    )
    toe, high = bench.j(16.0, 0.05), bench.j(28.0, 0.05)
    front = [
        (0.4, 0.0),
        (-0.6, 5.0),
        (2.0, toe * 0.72),
        (8.0, toe),
        (17.0, toe * 1.28),
        (29.0, high - 3.5),
        (41.0, high),
    ]
    collar = [(41.0, high), (46.0, high - 2.0), (53.0, high * 0.55), (60.0, 6.0), (66.0, 3.0)]
    upper = make_upper(last, front, collar, [(66.0, 3.0), (68.0, 1.4), (69.0, 0.0)])
    material = "Foam" if bench.material == "Foam" else bench.material
    inner = darker(bench.main, 0.2) if not wooden else bench.lining
    pieces: Pieces = footbed(
        last, inner if not wooden else (196, 156, 108), "Foam" if not wooden else "Wood", depth=3.6, start=30.0
    )
    hole = last.place(
        curve(
            [(41.0, high), (49.0, high + 0.4), (58.0, high * 0.55), (66.0, 6.0), (72.0, 2.4), (56.0, 0.6), (46.0, 8.0)],
            closed=True,
        )
    )
    pieces.append(
        Part(outlines=(hole,), rgb=inner, material="Lining" if wooden else "Foam", volume="sheet", dark=(0.25, 0.7))
    )
    back_up = bench.odds(0.6)
    if not wooden:
        line = (
            curve([(51.0, 13.0), (64.0, 11.0), (84.0, 15.6), (100.6, 20.4)])
            if back_up
            else curve([(51.5, 13.0), (47.0, 20.0), (42.0, high - 1.5), (39.0, high + 0.6)])
        )
        if back_up:
            rear = ribbon(last.place(curve([(100.6, 20.4), (88.0, 20.8), (70.0, 15.4), (56.0, 13.0)])), (5.0, 4.4, 3.6))
            pieces.append(tube(rear, darker(bench.main, 0.4), "Foam"))
        strap = ribbon(last.place(line), (3.4, 4.2, 5.6), round_ends=True)
    if wooden:
        slab = sole_slab(last, -0.8, 100.6, 1.6, heel_lift=1.0)
        gap = curve([(56.0, -0.4), (60.0, 2.4), (70.0, last.ball * 0.6 + last.heel * 0.3), (76.0, 2.6), (77.5, -0.4)])
        pieces.append(wall(slab, bench.choice(((206, 164, 112), (168, 120, 74), (122, 82, 52))), "Wood", puff=1.2))
        pieces.append(patch(gap, (70, 50, 38), "Wood"))
    else:
        slab = sole_slab(last, -1.0, 101.0, 2.6, heel_lift=1.6, flare=1.0)
        pieces.append(wall(slab, bench.main, "Foam", puff=1.2))
        notches = tuple(np.array([(x, -0.5), (x + 0.8, 1.6)]) for x in np.arange(6.0, 98.0, 3.4))
        pieces.append(Line(lines=notches, width=1.0, depth=-0.9, shade=0.5, clip=slab))
        pieces.append(Line(lines=(last.bed(-1.0, 101.0, -0.6),), width=0.8, depth=-0.9, shade=0.3, clip=slab))
    pieces.append(shell(upper, bench.main, material, print=bench.print(8.0), lift=0.2))
    pieces.append(bound(upper.collar, darker(bench.main, 0.08), material, 2.0))
    if wooden:
        studs = part_of(last.bed(2.0, 67.0, 1.4), 0.0, 1.0, 15)
        pieces.append(tube(tuple(ellipse(x, y, 0.9, 0.9) for x, y in studs), bench.hardware, "Metal", lift=0.3))
        pieces.append(stitches(moved(upper.collar, -1.6, -1.8), rgb=bench.thread, clip=upper.outline))
    else:
        vents = [
            (9.0, 11.0),
            (15.0, 13.0),
            (21.5, 15.5),
            (28.0, 18.5),
            (34.5, 21.5),
            (13.0, 8.0),
            (20.0, 10.0),
            (27.0, 12.5),
            (34.0, 15.5),
        ]
        holes = tuple(ellipse(*last.spot(*at), 1.55, 1.3, 18) for at in vents)
        pieces.append(patch(holes, darker(bench.main, 0.72), "Foam", edge=-1.1))
        slots = tuple(
            ribbon(last.place([(x, 2.6), (x + 0.4, 5.6)]), 1.7, round_ends=True) for x in np.arange(30.0, 62.0, 5.0)
        )
        pieces.append(patch(slots, darker(bench.main, 0.72), "Foam", upper.outline, edge=-1.0))
        pieces.append(tube(strap, bench.main, "Foam", lift=0.35))
        x, y = last.spot(51.5, 13.0)
        pieces.append(tube(ellipse(x, y, 2.5, 2.5), bench.choice(((238, 236, 230), (50, 50, 54))), "Rubber", lift=0.4))
    return pieces


def slipper(bench: Bench) -> Pieces:
    """A felt or suede house shoe, its collar lined with fleece."""
    last = Last(ball=bench.j(3.0, 0.15), heel=bench.j(0.8, 0.5), spring=bench.j(1.4, 0.3))
    toe, high = bench.j(14.0, 0.06), bench.j(25.5, 0.05)
    closed = bench.odds(0.55)
    front = [
        (0.2, 0.0),
        (-0.8, 5.0),
        (2.0, toe * 0.8),
        (9.0, toe * 1.05),
        (19.0, toe * 1.26),
        (30.0, high - 3.4),
        (41.0, high),
    ]
    fleece: Color = bench.choice(((236, 226, 208), (228, 214, 190), (240, 236, 228)))
    if closed:
        collar = [(41.0, high), (48.0, high - 4.0), (60.0, high - 8.0), (76.0, high - 8.6), (96.0, high - 4.0)]
        back = [(96.0, high - 4.0), (99.4, high - 9.0), (100.4, 8.0), (99.4, 0.0)]
    else:
        collar = [(41.0, high), (46.0, high - 2.0), (52.0, high * 0.5), (57.0, 4.0)]
        back = [(57.0, 4.0), (58.0, 2.0), (58.6, 0.0)]
    upper = make_upper(last, front, collar, back)
    pieces: Pieces = footbed(last, fleece, "Fleece", depth=4.0, start=20.0)
    pieces += (
        inside(upper.collar, fleece, height=5.0, depth=7.0, material="Fleece")
        if closed
        else [
            Part(
                outlines=(
                    last.place(
                        curve(
                            [(41.0, high), (49.0, high + 1.2), (58.0, high * 0.5), (63.0, 3.0), (50.0, 1.0)],
                            closed=True,
                        )
                    ),
                ),
                rgb=fleece,
                material="Fleece",
                volume="sheet",
                dark=(0.15, 0.5),
            )
        ]
    )
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print(7.0), puff=1.15))
    if bench.odds(0.5):
        apron = last.place(curve([(3.0, 11.5), (12.0, 12.0), (24.0, 14.4), (36.0, 17.6), (45.0, 19.0)]))
        pieces.append(Line(lines=(apron,), width=0.9, depth=-0.9, shade=0.3, clip=upper.outline))
        pieces.append(
            stitches(
                moved(apron, 0.0, 0.8),
                rgb=lighter(bench.main, 0.4) if brightness(bench.main) < 130 else darker(bench.main, 0.4),
                clip=upper.outline,
                on=1.6,
                gap=1.2,
            )
        )
    pieces.append(
        tube(ribbon(upper.collar, (5.0, 6.2, 6.2, 5.0), round_ends=True), fleece, "Fleece", puff=1.2, lift=0.3)
    )
    if bench.odds(0.3):
        x, y = last.spot(33.0, high - 3.0)
        pieces.append(tube(ellipse(x, y, 4.4, 4.4), fleece, "Fleece", puff=1.2, lift=0.45))
    slab = sole_slab(last, -1.2, 101.0, 1.0, flare=0.8)
    felt = bench.shoe.sole == "Felt"
    pieces.append(
        wall(
            slab,
            darker(bench.main, 0.35) if felt else bench.choice(((198, 164, 116), (74, 62, 54), (222, 212, 196))),
            "Felt" if felt else "Foam",
            puff=1.2,
            lift=0.35,
        )
    )
    return [*pieces, stitches(last.bed(-0.5, 100.0, 0.1), rgb=(236, 226, 206), on=1.5, gap=0.9)]
