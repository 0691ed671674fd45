"""What a file is, told from its first bytes or, where it cannot be opened, from its name."""

from __future__ import annotations

import re
import struct

ACCEPTED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""The formats that are decoded; the names are Pillow's."""

HEAD = 1024
"""How many of a file's first bytes `sniff` and `foreign` look at."""

_IMAGE_NAME = re.compile(
    r"\.(jpe?g|jpe|jfif|pjpe?g|pjp|a?png|webp|gif|bmp|dib|tiff?"
    r"|svgz?|eps|hei[cf]|avif|jp2|j2k|jp[fx]|jxl|ico|tga|p[bgnp]m)\Z",
    re.IGNORECASE,
)
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_DIB_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x02\x00", "CUR"),
    (b"icns", "ICNS"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"gimp xcf", "XCF"),
    (b"AT&TFORM", "DjVu"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"BPG\xfb", "BPG"),
    (b"FLIF", "FLIF"),
    (b"\x1aE\xdf\xa3", "Matroska video"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "ZIP"),
)
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"hevc": "HEIC",
    b"heim": "HEIC",
    b"heis": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
    b"crx ": "Canon CR3",
}
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def has_image_name(name: str) -> bool:
    """Whether a file's name ends like an image's, in any case; formats that are then refused count too.

    >>> has_image_name("a.JPG"), has_image_name("logo.svg"), has_image_name("a.jpg.txt"), has_image_name(".png")
    (True, True, False, True)
    """
    return _IMAGE_NAME.search(name) is not None


def sniff(data: bytes) -> str | None:
    """The accepted format that these first bytes (16 are enough) begin, or None.

    >>> sniff(b"\\x89PNG\\r\\n\\x1a\\n"), sniff(b"<html>")
    ('PNG', None)
    """
    for signature, name in _MAGIC:
        if data.startswith(signature):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    # Two letters are not enough: text may begin with "BM" too.
    if data.startswith(b"BM") and len(data) >= 16 and data[15] == 0:
        (header,) = struct.unpack_from("<H", data, 14)
        if header in _DIB_HEADERS:
            return "BMP"
    return None


def foreign(data: bytes) -> str | None:
    """The name of a known format that is not accepted, or None for text, HTML and everything unknown."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "MP4 or QuickTime")
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if len(data) > 2 and data[:1] == b"P" and data[1:2] in b"1234567" and data[2:3] in b" \t\r\n#":
        return "PNM"
    return "SVG" if _is_svg(_text(data[:HEAD]).lstrip().lower()) else None


def _text(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    return head.decode("latin-1")


def _is_svg(text: str) -> bool:
    # An HTML page may hold an <svg>, so the text must begin as XML does and show it before any other element.
    if text.startswith("<svg"):
        return True
    return text.startswith(("<?xml", "<!doctype svg", "<!--")) and "<svg" in text and "<html" not in text
