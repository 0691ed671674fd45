"""Pumps, Mary Janes, ballet flats and mules: thin soles, open toplines."""

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
    make_upper,
    patch,
    shell,
    tube,
    wall,
)
from lookalike.demo.heels import (
    high_heel,
    thin_sole,
)
from lookalike.demo.parts import (
    Color,
    Part,
    seam,
)
from lookalike.demo.shapes import (
    Last,
    curve,
    ellipse,
    join,
    moved,
    part_of,
    ribbon,
)

_OPENING = (0.06, 0.62)


def _court(last: Last, *, toe: float, throat: float, dip: float, back_top: float, nose: float = 0.0) -> Upper:
    """A low-cut upper. `toe` is its height, `throat` where the opening starts, `nose` how far a point sticks out."""
    front = [
        (-nose + 0.2, 0.0),
        (-nose - 0.2, 1.6),
        (2.0, toe * 0.70),
        (8.0, toe * 0.96),
        (throat - 6.0, toe * 1.22),
        (throat, toe * 1.38),
    ]
    collar = [
        (throat, toe * 1.38),
        (throat + 5.0, toe * 1.18),
        (throat + 16.0, dip + 1.4),
        (56.0, dip + 1.0),
        (72.0, dip + 4.0),
        (86.0, back_top - 5.0),
        (96.4, back_top),
    ]
    back = [(96.4, back_top), (98.6, back_top - 3.2), (98.2, back_top * 0.55), (100.0, back_top * 0.26), (99.2, 0.0)]
    return make_upper(last, front, collar, back)


def _bow(bench: Bench, x: float, y: float, size: float, rgb: Color) -> Pieces:
    """A small flat bow, seen from its side."""
    left = curve(
        [(x, y), (x - 2.6 * size, y + 1.7 * size), (x - 4.0 * size, y + 0.2 * size), (x - 3.0 * size, y - 1.5 * size)],
        closed=True,
    )
    right = curve(
        [(x, y), (x + 2.8 * size, y + 2.0 * size), (x + 4.4 * size, y + 0.8 * size), (x + 3.2 * size, y - 1.2 * size)],
        closed=True,
    )
    return [
        Part(outlines=(left, right), rgb=rgb, material=bench.material, volume="tube", edge=0.4, lift=0.45),
        tube(ellipse(x, y, 1.1 * size, 1.3 * size), rgb, bench.material, lift=0.4),
    ]


def _cover(bench: Bench) -> tuple[Color, str]:
    """Color and material of a covered or a stacked heel."""
    if bench.two_tone:
        return bench.second, bench.material
    if bench.material != "Patent" and bench.odds(0.25):
        return (118, 80, 50), "Stacked leather"
    return bench.main, bench.material


def pump(bench: Bench) -> Pieces:
    """A court shoe on a high heel: pointed, almond or round; closed or with a peep toe's trim."""
    drop = 1.3
    last = Last(ball=drop, heel=bench.heel - drop, spring=bench.j(1.2, 0.4), ball_at=29, seat_at=82)
    shape = bench.choice(("pointed", "almond", "round"))
    toe, nose = {"pointed": (7.0, 3.6), "almond": (8.0, 1.4), "round": (9.0, 0.0)}[shape]
    upper = _court(
        last, toe=toe, throat=bench.j(22.0, 0.08), dip=bench.j(8.0, 0.2), back_top=bench.j(22.0, 0.06), nose=nose
    )
    rgb, material = _cover(bench)
    pieces: Pieces = inside(upper.collar, bench.lining, height=3.0, depth=7.0, material="Smooth leather", dark=_OPENING)
    pieces += high_heel(last, bench.shoe.sole, rgb, material, drop=drop)
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print(6.0)))
    if bench.two_tone:
        cap = last.place(curve([(15.0, 14.0), (12.0, 8.0), (12.0, 3.0), (14.0, -1.0)]))
        pieces.append(
            patch(
                join(cap, last.place([(-6, -2), (-6, 14)])),
                bench.second,
                bench.material,
                upper.outline,
                edge=0.5,
                lift=0.2,
            )
        )
    pieces.append(seam(last.place(curve([(62.0, 20.0), (63.0, 8.0), (60.0, -1.0)])), clip=upper.outline, width=0.4))
    pieces.append(bound(upper.collar, darker(bench.main, 0.06), bench.material, 0.9, lift=0.05))
    ornament = bench.choice(("none", "none", "bow", "jewel", "anklet"))
    x, y = (float(v) for v in upper.front[-1])
    if ornament == "bow":
        pieces += _bow(bench, x - 1.5, y + 0.6, bench.j(1.0, 0.2), bench.main)
    elif ornament == "jewel":
        pieces.append(tube(ellipse(x - 2.0, y - 0.6, 2.4, 1.8, 20), bench.hardware, "Metal", lift=0.4))
    elif ornament == "anklet":
        pieces += _anklet(bench, last)
    red = bench.choice(((58, 44, 38), (196, 160, 116), (36, 32, 32)))
    return [*pieces, thin_sole(last, red, thickness=drop)]


