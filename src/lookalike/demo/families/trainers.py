"""Sneakers, runners, high-tops and slip-ons: rubber soles, laces, overlays."""

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
    shell,
    sole_slab,
    tube,
    wall,
)
from lookalike.demo.parts import (
    Color,
    Line,
    Part,
    crease,
    seam,
    stitches,
)
from lookalike.demo.shapes import (
    Last,
    Points,
    box,
    curve,
    ellipse,
    join,
    offset,
    part_of,
    ribbon,
)

CREAM: Color = (238, 233, 222)
WHITE: Color = (242, 242, 240)
GUM: Color = (176, 116, 62)


def lace_color(bench: Bench) -> Color:
    if bench.two_tone and bench.odds(0.5):
        return bench.second
    return bench.choice((WHITE, WHITE, bench.main, lighter(bench.main, 0.15)))


def _cup_sole(last: Last, rgb: Color, top: float, *, foxing: Color | None) -> Pieces:
    """A flat rubber sole with a stitched or painted line and a ribbed toe bumper."""
    outline = sole_slab(last, -1.6, 101.4, top)
    line = last.bed(-1.2, 101.2, top - 1.4)
    pieces: Pieces = [
        wall(outline, rgb, "Rubber", lift=0.35),
        Line(lines=(last.bed(-0.8, 101.0, top - 0.4),), width=0.5, depth=0.8, clip=outline),
    ]
    if foxing is not None:
        pieces.append(Line(lines=(line,), width=0.8, rgb=foxing, clip=outline, opacity=0.95))
    else:
        pieces.append(stitches(line, rgb=darker(rgb, 0.22), clip=outline))
    tread = np.column_stack(
        [np.linspace(2, 100, 60), last.spring * np.clip(1 - np.linspace(2, 100, 60) / last.ball_at, 0, 1.3) ** 2 + 0.75]
    )
    pieces.append(Line(lines=(tread,), width=0.5, depth=-0.8, shade=0.35, clip=outline))
    ribs = tuple(np.array([[x, 0.2], [x + 0.2, last.ball + 1.2]]) for x in np.arange(0.5, 9.0, 1.1))
    pieces.append(Line(lines=ribs, width=0.4, depth=-0.6, shade=0.16, clip=outline))
    return pieces


def _low_upper(bench: Bench, last: Last) -> Upper:
    toe = bench.j(13.5, 0.07)
    throat = bench.j(37.0, 0.04)
    front = [
        (0.2, 0.0),
        (-0.6, 4.6),
        (1.9, toe * 0.82),
        (7.4, toe * 1.08),
        (15.0, toe * 1.26),
        (24.0, toe * 1.56),
        (36.0, throat - 8.0),
        (46.5, throat),
    ]
    back_top = bench.j(30.5, 0.04)
    collar = [
        (46.5, throat),
        (53.0, throat - 2.4),
        (62.0, throat - 9.5),
        (74.0, throat - 13.5),
        (86.0, back_top - 5.5),
        (95.5, back_top),
    ]
    back = [
        (95.5, back_top),
        (98.6, back_top - 4.0),
        (98.8, back_top * 0.62),
        (100.2, back_top * 0.34),
        (100.4, 6.0),
        (99.6, 0.0),
    ]
    return make_upper(last, front, collar, back)


def tongue(throat: Points, rgb: Color, material: str, *, rise: float = 5.0) -> Part:
    """The tongue standing out of the throat at (x, y), leaning back."""
    x, y = throat
    shape = curve(
        [
            (x - 9.0, y - 6.5),
            (x - 4.5, y - 0.5),
            (x + 0.5, y + rise - 0.6),
            (x + 4.2, y + rise),
            (x + 6.2, y + rise - 1.8),
            (x + 5.5, y - 2.5),
            (x + 3.0, y - 9.0),
        ],
        closed=True,
    )
    return tube(shape, rgb, material, puff=0.9)


