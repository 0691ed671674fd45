"""A small catalog with clusters and a map, and its app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app
from tests.conftest import COLORS, draw

NASTY = "<img src=x onerror=alert(1)> = 'a' & 50%.png"


def write_photos(folder: Path) -> Path:
    """24 photos, six of each of four colors, one under a nasty name and one in a folder; returns their table."""
    lines = ["path,color,year,note"]
    for row in range(24):
        color = list(COLORS)[row % 4]
        name = NASTY if row == 7 else f"deep/{color}-{row:02d}.png" if row == 8 else f"{color}-{row:02d}.png"
        draw(folder / name, COLORS[color], seed=row)
        note = "" if row % 2 else "<b>note</b>"
        lines.append(f'"photos/{name}",{color},{2010 + row // 4},{note}')
    table = folder.parent / "metadata.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the catalog; read only."""
    base = tmp_path_factory.mktemp("web")
    table = write_photos(base / "photos")
    catalog = lookalike.create(base / "shown.catalog", model="tiny")
    catalog.index(base / "photos", metadata=table)
    catalog.cluster(4, max_k=8)
    catalog.map()
    return base / "shown.catalog"


@pytest.fixture(scope="session")
def client(shown: Path) -> Iterator[TestClient]:
    """The app of that catalog."""
    with TestClient(make_app(lookalike.open(shown))) as found:
        yield found