def _anklet(bench: Bench, last: Last) -> Pieces:
    """A strap around the ankle, standing on the heel counter."""
    y = float(last.ball + last.heel)
    far = ribbon(curve([(62.0, y + 28.0), (78.0, y + 32.4), (97.0, y + 29.0)]), 1.7)
    near = ribbon(curve([(62.0, y + 28.0), (66.0, y + 25.6), (80.0, y + 25.0), (97.0, y + 29.0)]), 2.0)
    stem = ribbon(curve([(95.6, y + 18.0), (96.0, y + 24.0), (96.4, y + 30.4)]), 2.8)
    return [
        tube(far, darker(bench.main, 0.35), bench.material),
        tube(stem, bench.main, bench.material),
        tube(near, bench.main, bench.material, lift=0.3),
        *buckle(bench, 74.0, y + 25.1, 2.8),
    ]


def mary_jane(bench: Bench) -> Pieces:
    """A rounded shoe with one or more straps over the instep."""
    drop = 1.8
    last = Last(ball=drop, heel=bench.heel - drop, spring=bench.j(1.4, 0.3), ball_at=29, seat_at=82)
    upper = _court(
        last,
        toe=bench.j(11.0, 0.06),
        throat=bench.j(25.0, 0.06),
        dip=bench.j(8.0, 0.15),
        back_top=bench.j(22.0, 0.05),
    )
    rgb, material = _cover(bench)
    count = bench.choice((1, 1, 2))
    at = [54.0] if count == 1 else [49.0, 60.0]
    backs: Pieces = []
    fronts: Pieces = []
    for i, x in enumerate(at):
        apex = 17.5 + 5.0 * i + (3.0 if count == 1 else 0.0)
        base = 7.0 + 2.0 * i
        crest = curve([(x - 4.6, apex - 1.2), (x - 2.0, apex + 0.2), (x + 0.8, apex + 1.0)])
        outer = curve([(x + 0.8, apex + 1.0), (x + 3.6, apex - 2.0), (x + 6.4, base), (x + 6.8, base - 3.6)])
        inner = curve([(x + 1.8, base - 3.6), (x + 1.6, base), (x - 0.8, apex - 5.4), (x - 4.6, apex - 1.2)])
        back = curve([(x + 0.8, apex + 1.0), (x + 4.0, apex), (x + 8.6, apex - 6.0), (x + 10.0, base - 3.0)])
        backs.append(
            Part(
                outlines=(last.place(join(crest, back, inner)),),
                rgb=bench.lining,
                material="Smooth leather",
                volume="tube",
                puff=0.5,
                dark=(0.15, 0.6),
            )
        )
        fronts.append(tube(last.place(join(crest, outer, inner)), bench.main, bench.material, lift=0.35, puff=0.8))
        bx, by = last.spot(x + 4.2, base + 0.6)
        fronts += (
            buckle(bench, bx, by, 3.8, 8.0)
            if bench.odds(0.7)
            else [tube(ellipse(bx, by, 1.6, 1.6), bench.hardware, "Metal", lift=0.4)]
        )
    pieces: Pieces = [
        *backs,
        *inside(upper.collar, bench.lining, height=3.2, depth=7.0, material="Smooth leather", dark=_OPENING),
    ]
    pieces += high_heel(last, bench.shoe.sole, rgb, material, drop=drop)
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print(6.0)))
    if bench.two_tone:
        cap = last.place(curve([(17.0, 18.0), (14.0, 10.0), (14.5, 4.0), (16.0, -1.0)]))
        pieces.append(
            patch(
                join(cap, last.place([(-6, -2), (-6, 16)])),
                bench.second,
                bench.material,
                upper.outline,
                edge=0.5,
                lift=0.2,
            )
        )
    pieces.append(bound(upper.collar, darker(bench.main, 0.06), bench.material, 1.0, lift=0.05))
    return [*pieces, *fronts, thin_sole(last, darker(bench.main, 0.6), thickness=drop)]


