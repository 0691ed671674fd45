"""Share of the 3 nearest that carry the query's label, on a folder of labeled photos."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.models import Model
from lookalike.records import Bytes, Floats


def agreements(folder: Path, model: Model, labels: tuple[str, ...]) -> dict[str, float]:
    """Per label, over the photos that `folder/metadata.csv` names by `path`; Euclidean distance."""
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def pixels(row: dict[str, str]) -> Bytes:
        with Image.open(folder / row["path"]) as photo:
            return np.asarray(photo.convert("RGB"))

    def embed(start: int) -> Floats:
        return model.embed(np.stack([pixels(row) for row in rows[start : start + 16]]))

    with ThreadPoolExecutor(2) as pool:
        vectors = np.concatenate(list(pool.map(embed, range(0, len(rows), 16)))).astype(np.float64)
    squares = (vectors**2).sum(axis=1)
    nearest = []
    for start in range(0, len(vectors), 1024):
        part = slice(start, start + 1024)
        distances = squares[part, None] + squares - 2 * vectors[part] @ vectors.T
        distances[np.arange(len(distances)), np.arange(start, start + len(distances))] = np.inf
        nearest.append(np.argpartition(distances, 3, axis=1)[:, :3])
    near = np.concatenate(nearest)
    values = {label: np.array([row[label] for row in rows]) for label in labels}
    return {label: float((known[near] == known[:, None])[known != ""].mean()) for label, known in values.items()}
