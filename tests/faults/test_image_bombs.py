"""The image lines that cost too much if nobody looks, I13 to I17, and the fuzz of I24."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from lookalike.errors import Rejected
from lookalike.images import load
from lookalike.options import Fit, ImageLimits
from tests.faults.recipes import (
    FIT,
    LIMITS,
    check_refusal,
    chunk,
    decoded,
    encode,
    noise,
    png_bomb,
    refusal,
    scan_bomb,
    smooth,
)

JPEG = encode(noise(), "JPEG")
PNG = encode(noise(), "PNG")


def peak_growth(code: str, outcome: str = "E_TOO_LARGE") -> float:
    """MiB that a snippet adds to the peak of a fresh process that has decoded one photo."""
    program = f"""
import io, resource, struct
from PIL import Image
from lookalike.errors import Rejected
from lookalike.images import load
from lookalike.options import Fit, ImageLimits
from tests.faults.recipes import encode, noise, png_bomb
load(encode(noise(), "PNG"), Fit(), ImageLimits())
{code}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load(data, Fit(), ImageLimits())
    print("decoded")
except Rejected as error:
    print(error.code)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    repository = Path(__file__).parents[2]
    answer = subprocess.run([sys.executable, "-c", program], cwd=repository, check=True, capture_output=True, text=True)
    code_line, growth = answer.stdout.split()
    assert code_line == outcome
    return float(growth)


def test_i13_bomb_header_costs_nothing() -> None:
    assert peak_growth("data = png_bomb(30000, 30000)") < 20
    assert "900.0 megapixels, allowed are 50" in refusal(png_bomb(30000, 30000)).detail
    assert refusal(png_bomb(12000, 12000)).code == "E_TOO_LARGE"


def test_i13_tags_that_share_their_bytes() -> None:
    # 60 tags of 8 MB each in a file of 8 MB: Pillow before 13 copies every one.
    program = """
tags = [(256, 3, 1, 10), (257, 3, 1, 10), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (278, 3, 1, 10)]
tags += [(279, 4, 1, 100)] + [(40000 + n, 7, 8_000_000, 100) for n in range(60)]
entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
data = b"II*\\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4 + 8_000_000)
"""
    assert peak_growth(program, "decoded") < 60


def test_i14_legal_giant() -> None:
    rows = zlib.compress(b"\0" * (9400 // 8 + 1) * 9400, 1)
    header = (9400).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    assert refusal(data).code == "E_TOO_LARGE"


def test_i14_every_format_is_measured_before_it_is_decoded() -> None:
    assert ImageLimits().pixels == 50_000_000
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        assert refusal(encode(smooth(), kind), ImageLimits(pixels=96 * 64 - 1)).code == "E_TOO_LARGE"
        assert decoded(encode(smooth(), kind), limits=ImageLimits(pixels=96 * 64)).width == 96


def test_i14_webp_canvas_is_not_allocated() -> None:
    data = bytearray(encode(smooth().convert("RGBA"), "WEBP", save_all=True, append_images=[noise().convert("RGBA")]))
    assert data[12:16] == b"VP8X"
    data[24:30] = (16382).to_bytes(3, "little") * 2
    assert peak_growth(f"data = {bytes(data)!r}") < 20


def test_i15_text_bomb() -> None:
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"A" * (3 << 20)))
    assert refusal(PNG[:33] + text + PNG[33:]).code == "E_DECODE"


def test_i16_bad_checksum() -> None:
    data = bytearray(PNG)
    data[60] ^= 0xFF
    assert refusal(bytes(data)).code == "E_DECODE"


def test_i17_scan_bomb() -> None:
    data = scan_bomb(1000, 2000)
    start = time.perf_counter()
    assert refusal(data).code == "E_TIMEOUT"
    assert time.perf_counter() - start < 0.5


def test_i17_scans_up_to_the_limit_decode() -> None:
    plain = scan_bomb(64, 0)
    scans = plain.count(b"\xff\xda")
    assert decoded(scan_bomb(64, 100 - scans)).format == "JPEG"
    assert refusal(scan_bomb(64, 101 - scans)).code == "E_TIMEOUT"
    # The marker's two bytes in a comment are no scan.
    comment = b"\xff\xda" * 200
    assert decoded(encode(noise(), "JPEG", comment=comment)).format == "JPEG"


def test_i17_scan_bomb_inside_a_tiff() -> None:
    bomb = scan_bomb(64, 500)
    tiff = bytearray(encode(Image.new("RGB", (64, 64)), "TIFF", compression="jpeg"))
    assert refusal(bytes(tiff) + bomb).code == "E_TIMEOUT"


