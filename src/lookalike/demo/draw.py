"""From a shoe to its photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.demo.bench import Bench, Pieces
from lookalike.demo.families import boots, casual, dress, formal, runners, sandals, trainers
from lookalike.demo.parameters import Shoe
from lookalike.demo.parts import Sketch
from lookalike.demo.studio import photograph

_MAKERS: dict[str, Callable[[Bench], Pieces]] = {
    "Sneaker": trainers.sneaker,
    "Runner": runners.runner,
    "High-top": trainers.high_top,
    "Slip-on": trainers.slip_on,
    "Oxford": formal.oxford,
    "Loafer": formal.loafer,
    "Boot": boots.tall_boot,
    "Work boot": boots.work_boot,
    "Ankle boot": boots.ankle_boot,
    "Chelsea boot": boots.chelsea_boot,
    "Rain boot": boots.rain_boot,
    "Pump": dress.pump,
    "Mary Jane": dress.mary_jane,
    "Ballet flat": dress.ballet_flat,
    "Sandal": sandals.sandal,
    "Wedge": sandals.wedge,
    "Flip-flop": casual.flip_flop,
    "Clog": casual.clog,
    "Mule": dress.mule,
    "Slipper": casual.slipper,
}


def draw_shoe(shoe: Shoe) -> Image.Image:
    """The photo of a shoe: 480 x 360 RGB, white background, side view, toe to the left.

    Equal shoes give equal pixels.

    >>> from lookalike.demo import sample_shoes
    >>> draw_shoe(sample_shoes(1)[0]).mode
    'RGB'
    """
    return draw_with_silhouette(shoe)[0]


def draw_with_silhouette(shoe: Shoe) -> tuple[Image.Image, npt.NDArray[np.float32]]:
    """The photo of a shoe, and where the shoe is in it: (360, 480) float32, 1 on the shoe, 0 on the background."""
    pieces = _MAKERS[shoe.family](Bench(shoe))
    rng = np.random.default_rng([shoe.form, 12])
    sketch = Sketch(tuple(pieces), lighting=float(rng.uniform(-1, 1)))
    shift = (float(rng.uniform(-7, 7)), float(rng.uniform(-6, 6)))
    return photograph(sketch, shoe.form, fill=float(rng.uniform(0.93, 1.0)), shift=shift)