def ballet_flat(bench: Bench) -> Pieces:
    """A soft flat with a gathered topline and a bow on most."""
    last = Last(ball=1.3, heel=bench.j(1.0, 0.4), spring=bench.j(1.8, 0.3), arch=0.7)
    upper = _court(
        last,
        toe=bench.choice((8.4, 9.4, 10.0)),
        throat=bench.j(19.0, 0.1),
        dip=bench.j(7.0, 0.15),
        back_top=bench.j(18.5, 0.06),
        nose=bench.choice((0.0, 0.0, 2.5)),
    )
    clip = upper.outline
    pieces: Pieces = inside(upper.collar, bench.lining, height=4.4, depth=7.0, material="Smooth leather", dark=_OPENING)
    pieces.append(
        Part(
            outlines=(clip,),
            rgb=bench.main,
            material=bench.material,
            print=bench.print(5.0),
            volume="body",
            body=upper.body,
        )
    )
    if bench.two_tone:
        cap = last.place(curve([(14.0, 16.0), (12.5, 9.0), (12.5, 3.0), (14.0, -1.0)]))
        pieces.append(
            patch(join(cap, last.place([(-6, -2), (-6, 16)])), bench.second, bench.material, clip, edge=0.5, lift=0.2)
        )
    trim = bench.second if bench.two_tone else darker(bench.main, 0.08)
    if bench.odds(0.5):
        line = part_of(upper.collar, 0.03, 0.98)
        gathers = tuple(np.array([p, moved(p, 0.3, -2.6)]) for p in line[::1])
        pieces.append(seam(*gathers, clip=clip, width=0.5))
    pieces.append(seam(last.place(curve([(88.0, 18.0), (87.0, 8.0), (86.0, -1.0)])), clip=clip, width=0.4))
    pieces.append(bound(upper.collar, trim, bench.material, 1.5, lift=0.1))
    x, y = (float(v) for v in upper.front[-1])
    kind = bench.choice(("bow", "bow", "jewel", "strap", "none"))
    if kind == "bow":
        pieces += _bow(bench, x - 0.6, y + 0.4, bench.j(1.0, 0.25), trim)
    elif kind == "jewel":
        pieces.append(tube(ellipse(x - 2.6, y - 0.6, 2.8, 1.5, 14), bench.hardware, "Metal", lift=0.4))
    elif kind == "strap":
        near = ribbon(last.place(curve([(45.0, 16.4), (49.0, 17.0), (52.0, 13.0), (54.0, 5.0)])), (1.2, 2.2, 2.4))
        far = ribbon(last.place(curve([(45.5, 16.6), (50.0, 17.6), (56.0, 14.0), (58.0, 8.0)])), 2.0)
        pieces.insert(0, tube(far, darker(bench.main, 0.35), bench.material))
        pieces.append(tube(near, bench.main, bench.material, lift=0.35))
    dark_sole = bench.odds(0.5)
    sole = (52, 42, 38) if dark_sole or brightness(bench.main) < 140 else (182, 146, 104)
    pieces.append(thin_sole(last, sole, thickness=1.4))
    heel = join(last.bed(80.0, 99.0, -0.6), [(98.6, 0.0), (81.0, 0.0)])
    return [*pieces, wall(heel, darker(sole, 0.2), "Rubber")]


def mule(bench: Bench) -> Pieces:
    """A backless shoe on a heel."""
    drop = 1.4
    last = Last(ball=drop, heel=bench.heel - drop, spring=bench.j(1.2, 0.3), ball_at=29, seat_at=82)
    toe, nose = bench.choice(((7.6, 3.4), (9.2, 0.6), (8.6, 1.8)))
    reach = bench.j(50.0, 0.08)
    high = bench.j(20.0, 0.08)
    front = [
        (-nose + 0.2, 0.0),
        (-nose - 0.2, 1.6),
        (2.4, toe * 0.72),
        (9.0, toe),
        (20.0, toe * 1.36),
        (31.0, high - 3.0),
        (40.0, high),
    ]
    collar = [(40.0, high), (44.5, high - 2.4), (reach - 1.0, high * 0.5), (reach + 3.0, 3.0)]
    back = [(reach + 3.0, 3.0), (reach + 3.6, 1.4), (reach + 4.0, 0.0)]
    upper = make_upper(last, front, collar, back)
    rgb, material = _cover(bench)
    rim = last.bed(8.0, 99.0, 0.0)
    far_rim = rim + np.column_stack([np.zeros(len(rim)), 2.6 * np.sin(np.linspace(0, np.pi, len(rim))) ** 0.5])
    pieces: Pieces = [
        Part(
            outlines=(join(rim, far_rim[::-1]),),
            rgb=bench.lining,
            material="Smooth leather",
            volume="sheet",
            puff=0.5,
            dark=(0.0, 0.25),
        )
    ]
    opening = curve([(40.0, high), (47.0, high + 0.6), (reach + 5.0, high * 0.5), (reach + 7.0, 2.4), (reach, 1.0)])
    pieces.append(
        Part(
            outlines=(last.place(opening),),
            rgb=bench.lining,
            material="Smooth leather",
            volume="sheet",
            dark=(0.25, 0.75),
        )
    )
    pieces += high_heel(last, bench.shoe.sole, rgb, material, drop=drop)
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print(6.0)))
    kind = bench.choice(("none", "buckle", "bow", "knot", "none"))
    if kind == "buckle":
        strap = ribbon(last.place(curve([(24.0, 14.0), (33.0, 10.0), (41.0, 5.0), (46.0, -1.0)])), 3.4)
        pieces.append(patch(strap, darker(bench.main, 0.1), bench.material, upper.outline, edge=0.7, lift=0.35))
        x, y = last.spot(36.0, 8.4)
        pieces += buckle(bench, x, y, 4.2, -32.0)
    elif kind in ("bow", "knot"):
        x, y = last.spot(33.0, high - 2.2)
        pieces += _bow(bench, x, y, 1.4 if kind == "bow" else 0.9, bench.main)
    pieces.append(bound(upper.collar, darker(bench.main, 0.06), bench.material, 1.0, lift=0.15))
    return [*pieces, thin_sole(last, bench.choice(((186, 146, 104), (44, 38, 36))), thickness=drop)]
