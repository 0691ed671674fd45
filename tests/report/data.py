"""Report data made of drawn shapes: small, seeded, with all that a real catalog may bring along."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from lookalike.records import Clusters, Elbow, Layout, ModelFacts, Neighbors, Value
from lookalike.report.data import ReportData

COLORS = {"red": (200, 40, 40), "green": (40, 150, 60), "blue": (40, 70, 190)}
SHAPES = ("boot", "sandal", "clog")
FACTS = ModelFacts(
    name="efficientnet-lite0",
    dimension=768,
    size=224,
    resize="stretch",
    precision="fp32",
    preprocessing="lite",
    license="Apache-2.0",
    origin="a wheel",
    paper="Tan and Le, 2019",
    sha256="0" * 64,
    summary="A small network.",
)


def picture(shape: str, color: tuple[int, int, int], size: int = 96) -> bytes:
    """JPEG bytes of one shape on white."""
    image = Image.new("RGB", (size, size * 3 // 4), "white")
    draw = ImageDraw.Draw(image)
    box = (size // 6, size // 4, size * 5 // 6, size * 3 // 5)
    if shape == "boot":
        draw.rectangle(box, fill=color)
    elif shape == "sandal":
        draw.ellipse(box, fill=color)
    else:
        draw.polygon([(box[0], box[3]), (box[2], box[3]), ((box[0] + box[2]) // 2, box[1])], fill=color)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def make_report_data(n: int, seed: int = 0, k: int | None = None, *, labeled: bool = True) -> ReportData:
    """A report's data for n drawn items in min(k or 3, n) clusters, one shape each where k is 3."""
    rng = np.random.default_rng(seed)
    k = min(3 if k is None else k, n)
    labels = np.arange(n, dtype=np.int64) % max(1, k)
    names = list(COLORS)
    tints = [names[int(i)] for i in rng.integers(0, len(names), n)]
    vectors = rng.normal(size=(n, 2)) + 12 * np.stack([np.cos(labels * 2.1), np.sin(labels * 2.1)], axis=1)
    far = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(far, np.inf)
    most = min(5, max(0, n - 1))
    ids = np.argsort(far, axis=1, kind="stable")[:, :most].astype(np.int64).reshape(n, most)
    distances = np.take_along_axis(far, ids, axis=1).astype(np.float32)
    members = [np.flatnonzero(labels == cluster) for cluster in range(k)]
    steps = min(n, 30)
    metadata: dict[str, list[Value]] = {
        "name": [f"{tint.title()} item {row}" for row, tint in enumerate(tints)],
        "type": [SHAPES[int(label) % 3].title() for label in labels],
        "color": [tint.title() for tint in tints],
        "year": [2020 + int(y) for y in rng.integers(0, 4, n)],
    }
    return ReportData(
        title="Drawn shapes",
        model=FACTS.name,
        facts=FACTS,
        ids=[f"photo-{row:04}.jpg" for row in range(n)],
        metadata=metadata if labeled else {},
        thumbnails=[picture(SHAPES[int(labels[row]) % 3], COLORS[tints[row]]) for row in range(n)],
        neighbors=Neighbors(ids, distances),
        clusters=Clusters(
            k=k,
            inertia=1000.0 / np.arange(1, steps + 1),
            elbow=Elbow(k=min(4, n), low=min(3, n), high=min(6, n), clear=False),
            labels=labels,
            sizes=np.bincount(labels, minlength=k).astype(np.int64)[:k],
            representatives=np.array([own[len(own) // 2] for own in members], dtype=np.int64),
            exemplars=tuple(tuple(int(row) for row in own[:6]) for own in members),
        ),
        layout=Layout(positions=vectors.astype(np.float32), kept=0.8 if n > 3 else float("nan")),
    )
