"""Running shoes: sculpted foam, mesh, fused overlays."""

from __future__ import annotations

import numpy as np

from lookalike.demo.bench import (
    Bench,
    Pieces,
    bound,
    brightness,
    darker,
    inside,
    laces,
    lighter,
    make_upper,
    mix,
    patch,
    shell,
    sole_slab,
    wall,
)
from lookalike.demo.families.trainers import (
    GUM,
    WHITE,
    lace_color,
    tongue,
)
from lookalike.demo.parts import (
    Color,
    Line,
)
from lookalike.demo.shapes import (
    Last,
    curve,
    join,
    part_of,
    ribbon,
)


def runner(bench: Bench) -> Pieces:
    """A running shoe: sculpted foam, mesh upper, fused overlays."""
    last = Last(ball=bench.j(6.4, 0.1), heel=bench.j(4.0, 0.2), spring=bench.j(4.4, 0.15))
    toe, throat = bench.j(11.5, 0.07), bench.j(35.0, 0.04)
    heel_top = bench.j(30.0, 0.05)
    front = [
        (0.8, 0.0),
        (-0.5, 3.4),
        (1.7, toe * 0.8),
        (7.4, toe * 1.08),
        (16.0, toe * 1.36),
        (26.0, toe * 1.8),
        (37.0, throat - 7.0),
        (46.0, throat),
    ]
    collar = [
        (46.0, throat),
        (52.0, throat - 2.0),
        (61.0, throat - 9.0),
        (73.0, throat - 13.5),
        (85.0, heel_top - 6.0),
        (93.5, heel_top - 0.6),
        (97.0, heel_top + 1.5),
    ]
    back = [
        (97.0, heel_top + 1.5),
        (98.4, heel_top - 3.0),
        (97.2, heel_top * 0.66),
        (99.0, heel_top * 0.36),
        (100.0, 5.0),
        (98.8, 0.0),
    ]
    upper = make_upper(last, front, collar, back)
    accent = (
        bench.second
        if bench.shoe.secondary_rgb
        else bench.choice((darker(bench.main, 0.35), lighter(bench.main, 0.5), (236, 238, 60), (240, 96, 60)))
    )
    overlay = (
        accent
        if bench.two_tone
        else darker(bench.main, 0.28)
        if brightness(bench.main) > 60
        else lighter(bench.main, 0.16)
    )
    foam = bench.choice((WHITE, WHITE, (214, 216, 220), (52, 54, 58)))
    printed = bench.print(8.0) if bench.shoe.pattern == "Gradient" else None
    pieces: Pieces = [tongue(upper.front[-1], overlay, "Mesh", rise=5.0)]
    pieces += inside(upper.collar, bench.choice((darker(bench.main, 0.3), (70, 72, 76), accent)))
    pieces.append(shell(upper, bench.main, bench.material, print=printed))
    guard = last.place(
        curve(
            [
                (-3, -2),
                (-2, 7.0),
                (3.0, toe * 0.86),
                (7.0, toe * 0.8),
                (13.0, 6.2),
                (24.0, 3.6),
                (34.0, 2.6),
                (36.0, -2),
            ],
            closed=True,
        )
    )
    pieces.append(patch(guard, overlay, "Synthetic", upper.outline, edge=0.5, lift=0.2))
    cage = [
        ribbon(
            last.place(
                curve([(30.0 + 6.3 * i, 15.5 + 4.6 * i), (36.0 + 6.2 * i, 10.0 + 2.4 * i), (38.0 + 7.0 * i, -1.0)])
            ),
            (1.5, 2.0, 3.4),
        )
        for i in range(4)
    ]
    lanes = tuple(
        ribbon(
            last.place(curve([(43.0 + d, -1.0), (52.0 + d, 9.5), (66.0 + d, 12.0), (80.0 + d * 0.4, 18.0 - d * 0.5)])),
            1.9,
        )
        for d in (0.0, 5.0)
    )
    style = bench.choice(("cage", "sweep", "both", "clean"))
    if style in ("cage", "both"):
        pieces.append(patch(tuple(cage), overlay, "Synthetic", upper.outline, edge=0.5, lift=0.18))
    if style in ("sweep", "both") or bench.shoe.pattern == "Stripes":
        pieces.append(patch(lanes, accent, "Synthetic", upper.outline, edge=0.5, lift=0.2))
    counter = join(
        last.place(curve([(76.0, -1.0), (80.0, 7.0), (86.0, 12.0), (90.0, 18.0), (93.0, 25.0), (95.0, 33.0)])),
        last.place([(106.0, 33.0), (106.0, -1.0)]),
    )
    pieces.append(patch(counter, mix(overlay, accent, 0.35), "Synthetic", upper.outline, edge=0.8, lift=0.28))
    stay_in = last.place(curve([(54.5, 27.5), (48.0, 24.0), (38.0, 17.2), (29.5, 13.0), (25.0, 16.0)]))
    stay = join(part_of(upper.front, 0.5, 1.0), part_of(upper.collar, 0.0, 0.16), stay_in)
    pieces.append(patch(stay, overlay, "Synthetic", upper.outline, edge=0.6, lift=0.25))
    pieces.append(bound(part_of(upper.collar, 0.12, 0.97), darker(bench.main, 0.2), "Knit", 2.4))
    pieces += _running_sole(bench, last, foam, accent)
    near = last.place(curve([(29.5, 15.8), (38.0, 20.4), (47.0, 27.2), (50.5, 29.8)]))
    return pieces + laces(
        bench, near, part_of(upper.front, 0.56, 1.0), lace_color(bench), rows=bench.choice((5, 6, 7)), width=1.4
    )


