"""One process of `write_catalog`: `python -m lookalike.demo.worker FOLDER N SEED START STEP`."""

from __future__ import annotations

import sys
from pathlib import Path

from lookalike.demo.catalog import draw_share

if __name__ == "__main__":
    n, seed, start, step = (int(value) for value in sys.argv[2:6])
    draw_share(Path(sys.argv[1]), n, seed, start, step)
