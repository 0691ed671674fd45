"""Pieces of pages. Every word that comes from outside goes through `words` here, and nothing else is trusted."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import lru_cache
from html import escape
from importlib.resources import files
from string import Template

from PIL import Image

from lookalike.records import Value
from lookalike.report.photos import uri
from lookalike.report.text import plain


def words(value: Value, limit: int | None = None) -> str:
    """`value` as HTML text or inside a quoted attribute, on one line."""
    return escape(plain(value, limit), quote=True)


def name(value: str, limit: int = 200) -> str:
    """A name from outside: it keeps its own writing direction and cannot turn that of its surroundings."""
    return f"<bdi>{words(value, limit)}</bdi>"


@lru_cache(maxsize=4)
def _template(file: str) -> Template:
    return Template((files("lookalike.report") / "templates" / file).read_text(encoding="utf-8"))


def page(title: str, body: str, *, aspect: float = 1.0) -> str:
    """A whole document. It may show its own pictures and its own style sheet and nothing else: the policy
    forbids scripts, forms, frames and every request. `aspect` is width over height of a photo's frame.
    """
    style = _template("style.css").substitute(aspect=f"{aspect:.3f}")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _template("page.html").substitute(title=words(title, 200), policy=policy, style=style, body=body)


def image(source: tuple[str, int, int], alt: str, *, kind: str = "") -> str:
    """A picture from (data URI, width, height)."""
    data, width, height = source
    marked = f' class="{kind}"' if kind else ""
    return f'<img{marked} src="{data}" width="{width}" height="{height}" alt="{words(alt, 160)}">'


def photo(source: tuple[str, int, int], alt: str, *, query: bool = False) -> str:
    """A product photo in its frame."""
    return f'<div class="photo{" query" if query else ""}">{image(source, alt)}</div>'


def themed(light: Image.Image, dark: Image.Image, small: Image.Image, small_dark: Image.Image, alt: str) -> str:
    """One chart for light and dark paper, wide and narrow screens."""
    sources = [("(max-width: 640px) and (prefers-color-scheme: dark)", small_dark), ("(max-width: 640px)", small),
               ("(prefers-color-scheme: dark)", dark)]  # fmt: skip
    tags = "".join(
        f'<source media="{media}" srcset="{uri(picture, 88)}" width="{picture.width}" height="{picture.height}">'
        for media, picture in sources
    )
    return f"<picture>{tags}{image((uri(light, 88), light.width, light.height), alt)}</picture>"


def bar(share: float, tick: float | None = None) -> str:
    """A bar for a share, with a tick for what chance would give."""
    filled = f'<rect class="fill" width="{100 * min(1.0, max(0.0, share)):.1f}" height="10" rx="2"/>'
    mark = f'<rect class="tick" x="{100 * tick - 0.5:.1f}" width="1" height="10"/>' if tick is not None else ""
    back = '<rect class="track" width="100" height="10" rx="2"/>'
    size = 'viewBox="0 0 100 10" preserveAspectRatio="none"'
    return f'<svg class="bar" {size} aria-hidden="true">{back}{filled}{mark}</svg>'


def wide_or_narrow(wide: Image.Image, narrow: Image.Image, alt: str) -> str:
    """One picture for wide screens and paper, another for phones."""
    size = f'width="{narrow.width}" height="{narrow.height}"'
    source = f'<source media="screen and (max-width: 640px)" srcset="{uri(narrow)}" {size}>'
    return f"<picture>{source}{image((uri(wide, 78), wide.width, wide.height), alt)}</picture>"


def slabs(stages: list[tuple[int, int, bool]]) -> str:
    """A network as slabs from (side, channels, used): height for the side, width for the channels."""
    left, parts = 0.0, []
    for side, channels, used in stages or [(112, 64, False), (56, 128, False), (28, 256, False), (7, 512, True)]:
        wide, tall = 4 + 2.6 * math.log2(channels / 8), 8 + 72 * math.sqrt(side / 224)
        kind = "fill used" if used else "fill"
        place = f'x="{left:.1f}" y="{40 - tall / 2:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
        parts.append(f'<rect class="{kind}" {place} rx="2"/>')
        left += wide + 7
    return f'<svg viewBox="0 0 {left - 7:.1f} 80" aria-hidden="true">{"".join(parts)}</svg>'


def cells() -> str:
    """A vector as a row of cells."""
    shades = [0.25 + 0.068 * (place * 7 % 12) for place in range(12)]
    parts = "".join(
        f'<rect class="fill" x="{place * 12}" y="28" width="10" height="24" rx="2" opacity="{shade:.2f}"/>'
        for place, shade in enumerate(shades)
    )
    return f'<svg viewBox="0 0 142 80" aria-hidden="true">{parts}</svg>'


def print_files(stems: list[str], kinds: list[str]) -> str:
    """Links to the files of a figure that lie beside the page, each named by its kind where there are several."""
    links = [
        (f"{kind}: " if len(stems) > 1 else "") + f'<a href="{stem}.png">PNG</a>, <a href="{stem}.svg">SVG</a>'
        for stem, kind in zip(stems, kinds, strict=True)
    ]
    return f'<span class="small">For print: {"; ".join(links)}</span>'