def sneaker(bench: Bench) -> Pieces:
    """A court sneaker on a cup sole."""
    last = Last(ball=bench.j(4.2, 0.1), heel=bench.j(1.2, 0.3), spring=bench.j(2.2, 0.2))
    upper = _low_upper(bench, last)
    trim = (
        bench.second
        if bench.shoe.secondary_rgb
        else bench.choice((darker(bench.main, 0.25), lighter(bench.main, 0.35), WHITE))
    )
    sole = GUM if bench.shoe.sole == "Gum" else bench.choice((WHITE, CREAM, WHITE))
    lace = lace_color(bench)
    edge = bench.material if bench.material != "Canvas" else "Canvas"
    thread = bench.thread
    pieces: Pieces = [tongue(upper.front[-1], lighter(bench.main, 0.08), edge)]
    pieces += inside(upper.collar, bench.lining)
    pieces.append(shell(upper, bench.main, bench.material))
    # Toe box: vamp with a stitched tip and ventilation holes.
    tip = last.place(curve([(20.5, 19.5), (18.5, 12.0), (17.5, 6.0), (19.0, -1.0)]))
    pieces += [seam(tip, clip=upper.outline), stitches(offset(tip, 0.9), rgb=thread, clip=upper.outline)]
    holes = tuple(
        ellipse(*last.spot(x, y), 0.5, 0.5)
        for x, y in ((9, 9.5), (11.5, 10.4), (14, 11.2), (9.6, 7.0), (12.2, 7.8), (14.7, 8.5))
    )
    if bench.odds(0.6) and bench.material != "Canvas":
        pieces.append(patch(holes, darker(bench.main, 0.7), "Foam", edge=-0.6))
    # Heel counter, with its tab.
    counter = join(
        last.place(curve([(80.0, -1.0), (80.5, 8.0), (84.0, 14.0), (87.0, 19.5), (87.5, 30.0)])),
        last.place([(106.0, 34.0), (106.0, -1.0)]),
    )
    heel_rgb = trim if bench.two_tone or bench.odds(0.3) else darker(bench.main, 0.05)
    pieces.append(patch(counter, heel_rgb, edge, upper.outline, edge=0.7, lift=0.3))
    pieces.append(
        stitches(
            last.place(curve([(81.2, -1.0), (81.7, 7.6), (85.2, 13.6), (88.2, 19.5), (88.7, 30.0)])),
            rgb=thread,
            clip=upper.outline,
        )
    )
    # Eyestay along the throat.
    stay = join(
        part_of(upper.front, 0.50, 1.0),
        part_of(upper.collar, 0.0, 0.16),
        last.place(curve([(50.5, 25.0), (44.5, 20.5), (35.0, 14.0), (27.5, 11.0), (24.0, 13.0)])),
    )
    pieces.append(
        patch(stay, trim if bench.two_tone and bench.odds(0.4) else bench.main, edge, upper.outline, edge=0.7, lift=0.3)
    )
    pieces.append(
        stitches(
            last.place(curve([(52.0, 25.8), (45.0, 21.4), (35.3, 15.0), (28.0, 12.0)])), rgb=thread, clip=upper.outline
        )
    )
    pieces += _side_mark(bench, last, trim, upper)
    pieces += [crease(last.place(curve([(27.0, 9.5), (24.5, 6.0), (24.0, 2.5)])), clip=upper.outline)]
    pieces.append(bound(part_of(upper.collar, 0.12, 1.0), darker(bench.main, 0.08), edge, 2.0))
    near = last.place(curve([(28.0, 15.2), (36.0, 20.3), (46.0, 27.8), (49.6, 31.0)]))
    pieces += _cup_sole(last, sole, bench.j(3.6, 0.12), foxing=bench.choice((None, trim, None)))
    pieces += laces(bench, near, part_of(upper.front, 0.56, 1.0), lace, rows=bench.choice((5, 6, 6, 7)))
    return pieces


def _side_mark(bench: Bench, last: Last, rgb: Color, upper: Upper) -> Pieces:
    """A decoration on the quarter: bars, a wave, a chevron or a panel; nobody's trademark."""
    kind = bench.choice(("bars", "wave", "chevron", "none"))
    if bench.shoe.pattern == "Stripes":
        kind = "bars"
    if kind == "none" and not bench.two_tone:
        return []
    shapes: list[Points]
    if kind == "bars":
        count = bench.choice((2, 4, 5))
        shapes = [
            ribbon(curve([(52.5 + 4.4 * i, 23.5 - 1.1 * i), (51.5 + 4.6 * i, 11), (48.5 + 4.7 * i, 0)]), 1.9)
            for i in range(count)
        ]
    elif kind == "wave":
        shapes = [
            ribbon(
                curve([(44.0, 12.0 - d), (52.0, 15.5 - d), (60.0, 10.5 - d), (68.0, 7.0 - d), (80.0, 11.0 - d)]),
                (1.0, 2.6, 2.6, 2.4),
            )
            for d in (0.0, 4.6)
        ]
    else:
        shapes = [
            ribbon(np.array([(52.0 + 6 * i, 22.5), (60.0 + 6 * i, 11.5), (53.0 + 6 * i, 0.0)]), 2.3) for i in range(2)
        ]
    placed = tuple(last.place(shape) for shape in shapes)
    mark = patch(
        placed, rgb, "Synthetic" if bench.material != "Suede" else "Suede", upper.outline, edge=0.55, lift=0.22
    )
    return [mark]


