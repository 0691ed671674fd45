"""The catalog on disk: what the contract names, the same bytes for any number of workers."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lookalike.demo import COLUMNS, sample_shoes, write_catalog
from lookalike.errors import LookalikeError, UsageError


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_photos_and_table_agree_with_the_shoes(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    table = write_catalog(tmp_path / "new" / "shoes", 5, seed=2, progress=lambda *done: calls.append(done), workers=1)
    assert table == tmp_path / "new" / "shoes" / "metadata.csv"
    assert calls == [(i, 5) for i in range(1, 6)]
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    for i, (row, shoe) in enumerate(zip(rows, sample_shoes(5, seed=2), strict=True), 1):
        assert row["path"] == f"images/{i:04d}.jpg"
        assert row["id"] == f"{i:04d}" == Path(row["path"]).stem
        assert row["name"] == shoe.name
        assert (row["type"], row["color"], row["brand"]) == (shoe.family, shoe.color, shoe.brand)
        assert row["secondary_color"] == (shoe.secondary_color or "")
        assert float(row["heel_height"]) == shoe.heel_height
        assert int(row["size"]) == shoe.size
        assert row["laces"] == str(shoe.laces).lower()
        with Image.open(table.parent / row["path"]) as photo:
            assert (photo.format, photo.size, photo.mode) == ("JPEG", (480, 360), "RGB")
    assert len(digests(table.parent)) == 6, "nothing is left aside"


def test_the_bytes_depend_on_the_seed_and_not_on_the_workers_or_the_number(tmp_path: Path) -> None:
    for name, n, seed, workers in (("one", 9, 0, 1), ("two", 9, 0, 2), ("fewer", 3, 0, 1), ("other", 3, 1, 1)):
        write_catalog(tmp_path / name, n, seed, workers=workers)
    one, two, fewer, other = (digests(tmp_path / name) for name in ("one", "two", "fewer", "other"))
    assert one == two
    photos = {name: digest for name, digest in fewer.items() if name.startswith("images")}
    assert photos.items() <= one.items()
    assert not set(other.values()) & set(fewer.values())


def test_a_second_run_overwrites(tmp_path: Path) -> None:
    write_catalog(tmp_path, 2, workers=1)
    before = digests(tmp_path)
    (tmp_path / "images" / "0001.jpg").write_bytes(b"half a photo")
    write_catalog(tmp_path, 2, workers=1)
    assert digests(tmp_path) == before


@pytest.mark.parametrize(("n", "workers"), [(0, None), (-3, None), (2, 0)])
def test_numbers_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, n: int, workers: int | None
) -> None:
    with pytest.raises(UsageError, match="out of range"):
        write_catalog(tmp_path / "shoes", n, workers=workers)
    assert not (tmp_path / "shoes").exists()


def test_a_script_without_a_guard_may_draw_with_several_processes(tmp_path: Path) -> None:
    script = tmp_path / "draw.py"
    script.write_text("from lookalike.demo import write_catalog\nwrite_catalog('shoes', 9, workers=2)\n")
    subprocess.run([sys.executable, script.name], cwd=tmp_path, check=True)
    assert len(digests(tmp_path / "shoes")) == 10


def test_progress_of_several_processes_rises_by_one(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write_catalog(tmp_path, 10, progress=lambda *done: calls.append(done), workers=2)
    assert calls == [(i, 10) for i in range(1, 11)]


def test_a_photo_that_cannot_be_written_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "images" / "0009.jpg").mkdir(parents=True)
    with pytest.raises(LookalikeError, match=r"of 10 shoes.*0009\.jpg"):
        write_catalog(tmp_path, 10, workers=2)
    assert not (tmp_path / "metadata.csv").exists()
    assert not list(tmp_path.rglob("*.part"))