@pytest.mark.parametrize(
    "data",
    [
        JPEG[:2] + b"\xff\xfe\0\x02" * 100_000 + JPEG[2:],
        JPEG[:20] + b"\0" * 5_000_000 + JPEG[20:],
        JPEG[:2] + b"\xff" * 5_000_000 + JPEG[3:],
        PNG[:33] + chunk(b"teXt", b"") * 100_000 + PNG[33:],
        encode(noise(), "GIF")[:-1] + b"\x21\xfe\x01a\0" * 100_000 + b";",
        b"GIF89a\x08\0\x08\0\0\0\0" + b"\x21\xfe" + b"\x01a" * 2_000_000,
    ],
    ids=["segments", "stray bytes", "fill bytes", "chunks", "comments after", "comment before"],
)
def test_i17_parser_bombs_end_soon(data: bytes) -> None:
    start = time.thread_time()
    try:
        load(data, FIT, LIMITS)
        code = "ok"
    except Rejected as error:
        code = error.code
    assert time.thread_time() - start < 1.0
    assert code in ("ok", "E_TIMEOUT", "E_TRUNCATED")


def test_i17_time_limit() -> None:
    image = Image.effect_noise((1000, 1000), 90).convert("RGB")
    assert refusal(encode(image, "PNG", compress_level=1), ImageLimits(seconds=0.001)).code == "E_TIMEOUT"


def seeds() -> list[bytes]:
    image, small = noise().resize((24, 16)), noise().resize((16, 16))
    exif = Image.Exif()
    exif[0x112] = 6
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return [
        encode(image, "JPEG", exif=exif, icc_profile=srgb),
        encode(image, "JPEG", progressive=True, optimize=True),
        encode(image.convert("CMYK"), "JPEG"),
        encode(image, "PNG", icc_profile=srgb, exif=exif),
        encode(image.convert("P"), "PNG", transparency=bytes(range(256))),
        encode(Image.fromarray(np.asarray(image)[:, :, 0].astype(np.uint16) * 257), "PNG"),
        encode(image, "PNG", save_all=True, append_images=[small.resize(image.size)]),
        encode(image, "GIF", save_all=True, append_images=[small]),
        encode(image, "WEBP", exif=exif),
        encode(image.convert("RGBA"), "WEBP", lossless=True, save_all=True, append_images=[image.convert("RGBA")]),
        encode(image, "BMP"),
        encode(image.convert("P"), "BMP"),
        encode(image, "TIFF"),
        encode(image, "TIFF", compression="tiff_lzw", exif=exif),
        encode(image, "TIFF", compression="jpeg"),
        encode(image.convert("1"), "TIFF", compression="group4"),
        encode(image.convert("F"), "TIFF"),
        encode(image.convert("I"), "TIFF", save_all=True, append_images=[image.convert("I")]),
    ]


def mutated(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    kind = random.integers(4)
    count = int(random.integers(1, 65))
    if kind == 0:
        flipped = bytearray(data)
        for position in random.integers(len(data), size=count):
            flipped[position] ^= int(random.integers(1, 256))
        return bytes(flipped)
    start = int(random.integers(len(data)))
    if kind == 1:
        return data[:start] + data[start + count :]
    if kind == 2:
        return data[:start] + random.bytes(count) + data[start:]
    cut = int(random.integers(len(other)))
    return data[:start] + other[cut : cut + count] + data[start + count :]


def test_i24_fuzz_only_ever_rejects(capfd: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(24)
    pool = seeds()
    fit, limits = Fit(size=16), ImageLimits(pixels=1_000_000)
    allowed = ImageLimits(pixels=1_000_000, allow_truncated=True)
    codes: dict[str, int] = {}
    for step in range(2500):
        data = mutated(pool[step % len(pool)], pool[int(random.integers(len(pool)))], random)
        try:
            load(data, fit, allowed if step % 3 == 0 else limits, thumbnail_side=16)
            code = "ok"
        except Rejected as error:
            check_refusal(error)
            code = error.code
        codes[code] = codes.get(code, 0) + 1
    assert codes["ok"] > 100
    assert codes["E_DECODE"] > 100
    # libtiff would print its findings past Python.
    assert capfd.readouterr() == ("", "")


def test_i17_slow_decoder_in_python_is_stopped() -> None:
    body = b"\x01\x05" * 1_000_000
    sizes = struct.pack("<IHHI", 54 + 1024 + len(body), 0, 0, 54 + 1024)
    header = struct.pack("<IiiHHIIiiII", 40, 5000, 5000, 1, 8, 1, len(body), 0, 0, 256, 256)
    start = time.thread_time()
    assert refusal(b"BM" + sizes + header + bytes(1024) + body, ImageLimits(seconds=0.2)).code == "E_TIMEOUT"
    assert time.thread_time() - start < 0.5
