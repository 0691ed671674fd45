"""The files of the figures: there, valid, large enough for print, and with the right things on them."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.records import Elbow, Evidence
from lookalike.report import canvas, figures_analysis, figures_items
from lookalike.report.context import prepare
from tests.report.data import make_report_data

STEMS = (
    "figure-1-recommendations",
    "figure-2-sample",
    "figure-3-method",
    "figure-4-inertia",
    "figure-5-map",
    "figure-5-map-thumbnails",
    "figure-6-clusters",
)
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def words(sheet: canvas.Sheet) -> list[str]:
    """All words on a sheet."""
    return [text.get_text() for axes in sheet.figure.axes for text in axes.texts]


def pictures(sheet: canvas.Sheet) -> list[np.ndarray]:
    """All pictures on a sheet, in the order of drawing."""
    images: list[Any] = [image for axes in sheet.figure.axes for image in axes.get_images()]
    return [np.asarray(image.get_array()) for image in images]


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and bool((one == other).all())


@pytest.mark.parametrize("stem", STEMS)
def test_every_figure_is_written_for_print(written: Path, stem: str) -> None:
    with Image.open(written / f"{stem}.png") as image:
        image.load()
        assert image.format == "PNG"
        assert image.width >= 6 * 200
        assert round(image.info["dpi"][0]) == 240
        # Something is drawn: not one color only.
        assert len(set(image.convert("L").resize((64, 64)).tobytes())) > 3


@pytest.mark.parametrize("stem", STEMS)
def test_every_svg_stands_alone(written: Path, stem: str) -> None:
    file = written / f"{stem}.svg"
    assert file.stat().st_size < 5_000_000
    root = ET.fromstring(file.read_text("utf-8"))
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    for element in root.iter():
        link = element.get(HREF) or element.get("href") or ""
        assert link.startswith(("#", "data:image/")) or not link
    for image in root.iter(f"{SVG}image"):
        data = (image.get(HREF) or "").partition(";base64,")[2]
        Image.open(io.BytesIO(base64.b64decode(data))).load()


def test_photos_in_svg_are_jpeg(written: Path) -> None:
    text = (written / "figure-2-sample.svg").read_text("utf-8")
    assert text.count("data:image/jpeg") == 40
    assert "data:image/png" not in text


def test_the_same_data_give_the_same_files(tmp_path: Path) -> None:
    for out in (tmp_path / "a", tmp_path / "b"):
        context = prepare(make_report_data(6))
        with canvas.drawing():
            figures_items.recommendations(context).save(out, "one")
    for ending in ("png", "svg"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_figure_1_shows_each_query_with_its_three_nearest() -> None:
    context = prepare(make_report_data(40))
    with canvas.drawing():
        sheet = figures_items.recommendations(context)
    shown = pictures(sheet)
    expected = [item for row in context.queries for item in (row, *context.ids[row])]
    assert len(shown) == 24
    for pixels, row in zip(shown, expected, strict=True):
        assert same(pixels, context.photos.pixels(int(row)))
    assert words(sheet).count("Query") == 6
    for row in context.queries:
        for distance in context.distances[row]:
            assert f"distance {distance:#.3g}" in words(sheet)


def test_figure_4_marks_the_k_in_use_and_says_when_there_is_no_elbow() -> None:
    data = make_report_data(40)
    with canvas.drawing():
        unclear = words(figures_analysis.inertia(prepare(data)))
        clusters = replace(data.clusters, elbow=Elbow(k=3, low=2, high=5, clear=True))
        clear = words(figures_analysis.inertia(prepare(replace(data, clusters=clusters))))
    assert "in use: 3" in unclear
    assert "elbow: 4" in unclear
    assert any("no clear bend: any K between 3 and 6" in line for line in unclear)
    assert "in use: 3 (elbow)" in clear
    assert any("bends clearly between 2 and 5, most at 3" in line for line in clear)


@pytest.mark.parametrize("width", [8.0, 4.2])
def test_figure_4_shows_the_evidence(width: float) -> None:
    data = make_report_data(40)
    ks = np.array([2, 3, 4, 6])
    evidence = Evidence(
        low=2, high=5, clear=0.1, resamples=200, ks=ks,
        stability=np.array([0.9, 0.8125, np.nan, np.nan]), silhouette=np.array([-0.1, 0.25, 0.3, 0.2]),
    )  # fmt: skip
    with canvas.drawing():
        context = prepare(replace(data, clusters=replace(data.clusters, evidence=evidence)))
        told = words(figures_analysis.inertia(context, width=width, bare=width < 6))
    at = " at K = 3" if width > 6 else ""
    assert f"stability 0.81{at}" in told
    assert f"silhouette 0.25{at}" in told
    assert "95% of resampled elbows: 2 to 5" in told


def test_figure_5_has_one_dot_for_each_item() -> None:
    for labeled in (True, False):
        context = prepare(make_report_data(40, labeled=labeled))
        _, groups = figures_analysis.groups(context)
        assert sorted(np.concatenate([rows for _, rows, _ in groups]).tolist()) == list(range(40))
    assert [label for label, _, _ in groups] == ["cluster 0", "cluster 1", "cluster 2"]


def test_rare_values_and_missing_ones_are_grouped() -> None:
    data = make_report_data(60, k=12)
    kinds: list[Any] = [f"kind {label:02}" if label < 11 else None for label in data.clusters.labels]
    ids = data.neighbors.ids.copy()
    # One look-alike of the same kind, two of others: too few for names on the map.
    ids[:, :3] = (np.arange(60)[:, None] + [12, 1, 2]) % 60
    data = replace(data, neighbors=replace(data.neighbors, ids=ids))
    by, groups = figures_analysis.groups(prepare(replace(data, metadata={"kind": kinds})))
    assert by == "kind"
    assert [label for label, _, _ in groups][-2:] == ["other (5 more)", "not given"]
    assert [len(rows) for _, rows, _ in groups] == [5] * 6 + [25, 5]


def test_names_on_the_map_do_not_lie_over_each_other() -> None:
    with canvas.drawing():
        sheet = canvas.Sheet(4, 4)
        places = np.array([[2.0, 2.0], [2.1, 2.05], [2.0, 2.5], [0.0, 1.0]])
        figures_analysis._names(sheet, ["first", "over the first", "below", "at the edge"], places)
        assert words(sheet) == ["first", "below", "at the edge"]
        assert sheet.axes.texts[2].get_position()[0] >= canvas.text_width("at the edge", 8, "bold") / 2


def test_figure_6_shows_the_given_representatives_the_largest_cluster_first() -> None:
    data = make_report_data(41)
    representatives = np.array([39, 4, 8])
    data = replace(data, clusters=replace(data.clusters, representatives=representatives))
    context = prepare(data)
    assert context.order == (0, 1, 2)
    with canvas.drawing():
        sheet = figures_analysis.clusters(context, [0, 1, 2])
    photos = [pixels for pixels in pictures(sheet) if pixels.shape[2] == 3]
    for pixels, row in zip(photos, representatives, strict=True):
        assert same(pixels, context.photos.pixels(int(row)))
    assert {"14 items", "13 items"} <= set(words(sheet))


def test_many_clusters_take_several_pages() -> None:
    context = prepare(make_report_data(50, k=45, labeled=False))
    pages = figures_analysis.cluster_pages(context)
    assert [len(page) for page in pages] == [15, 15, 15]
    told = [" ".join(words(figures_analysis.clusters(context, page))) for page in pages]
    for page, part in zip(
        told, ("The 15 largest of 45", "clusters 16 to 30 of 45", "The 15 smallest of 45"), strict=True
    ):
        assert part in page
    assert sorted(cluster for page in pages for cluster in page) == list(range(45))
    sizes = context.data.clusters.sizes
    assert [int(sizes[cluster]) for page in pages for cluster in page] == sorted(sizes.tolist(), reverse=True)


def test_many_dots_become_one_picture() -> None:
    data = make_report_data(40)
    positions = np.random.default_rng(0).normal(size=(5_001, 2)).astype(np.float32)
    repeat = np.arange(5_001) % 40
    data = replace(
        data,
        ids=[f"{row}" for row in range(5_001)],
        metadata={},
        thumbnails=[data.thumbnails[int(row)] for row in repeat],
        neighbors=replace(data.neighbors, ids=data.neighbors.ids[repeat], distances=data.neighbors.distances[repeat]),
        clusters=replace(data.clusters, labels=data.clusters.labels[repeat]),
        layout=replace(data.layout, positions=positions),
    )
    with canvas.drawing():
        sheet = figures_analysis.dot_map(prepare(data))
    assert all(dots.get_rasterized() for dots in sheet.axes.collections)


def test_text_is_never_read_as_a_formula_and_missing_letters_are_boxes() -> None:
    with canvas.drawing():
        sheet = canvas.Sheet(4, 1)
        sheet.text(0, 0, r"$\frac{1}{0}$ 100% _^{", room=3.9)
        sheet.text(0, 0.5, "\U000f0000 \u05d0\u4e00", room=3.9)
        assert words(sheet)[0] == r"$\frac{1}{0}$ 100% _^{"
        assert words(sheet)[1].startswith("\u25a1 ")
        sheet.picture(72)


def test_a_cut_line_fits() -> None:
    with canvas.drawing():
        name = "A very long product name that does not fit"
        cut = canvas.shorten(name, 9, 1.0)
        assert cut.endswith("…")
        assert canvas.text_width(cut, 9) <= 1.0
        lines = canvas.wrap(name, 9, 1.2)
        assert len(lines) == 2
        assert all(canvas.text_width(line, 9) <= 1.2 for line in lines)
        assert canvas.wrap("short", 9, 1.2) == ["short"]
        assert len(canvas.wrap("x" * 500, 9, 1.2)) == 1


def test_a_reader_s_own_matplotlib_settings_stay_and_do_not_matter() -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 33.0, "axes.grid": True}):
        with canvas.drawing():
            assert mpl.rcParams["axes.grid"] is False
        assert mpl.rcParams["font.size"] == 33.0
        assert mpl.rcParams["axes.grid"] is True


def test_no_global_figure_is_made(written: Path) -> None:
    import sys

    assert written.exists()
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_round_numbers_on_the_axis() -> None:
    assert figures_analysis._ticks(200) == [1, 50, 100, 150, 200]
    assert figures_analysis._ticks(1) == [1]
    assert figures_analysis._ticks(6) == [1, 2, 3, 4, 5, 6]
    assert all(re.fullmatch(r"1|\d*[05]|\d*[2468]", str(tick)) for tick in figures_analysis._ticks(37))


def test_parts_of_a_group_that_lie_apart_are_told_from_its_stragglers() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.uniform(0, 1, (60, 2)), rng.uniform(5, 6, (35, 2))
    parts = figures_analysis._islands(np.vstack([right, left, [[3.0, 9.0]] * 5]), 0.4)
    assert [len(part) for part in parts] == [60, 35]
    assert parts[0].max() <= 1
    assert parts[1].min() >= 5
    alone = np.array([[2.0, 3.0]])
    assert np.array_equal(figures_analysis._islands(alone, 0.4)[0], alone)
    everywhere = np.stack(np.divmod(np.arange(9), 3), axis=1) * 4.0
    assert [len(part) for part in figures_analysis._islands(everywhere, 0.4)] == [9]
