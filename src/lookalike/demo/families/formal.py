"""Oxfords and loafers."""

from __future__ import annotations

import numpy as np

from lookalike.demo.bench import (
    Bench,
    Pieces,
    Upper,
    bound,
    brightness,
    darker,
    inside,
    laces,
    lighter,
    make_upper,
    patch,
    tube,
)
from lookalike.demo.heels import (
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
    Points,
    along,
    curve,
    ellipse,
    join,
    moved,
    offset,
    part_of,
    ribbon,
)


def _dress_upper(bench: Bench, last: Last, *, throat_at: float, throat: float, toe: float) -> Upper:
    front = [
        (-0.2, 0.0),
        (-0.4, 2.6),
        (2.6, toe * 0.72),
        (9.5, toe),
        (18.0, toe * 1.22),
        (28.0, toe * 1.66),
        (throat_at - 8, throat - 5.6),
        (throat_at, throat),
    ]
    back_top = bench.j(25.5, 0.04)
    collar = [
        (throat_at, throat),
        (throat_at + 6, throat - 2.6),
        (63.0, throat - 9.6),
        (74.0, throat - 11.0),
        (86.0, back_top - 4.4),
        (95.0, back_top),
    ]
    back = [(95.0, back_top), (97.4, back_top - 3.6), (98.0, 14.0), (99.6, 7.0), (98.8, 0.0)]
    return make_upper(last, front, collar, back)


def _brogue(line: Points, size: float = 0.42) -> tuple[Points, ...]:
    """Perforations along a line: large holes between pairs of small ones."""
    count = max(3, int(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() / 1.7))
    spots = along(line, (np.arange(count) + 0.5) / count)
    return tuple(
        ellipse(x, y, size * (1.0 if i % 2 else 0.6), size * (1.0 if i % 2 else 0.6)) for i, (x, y) in enumerate(spots)
    )


def _sole(bench: Bench, last: Last) -> Pieces:
    rubber, leather = bench.choice((((40, 36, 34), (112, 72, 44)), ((64, 46, 36), (74, 48, 34))))
    rgb = rubber if bench.shoe.sole == "Rubber" else (42, 34, 30) if brightness(bench.main) < 90 else leather
    return welted_sole(bench, last, rgb, thickness=2.3)


def oxford(bench: Bench) -> Pieces:
    """A laced dress shoe: plain, cap toe or wing tip, with broguing on some."""
    last = Last(ball=2.3, heel=bench.heel - 3.6, spring=bench.j(2.2, 0.25), arch=0.9, ball_at=29)
    upper = _dress_upper(bench, last, throat_at=47.5, throat=bench.j(29.5, 0.03), toe=bench.j(9.4, 0.08))
    other = bench.second if bench.two_tone else bench.main
    clip = upper.outline
    tongue = curve(
        upper.front[-1] + np.array([(-7, -5.5), (-3, 0.6), (1.0, 3.4), (5.0, 2.6), (5.5, -3.0)]), closed=True
    )
    pieces: Pieces = [tube(tongue, darker(bench.main, 0.1), bench.material)]
    pieces += inside(upper.collar, bench.lining, height=2.6)
    pieces.append(Part(outlines=(clip,), rgb=bench.main, material=bench.material, volume="body", body=upper.body))
    style = bench.choice(("cap", "cap", "wing", "plain"))
    brogue = style == "wing" or bench.odds(0.4)
    lines: list[Points] = []
    if style == "cap":
        tip = last.place(curve([(22.5, 18.0), (20.2, 11.0), (19.4, 5.0), (20.6, -1.0)]))
    else:
        tip = last.place(curve([(28.0, 20.0), (24.0, 13.0), (30.0, 9.0), (42.0, 4.0), (52.0, -1.0)]))
    if style != "plain":
        toe_cap = join(tip, last.place([(20.0, -3.0), (-3.0, -3.0), (-3.0, 20.0)]))
        pieces.append(patch(toe_cap, other, bench.material, clip, edge=0.6, lift=0.22))
        lines.append(tip)
    quarter = last.place(curve([(27.5, 14.0), (33.5, 13.0), (43.0, 12.5), (51.0, 8.0), (57.0, 3.0), (59.0, -1.0)]))
    facing = join(
        part_of(upper.front, 0.55, 1.0), part_of(upper.collar, 0.0, 1.0), part_of(upper.back, 0.0, 1.0), quarter[::-1]
    )
    pieces.append(patch(facing, bench.main, bench.material, clip, edge=0.6, lift=0.25))
    lines.append(quarter)
    counter = last.place(curve([(76.0, -1.0), (79.5, 9.0), (86.0, 15.0), (91.0, 19.0), (92.5, 27.0)]))
    pieces.append(
        patch(
            join(counter, last.place([(104, 27), (104, -1)])),
            other if bench.two_tone else bench.main,
            bench.material,
            clip,
            edge=0.5,
            lift=0.2,
        )
    )
    lines.append(counter)
    pieces.append(stitches(*[offset(line, 0.8) for line in lines], rgb=bench.thread, clip=clip, on=0.8, gap=0.4))
    if brogue:
        holes = tuple(hole for line in lines for hole in _brogue(offset(line, 1.8)))
        pieces.append(patch(holes, darker(bench.main, 0.75), "Foam", clip, edge=-0.5))
    pieces.append(
        crease(
            last.place(curve([(30.0, 12.0), (27.5, 7.0), (28.0, 3.0)])),
            last.place(curve([(34.0, 11.5), (32.0, 7.0), (33.0, 3.5)])),
            clip=clip,
            shade=0.10,
        )
    )
    pieces.append(bound(upper.collar, darker(bench.main, 0.12), bench.material, 1.2))
    near = last.place(curve([(31.0, 17.3), (38.0, 21.0), (46.0, 26.6), (48.6, 28.2)]))
    lace = bench.main if bench.odds(0.8) else darker(bench.main, 0.4)
    pieces += laces(
        bench, near, part_of(upper.front, 0.62, 1.0), lace, rows=bench.choice((4, 5)), width=1.1, crossed=False
    )
    return pieces + _sole(bench, last)