def high_top(bench: Bench) -> Pieces:
    """A canvas or leather basketball classic: rubber toe cap, ankle-high, laced to the top."""
    last = Last(ball=bench.j(3.8, 0.1), heel=bench.j(0.8, 0.3), spring=bench.j(1.8, 0.2))
    toe, top = bench.j(12.5, 0.06), bench.j(58.0, 0.05)
    lean = bench.j(3.0, 0.3)
    front = [
        (0.2, 0.0),
        (-0.6, 4.4),
        (1.9, toe * 0.84),
        (8.0, toe * 1.06),
        (17.0, toe * 1.14),
        (26.0, toe * 1.5),
        (36.0, toe * 2.2),
        (44.5, 36.0),
        (50.5, 46.0),
        (54.0 + lean, top),
    ]
    collar = [(54.0 + lean, top), (64.0, top - 1.6), (74.0, top - 3.0), (86.0, top - 1.6), (94.0, top - 1.0)]
    back = [(94.0, top - 1.0), (95.6, top * 0.72), (96.6, top * 0.5), (98.6, 20.0), (100.4, 10.0), (99.8, 0.0)]
    upper = make_upper(last, front, collar, back)
    sole_rgb = GUM if bench.shoe.sole == "Gum" else bench.choice((WHITE, CREAM))
    trim = bench.second if bench.shoe.secondary_rgb else darker(bench.main, 0.08)
    stripe = bench.second if bench.shoe.secondary_rgb else bench.choice(((176, 30, 40), (36, 52, 104), bench.main))
    pieces: Pieces = [tongue(upper.front[-1], lighter(bench.main, 0.06), bench.material, rise=4.0)]
    pieces += inside(upper.collar, bench.lining, height=2.2)
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print(7.0)))
    quarter = last.place(curve([(33.0, 26.0), (34.0, 17.0), (40.0, 8.0), (46.0, -1.0)]))
    pieces += [
        seam(quarter, clip=upper.outline),
        stitches(offset(quarter, 0.8), offset(quarter, 1.7), rgb=bench.thread, clip=upper.outline),
    ]
    strap = ribbon(part_of(upper.back, 0.0, 1.0), 6.5)
    pieces.append(patch(strap, trim, bench.material, upper.outline, edge=0.6, lift=0.2))
    stay_in = last.place(
        curve([(58.5 + lean, top + 2), (55.0, 42.0), (49.0, 31.0), (40.0, 21.5), (33.0, 16.5), (28.0, 17.0)])
    )
    stay = join(part_of(upper.front, 0.42, 1.0), stay_in)
    pieces.append(
        patch(
            stay,
            trim if bench.two_tone else bench.main,
            bench.material,
            upper.outline,
            print=None if bench.two_tone else bench.print(7.0),
            edge=0.6,
            lift=0.28,
        )
    )
    pieces.append(stitches(offset(stay_in, 0.8), rgb=bench.thread, clip=upper.outline))
    if bench.odds(0.6):
        middle = last.spot(76.0, 40.0)
        badge = ellipse(*middle, 6.2, 6.2)
        ring = ellipse(*middle, 4.9, 4.9)
        pieces += [
            patch(badge, WHITE, "Rubber", edge=0.7, lift=0.3),
            patch(ring, stripe, "Rubber", edge=0.3),
        ]
        inner = tuple(box(middle[0], middle[1] + dy, 5.4, 1.5, 20.0) for dy in (-1.4, 1.4))
        pieces.append(patch(inner, WHITE, "Rubber"))
    pieces.append(bound(upper.collar, trim, bench.material, 1.4))
    near = last.place(curve([(31.5, 19.0), (40.0, 24.8), (47.5, 33.5), (52.0, 44.0), (55.2 + lean, top - 2)]))
    far = part_of(upper.front, 0.46, 0.99)
    cap = last.place(
        join(
            [(-3.0, -1.0), (-3.0, toe * 1.4)], curve([(13.0, toe * 1.4), (15.5, toe), (17.0, toe * 0.5), (17.5, -1.0)])
        )
    )
    pieces.append(
        Part(
            outlines=(cap,),
            rgb=sole_rgb if bench.material == "Canvas" else trim,
            material="Rubber" if bench.material == "Canvas" else bench.material,
            volume="body",
            body=upper.body,
            edge=0.7,
            lift=0.3,
            clip=upper.outline,
        )
    )
    pieces += _cup_sole(last, sole_rgb, bench.j(4.2, 0.1), foxing=stripe)
    return pieces + laces(bench, near, far, lace_color(bench), rows=bench.choice((7, 8, 9)), width=1.5)


