"""Mutated photos: `python -m tests.faults.fuzz [--inputs 200000 | --seconds 60] [--seed 0] [--keep DIR]`.

Seeds of every format are flipped, cut, spliced, doubled and given hostile numbers, and decoded by the workers that
`index` uses. Each must end as a photo or as a refusal with a code; none may end this process, take longer than 5 s or
make its memory grow. What ended a worker is counted and, with `--keep`, kept. Ends with 1 if anything of that fails.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from lookalike import images
from lookalike.errors import Rejected
from lookalike.options import Fit, ImageLimits
from tests.faults.recipes import encode, noise, smooth

SLOWEST = 5.0
GROWTH = 32 << 20
TOGETHER = 50
_NUMBERS = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff")


def seeds() -> list[bytes]:
    """Small photos in every accepted format, and most of the ways that each can be written."""
    plain, rough = smooth(48, 32), noise().resize((40, 30))
    turned = Image.Exif()
    turned[0x112] = 6
    found = [encode(plain, "JPEG"), encode(rough, "JPEG", progressive=True, exif=turned)]
    found += [encode(plain.convert("CMYK"), "JPEG"), encode(plain.convert("L"), "JPEG", icc_profile=b"\0" * 200)]
    found += [
        encode(plain, "PNG"),
        encode(rough.convert("P"), "PNG", transparency=0),
        encode(plain.convert("1"), "PNG"),
    ]
    found += [encode(plain.convert("RGBA"), "PNG"), encode(plain.convert("I;16"), "PNG")]
    found += [encode(plain, "WEBP"), encode(plain.convert("RGBA"), "WEBP", lossless=True)]
    found += [encode(plain, "WEBP", save_all=True, append_images=[rough.resize(plain.size)])]
    found += [
        encode(plain, "GIF"),
        encode(plain, "GIF", save_all=True, append_images=[rough.resize(plain.size).convert("P")]),
    ]
    found += [encode(plain, "BMP"), encode(plain.convert("P"), "BMP"), encode(plain.convert("1"), "BMP")]
    for compression in (None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        found.append(encode(plain, "TIFF", compression=compression))
    found += [encode(plain.convert("F"), "TIFF"), encode(plain.convert("I"), "TIFF")]
    found += [encode(plain.convert("1"), "TIFF", compression="group4")]
    return found


def mutated(known: list[bytes], rng: random.Random) -> bytes:
    """One of the seeds, changed in one to eight ways."""
    data = bytearray(rng.choice(known))
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        size = len(data)
        if not size:
            break
        place, length = rng.randrange(size), rng.randint(1, 64)
        match rng.randrange(7):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                data[place : place + length] = rng.randbytes(min(length, size - place))
            case 2:
                del data[place : place + length]
            case 3:
                data[place:place] = data[rng.randrange(size) :][:length]
            case 4:
                number = rng.choice(_NUMBERS)
                data[place : place + len(number)] = number
            case 5:
                data = data[:place]
            case _:
                other = rng.choice(known)
                data[place:] = other[rng.randrange(len(other)) :]
    return bytes(data)


def batches(known: list[bytes], rng: random.Random, inputs: int | None, seconds: float | None) -> Iterator[list[bytes]]:
    """Mutated photos until there were enough, or time is up."""
    end, done = time.monotonic() + (seconds or 0), 0
    while (inputs is not None and done < inputs) or (seconds is not None and time.monotonic() < end):
        count = TOGETHER if inputs is None else min(TOGETHER, inputs - done)
        yield [mutated(known, rng) for _ in range(count)]
        done += count


def resident() -> int:
    """Bytes of memory that this process holds."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


def main() -> int:
    """Do it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for what ended a worker or took too long")
    options = parser.parse_args()
    inputs = 200_000 if options.inputs is None and options.seconds is None else options.inputs
    fit, limits, known = Fit(size=32), ImageLimits(), seeds()
    codes, problems, total, slowest, start, held = Counter[str](), 0, 0, 0.0, time.monotonic(), 0
    for batch in batches(known, random.Random(options.seed), inputs, options.seconds):
        began = time.monotonic()
        with images.WORKERS.start(batch, fit, limits, thumbnail_side=32) as decoding:
            results = decoding.results()
        spent = time.monotonic() - began
        slowest, total = max(slowest, spent), total + len(batch)
        for data, result in zip(batch, results, strict=True):
            code = result.code if isinstance(result, Rejected) else "a photo"
            codes[code] += 1
            if code in ("E_CRASHED", "E_TIMEOUT", "E_MEMORY") and options.keep is not None:
                options.keep.mkdir(exist_ok=True)
                (options.keep / f"{code}-{images.content_hash(data)[:16]}").write_bytes(data)
        if len(results) != len(batch):
            problems += 1
        if total == 50 * TOGETHER:
            held = resident()
        if total % 20_000 < TOGETHER:
            print(f"  {total:,} in {time.monotonic() - start:.0f} s, {resident() >> 20} MiB", flush=True)
    grown = resident() - held if held else 0
    print(f"{total:,} inputs: {dict(codes.most_common())}")
    print(f"the slowest {TOGETHER} together took {slowest:.2f} s; memory grew by {grown / 2**20:.1f} MiB")
    problems += (slowest > SLOWEST * (1 + codes["E_TIMEOUT"])) + (grown > GROWTH)
    print(f"{problems} problems; {codes['E_CRASHED']} photos ended their worker")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
