"""Whole commands over a folder of everything that goes wrong: inputs == items + failures, and the exit code says so."""

from __future__ import annotations

import os
import shutil
import socket
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import lookalike
from tests.conftest import Run
from tests.faults.recipes import chunk, encode, noise, png_bomb, scan_bomb

HOSTILE = "f06 <b>\n\u202e'\".png"
GOOD = {
    "i05-is-a-png.jpg",
    "i06-cmyk.jpg",
    "i07-16-bit.png",
    "i08-palette.png",
    "i09-hidden.png",
    "i10-frames.gif",
    "i11-turned.jpg",
    "i12-profile.jpg",
    "i18-one.png",
    "i19-line.png",
    "i20-progressive.jpg",
    HOSTILE,
    "f08-a.png",
    "f08-b.png",
}
BAD = {
    "i01-half.jpg": "E_TRUNCATED",
    "i02-end.jpg": "E_TRUNCATED",
    "i03-empty.jpg": "E_EMPTY",
    "i04-html.jpg": "E_NOT_IMAGE",
    "i13-bomb.png": "E_TOO_LARGE",
    "i14-giant.png": "E_TOO_LARGE",
    "i15-text.png": "E_DECODE",
    "i16-crc.png": "E_DECODE",
    "i17-scans.jpg": "E_TIMEOUT",
    "i22.svg": "E_FORMAT",
    "f02-out.jpg": "E_OUTSIDE_ROOT",
    "f04-pipe.jpg": "E_NOT_REGULAR",
    "f04-socket.jpg": "E_NOT_REGULAR",
    "f11-zero.jpg": "E_NOT_REGULAR",
}
NOT_UTF8 = b"f05-\xff\xfe.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photos of GOOD and BAD, one whose name is no UTF-8, and no inputs; only read."""
    base = tmp_path_factory.mktemp("faults")
    made = base / "all"
    made.mkdir()
    image, jpeg, png = noise(), encode(noise(), "JPEG"), encode(noise(), "PNG")
    exif = Image.Exif()
    exif[0x112] = 6
    damaged = bytearray(png)
    damaged[60] ^= 0xFF
    contents = {
        "i01-half.jpg": jpeg[: len(jpeg) // 2],
        "i02-end.jpg": jpeg[:-2],
        "i03-empty.jpg": b"",
        "i04-html.jpg": b"<html>404</html>",
        "i05-is-a-png.jpg": png,
        "i06-cmyk.jpg": encode(image.convert("CMYK"), "JPEG"),
        "i07-16-bit.png": encode(Image.fromarray(_gradient()), "PNG"),
        "i08-palette.png": encode(image.convert("P"), "PNG", transparency=bytes(range(256))),
        "i09-hidden.png": encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"),
        "i10-frames.gif": encode(image, "GIF", save_all=True, append_images=[image.rotate(90)]),
        "i11-turned.jpg": encode(image, "JPEG", exif=exif),
        "i12-profile.jpg": encode(image, "JPEG", icc_profile=b"\0" * 200),
        "i13-bomb.png": png_bomb(30_000, 30_000),
        "i14-giant.png": encode(Image.new("RGB", (9_400, 9_400)), "PNG"),
        "i15-text.png": png[:33] + chunk(b"zTXt", b"k\0\0" + _zipped()) + png[33:],
        "i16-crc.png": bytes(damaged),
        "i17-scans.jpg": scan_bomb(400, 2_000),
        "i18-one.png": encode(Image.new("RGB", (1, 1)), "PNG"),
        "i19-line.png": encode(Image.new("RGB", (20_000, 1), "blue"), "PNG"),
        "i20-progressive.jpg": encode(image, "JPEG", progressive=True),
        "i22.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        HOSTILE: encode(image.rotate(180), "PNG"),
        "f08-a.png": encode(Image.new("RGB", (30, 30), "green"), "PNG"),
        ".DS_Store": b"\0\0\0\1Bud1",
        "metadata.csv": b"path,color\ni18-one.png,black\n",
    }
    for name, data in contents.items():
        (made / name).write_bytes(data)
    shutil.copy(made / "f08-a.png", made / "f08-b.png")
    (base / "outside.jpg").write_bytes(jpeg)
    (made / "f02-out.jpg").symlink_to(base / "outside.jpg")
    (made / "f11-zero.jpg").symlink_to("/dev/zero")
    (made / "sub").mkdir()
    (made / "sub" / "loop").symlink_to(made)
    os.mkfifo(made / "f04-pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(made)  # the path of a socket may be no longer than 107 bytes
        try:
            server.bind("f04-socket.jpg")
        finally:
            os.chdir(here)
    try:
        (made / os.fsdecode(NOT_UTF8)).write_bytes(encode(noise().rotate(90), "PNG"))
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    return made


def _gradient() -> npt.NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 65_536, (64, 96), dtype=np.uint16)


def _zipped() -> bytes:
    return zlib.compress(b"A" * (3 << 20))


def test_every_input_ends_in_one_place(run: Run, folder: Path, tmp_path: Path) -> None:
    done = run("index", tmp_path / "c.catalog", folder, "--model", "tiny", "--json")
    assert done.code == 3, done.err
    held = lookalike.open(tmp_path / "c.catalog")
    assert {failure.id: failure.code for failure in held.failures()} == BAD
    assert set(held.ids) == GOOD | {NOT_UTF8.decode("utf-8", "backslashreplace")}
    inputs = len(GOOD) + 1 + len(BAD)
    document = done.json
    assert document["added"] + document["failed"] == inputs == document["total"] + len(BAD)
    assert document["ignored"] == 2
    assert document["embedded"] == len(GOOD), "equal bytes are decoded once"
    lines = done.err.splitlines()
    assert len([line for line in lines if line.startswith("lookalike: skip ")]) == len(BAD)
    assert "Traceback" not in done.err
    again = run("index", tmp_path / "c.catalog", folder, "--json")
    assert again.code == 3
    assert (again.json["unchanged"], again.json["failed"], again.json["embedded"]) == (len(GOOD) + 1, len(BAD), 0)


@pytest.mark.usefixtures("coarse_print")
def test_every_face_shows_hostile_names_safely(run: Run, folder: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    run("index", catalog, *(folder / name for name in sorted(GOOD)), "--model", "tiny")
    name = HOSTILE
    shown = run("similar", catalog, name, "-k", 20)
    assert shown.code == 0
    assert len(shown.out.splitlines()) == len(GOOD), "one line an item, whatever its name"
    assert run("recommend", catalog, "--out", tmp_path / "r.csv").code == 0
    assert run("report", catalog, "--out", tmp_path / "report").code == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "f06 <b>" not in page
    assert run("similar", catalog, name, "--html", tmp_path / "s.html").code == 0
    assert "f06 <b>" not in (tmp_path / "s.html").read_text()


def test_allow_truncated_marks_what_it_keeps(run: Run, folder: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    run("index", catalog, folder, "--model", "tiny", "--allow-truncated")
    held = lookalike.open(catalog)
    assert {"i01-half.jpg", "i02-end.jpg"} <= set(held.ids)
    rows = held.store.read("items", ["id", "degraded"]).to_pylist()
    assert {row["id"] for row in rows if row["degraded"]} == {"i01-half.jpg", "i02-end.jpg"}


def test_f13_bad_lines_of_a_metadata_table_are_named(run: Run, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "bad.csv"
    table.write_bytes(
        b"\xef\xbb\xbfpath,color\ni18-one.png,red\ni19-line.png,blue,extra\nx\0.png,green\nnobody.png,gray\n"
    )
    only = folder / "i18-one.png", folder / "i19-line.png"
    done = run("index", tmp_path / "c.catalog", *only, "--metadata", table, "--model", "tiny", "--json")
    assert done.code == 0
    assert done.json["unmatched"] == 3
    assert "bad.csv, line 3" in done.err
    assert "bad.csv, line 4" in done.err
    found = lookalike.open(tmp_path / "c.catalog").similar("i19-line.png").results[0]
    assert found.metadata == {"color": "red"}