def slip_on(bench: Bench) -> Pieces:
    """A laceless canvas shoe with elastic gores, on rubber or a rope sole."""
    last = Last(ball=bench.j(3.6, 0.1), heel=bench.j(0.6, 0.3), spring=bench.j(1.6, 0.2))
    toe, throat = bench.j(12.0, 0.06), bench.j(29.0, 0.05)
    front = [
        (0.2, 0.0),
        (-0.5, 4.4),
        (2.0, toe * 0.84),
        (8.4, toe * 1.06),
        (18.0, toe * 1.25),
        (28.0, toe * 1.75),
        (38.0, throat - 3.5),
        (45.5, throat),
    ]
    collar = [
        (45.5, throat),
        (52.0, throat - 3.0),
        (62.0, throat - 8.0),
        (74.0, throat - 10.0),
        (86.0, throat - 6.4),
        (96.0, throat - 3.6),
    ]
    back = [(96.0, throat - 3.6), (98.8, throat - 7.0), (99.4, throat * 0.5), (100.2, 6.0), (99.6, 0.0)]
    upper = make_upper(last, front, collar, back)
    pieces: Pieces = inside(upper.collar, bench.lining, height=3.4)
    pieces.append(shell(upper, bench.main, bench.material, print=bench.print(bench.choice((5.0, 7.0, 9.0)))))
    gore = last.place(
        curve(
            [
                (46.0, throat + 3),
                (49.5, throat - 9.0),
                (54.0, throat - 13.0),
                (59.0, throat - 11.0),
                (60.5, throat - 4.0),
                (60.0, throat + 3),
            ]
        )
    )
    pieces.append(
        patch(
            gore,
            darker(bench.main, 0.4) if brightness(bench.main) > 80 else lighter(bench.main, 0.2),
            "Knit",
            upper.outline,
            edge=-0.6,
        )
    )
    ribs = tuple(last.place([(x, throat + 2), (x + 2.0, throat - 13.0)]) for x in np.arange(47.0, 60.0, 1.3))
    pieces.append(Line(lines=ribs, width=0.5, depth=-0.8, shade=0.2, clip=gore))
    vamp = last.place(curve([(45.0, throat - 1), (46.8, throat - 12.0), (44.0, 6.0), (42.0, -1.0)]))
    counter = last.place(curve([(86.5, throat), (85.0, 12.0), (83.0, -1.0)]))
    pieces += [
        seam(vamp, counter, clip=upper.outline),
        stitches(offset(vamp, -0.8), offset(counter, 0.8), rgb=bench.thread, clip=upper.outline),
    ]
    pieces.append(bound(upper.collar, darker(bench.main, 0.12), "Canvas", 1.5))
    if bench.shoe.sole == "Jute":
        return pieces + rope_sole(bench, last, 3.0)
    return pieces + _cup_sole(
        last,
        bench.choice((WHITE, CREAM, WHITE)),
        bench.j(3.8, 0.1),
        foxing=bench.choice((None, bench.main, (170, 36, 40))),
    )


def rope_sole(bench: Bench, last: Last, top: float) -> Pieces:
    """A sole of braided rope with a thin rubber outsole."""
    outline = sole_slab(last, -1.2, 101.2, top)
    rows = tuple(last.bed(-1.0, 101.0, level) for level in np.arange(top - 1.6, -last.ball - last.heel, -1.6))
    under = sole_slab(Last(ball=0.0, heel=0.0, spring=last.spring), -1.0, 101.0, 0.9)
    return [
        wall(outline, bench.choice(((204, 172, 120), (216, 190, 146), (188, 152, 104))), "Jute", lift=0.35),
        Line(lines=rows, width=0.5, depth=-0.8, shade=0.3, clip=outline),
        patch(under, (120, 88, 60), "Rubber", outline),
    ]