def _running_sole(bench: Bench, last: Last, foam: Color, accent: Color) -> Pieces:
    top = bench.j(2.4, 0.15)
    slab = sole_slab(last, -1.4, 102.0, top, heel_lift=bench.j(2.4, 0.3), flare=1.2)
    heel_wave = last.place(
        curve([(56.0, top - 4.2), (66.0, top - 1.6), (78.0, top + 2.2), (90.0, top + 3.6), (101.4, top + 3.0)])
    )
    crash = join(
        heel_wave, curve([(102.6, 8.5), (102.8, 4.5), (100.0, 2.0)]), curve([(86.0, 2.4), (72.0, 3.2), (56.0, 3.0)])
    )
    pieces: Pieces = [
        wall(slab, foam, "Foam", lift=0.35),
        wall(crash, foam, "Foam", edge=0.4, lift=0.15),
    ]
    waves = tuple(
        last.place(curve([(x0, top - 1.4 - i * 1.5), ((x0 + x1) / 2, top - 3.0 - i * 1.4), (x1, top - 1.8 - i * 1.8)]))
        for i, (x0, x1) in enumerate(((4, 60), (12, 52)))
    )
    pieces.append(Line(lines=waves, width=0.55, depth=-0.9, shade=0.22, clip=slab))
    lines = (last.place(curve([(60.0, top - 3.4), (74.0, top + 0.2), (88.0, top + 1.4), (101.0, top + 0.8)])),)
    pieces.append(Line(lines=lines, width=1.3 if bench.odds(0.6) else 0.6, rgb=accent, opacity=0.95, depth=-0.3))
    x = np.linspace(0.5, 101.2, 80)
    toe = last.spring * np.clip(1 - x / last.ball_at, 0, 1.3) ** 2 + 2.2 * np.clip((x - 92) / 9, 0, 1) ** 2
    thick = 2.4 if bench.shoe.sole == "Trail" else 1.7
    rubber = np.vstack([np.column_stack([x, toe + thick]), np.column_stack([x, toe - 0.2])[::-1]])
    rgb = bench.choice((darker(accent, 0.15), (44, 44, 48), (120, 122, 126), GUM))
    pieces.append(wall(rubber, rgb, "Rubber", lift=0.15))
    step = 3.0 if bench.shoe.sole == "Trail" else 5.2
    cuts = tuple(
        np.array([(a, -0.6), (a + 0.5, thick * 0.62 + float(np.interp(a, x, toe)))]) for a in np.arange(4, 99, step)
    )
    pieces.append(Line(lines=cuts, width=0.8, depth=-0.8, shade=0.55, clip=rubber))
    return pieces