def loafer(bench: Bench) -> Pieces:
    """A slip-on with a sewn apron and a saddle, tassels or a metal bit."""
    last = Last(ball=2.3, heel=bench.heel - 2.2, spring=bench.j(1.8, 0.25), arch=0.8, ball_at=29)
    upper = _dress_upper(bench, last, throat_at=42.0, throat=bench.j(25.0, 0.04), toe=bench.j(10.2, 0.07))
    clip = upper.outline
    other = bench.second if bench.two_tone else bench.main
    pieces: Pieces = inside(upper.collar, bench.lining, height=3.6)
    pieces.append(Part(outlines=(clip,), rgb=bench.main, material=bench.material, volume="body", body=upper.body))
    apron = last.place(curve([(3.4, 9.2), (10.0, 9.6), (19.0, 11.2), (29.0, 14.4), (38.0, 18.0), (45.5, 20.5)]))
    plug = join(apron, last.place([(46, 40), (-4, 40), (-4, 9)]))
    if bench.two_tone:
        pieces.append(patch(plug, other, bench.material, clip))
    pieces.append(
        Part(
            outlines=(ribbon(apron, (0.8, 1.5, 1.5, 1.2), round_ends=True),),
            rgb=darker(bench.main, 0.06),
            material=bench.material,
            volume="tube",
            lift=0.25,
            clip=clip,
        )
    )
    puckers = tuple(
        np.array([moved(p, -0.5, -1.0), moved(p, 0.5, 1.0)]) for p in along(apron, np.linspace(0.02, 0.85, 26))
    )
    pieces.append(Line(lines=puckers, width=0.45, depth=-0.8, shade=0.3, clip=clip))
    kind = bench.choice(("saddle", "tassel", "bit", "plain", "saddle"))
    if kind != "plain":
        saddle = last.place(
            curve(
                [
                    (27.5, 26.0),
                    (30.0, 14.0),
                    (34.5, 6.0),
                    (38.0, -1.0),
                    (50.0, -1.0),
                    (47.0, 7.0),
                    (43.0, 15.0),
                    (41.5, 30.0),
                ]
            )
        )
        if kind == "saddle":
            pieces.append(patch(saddle, darker(other, 0.05), bench.material, clip, edge=0.8, lift=0.35))
            slot = last.place(curve([(31.5, 16.8), (34.0, 17.6), (36.5, 19.0)]))
            pieces.append(patch(ribbon(slot, (0.3, 1.6, 0.3)), darker(bench.main, 0.75), "Foam", edge=-0.5))
            pieces.append(
                stitches(
                    last.place(curve([(31.2, 14.5), (35.7, 6.5), (39.2, -1)])),
                    last.place(curve([(41.8, 15.0), (45.6, 7), (48.6, -1)])),
                    rgb=bench.thread,
                    clip=clip,
                )
            )
        elif kind == "bit":
            bar = last.place(curve([(31.0, 16.0), (35.0, 18.6), (39.5, 21.0)]))
            pieces.append(tube(ribbon(bar, 1.3, round_ends=True), bench.hardware, "Metal", lift=0.45))
            for x, y in (bar[0], bar[-1]):
                pieces.append(tube(ellipse(x, y, 2.4, 2.8, 30), bench.hardware, "Metal", lift=0.4))
                pieces.append(patch(ellipse(x, y, 1.3, 1.6, 30), darker(bench.main, 0.3), bench.material))
        else:
            for dx, dy in ((0.0, 0.0), (4.2, 0.8)):
                x, y = last.spot(33.0 + dx, 17.6 + dy)
                fringe = curve(
                    [
                        (x - 0.5, y),
                        (x - 2.4, y - 5.0),
                        (x - 2.8, y - 6.6),
                        (x + 1.8, y - 6.8),
                        (x + 1.4, y - 5.0),
                        (x + 0.7, y),
                    ]
                )
                pieces.append(tube(fringe, darker(bench.main, 0.1), bench.material, lift=0.4))
                pieces.append(
                    Line(
                        lines=tuple(
                            np.array([(x + t * 0.3, y - 1.5), (x - 0.5 + t, y - 6.8)]) for t in (-1.6, -0.6, 0.4, 1.4)
                        ),
                        width=0.4,
                        depth=-0.8,
                        shade=0.35,
                        clip=fringe,
                    )
                )
                pieces.append(tube(ellipse(x, y, 1.2, 1.1), darker(bench.main, 0.15), bench.material, lift=0.3))
    side = last.place(curve([(58.0, 18.0), (60.0, 10.0), (59.0, -1.0)]))
    counter = last.place(curve([(84.0, -1.0), (85.5, 9.0), (89.0, 16.0), (91.0, 28.0)]))
    pieces += [
        seam(side if bench.odds(0.5) else counter, counter, clip=clip),
        stitches(offset(counter, 0.8), offset(part_of(upper.collar, 0.1, 1.0), -2.0), rgb=bench.thread, clip=clip),
    ]
    pieces.append(bound(upper.collar, lighter(bench.main, 0.05), bench.material, 1.5))
    return pieces + _sole(bench, last)
