"""A sheet of paper to draw a figure on: inches, y pointing down, the same as PNG and as SVG.

matplotlib does the drawing through its object interface only, so no global figure is touched. Text is never
parsed as formulas, and SVG files hold outlines instead of fonts, so that they look the same everywhere.
"""

from __future__ import annotations

import base64
import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageStat

from lookalike.records import Bytes
from lookalike.report.palette import LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ft2font import FT2Font

PRINT_DPI = 240
_SVG_DPI = 150
_FAMILY = "DejaVu Sans"
_OTHER_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Malgun Gothic",
    "Nirmala UI",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Emoji",
    "Arial Unicode MS",
)
# matplotlib's settings are global, so two reports at once take turns.
_SETTINGS = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """The settings that every figure is made and saved with; what was set before comes back afterwards."""
    from matplotlib import rc_context, rcdefaults

    settings: Any = {
        "font.family": _families(),
        "text.parse_math": False,
        "text.usetex": False,
        "svg.fonttype": "path",
        "svg.hashsalt": "lookalike",
        "image.composite_image": False,
        "path.simplify": True,
    }
    with _SETTINGS, rc_context(), warnings.catch_warnings():
        # A reader's own matplotlib settings are for that reader's figures.
        rcdefaults()
        # What no installed font has becomes a box; that is no reason to end a report.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing.*")
        with rc_context(settings):
            yield


@lru_cache(maxsize=1)
def _families() -> list[str]:
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [_FAMILY, *(name for name in _OTHER_SCRIPTS if name in installed)]


@lru_cache(maxsize=4)
def _fonts(weight: str) -> list[FT2Font]:
    from matplotlib import font_manager

    files = [
        font_manager.findfont(font_manager.FontProperties(family=[name], weight=weight), fallback_to_default=True)
        for name in _families()
    ]
    return [font_manager.get_font(file) for file in files]


@lru_cache(maxsize=20_000)
def _advance(char: str, weight: str) -> float | None:
    """The width of one character at size 1, None where no font has it."""
    for font in _fonts(weight):
        if font.get_char_index(ord(char)):
            font.set_size(64, 72)
            return font.load_char(ord(char)).linearHoriAdvance / 65536 / 64
    return None


def shown(words: str, weight: str = "normal") -> str:
    """`words` with a box for each character that no installed font has."""
    return "".join(c if _advance(c, weight) is not None else "\u25a1" for c in words)


def text_width(words: str, size: float, weight: str = "normal") -> float:
    """The width in inches of one line of `size` points."""
    return sum(_advance(c, weight) or 0.6 for c in words) * size / 72


def shorten(words: str, size: float, room: float, weight: str = "normal") -> str:
    """`words`, cut so that they are at most `room` inches wide at `size` points."""
    words = shown(words[:400], weight)
    if text_width(words, size, weight) <= room:
        return words
    while words and text_width(words + "…", size, weight) > room:
        words = words[:-1]
    return words.rstrip() + "…"


def wrap(words: str, size: float, room: float, lines: int = 2) -> list[str]:
    """`words` on at most `lines` lines, each at most `room` inches wide at `size` points."""
    left = shown(words[:400]).split(" ")
    found: list[str] = []
    while left and len(found) < lines - 1:
        taken = next((n for n in range(len(left), 0, -1) if text_width(" ".join(left[:n]), size) <= room), 0)
        if not taken:
            break
        found.append(" ".join(left[:taken]))
        left = left[taken:]
    return [*found, shorten(" ".join(left), size, room)] if left else found


class Sheet:
    """One figure of `width` x `height` inches. Coordinates are inches from the upper left corner."""

    def __init__(self, width: float, height: float, theme: Theme = LIGHT) -> None:
        from matplotlib.figure import Figure

        self.width, self.height, self.theme = width, height, theme
        self._layer = 2.0
        self.figure = Figure(figsize=(width, height), facecolor=theme.paper)
        axes = self.figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        self.axes: Axes = axes

    def plot(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes for a chart, with its upper left corner at (x, y), in the sheet's colors."""
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place, facecolor=self.theme.paper)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(self.theme.line)
        axes.tick_params(colors=self.theme.quiet, labelsize=9, length=0, pad=6)
        return axes

    def _above(self) -> float:
        """The next place in the order of drawing: what comes later lies above."""
        self._layer += 1e-3
        return self._layer

    def text(self, x: float, y: float, words: str, *, size: float = 9, room: float | None = None, **style: Any) -> None:
        """One line with its top at `y`, or as `va` and `ha` say; cut to `room` inches."""
        weight = style.get("weight", "normal")
        words = shown(words, weight) if room is None else shorten(words, size, room, weight)
        style = {"va": "top", "ha": "left", "color": self.theme.ink, "zorder": self._above(), **style}
        self.axes.text(x, y, words, fontsize=size, **style)

    def rect(self, x: float, y: float, width: float, height: float, *, radius: float = 0.0, **style: Any) -> None:
        """A box with round corners; filled with `facecolor`, lined with `edgecolor` of `linewidth` points."""
        from matplotlib.patches import FancyBboxPatch

        shape = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
        style = {
            "facecolor": "none",
            "edgecolor": "none",
            "linewidth": 0.8,
            "zorder": self._above(),
            **style,
        }
        self.axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, **style))

    def line(self, xs: list[float], ys: list[float], **style: Any) -> None:
        """A line through points."""
        from matplotlib.lines import Line2D

        style = {
            "color": self.theme.line,
            "linewidth": 1.0,
            "solid_capstyle": "round",
            "zorder": self._above(),
            **style,
        }
        self.axes.add_line(Line2D(xs, ys, **style))

    def arrow(self, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
        """An arrow from one point to another."""
        from matplotlib.patches import FancyArrowPatch

        style = {
            "color": self.theme.quiet,
            "linewidth": 1.1,
            "mutation_scale": 10,
            "zorder": self._above(),
            **style,
        }
        self.axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", shrinkA=0, shrinkB=0, **style))

    def image(self, pixels: Bytes, x: float, y: float, width: float, height: float) -> None:
        """A picture as large as fits into the box, centered, its shape kept."""
        from matplotlib.image import AxesImage

        lines, columns = pixels.shape[:2]
        scale = min(width / columns, height / lines)
        w, h = columns * scale, lines * scale
        left, top = x + (width - w) / 2, y + (height - h) / 2
        image = AxesImage(self.axes, extent=(left, left + w, top + h, top), interpolation="hanning", origin="upper")
        image.set_data(pixels)
        image.set_zorder(self._above())
        self.axes.add_image(image)

    def save(self, path: Path, title: str) -> list[Path]:
        """Write `path` with `.png` at 240 dpi and with `.svg`, and return both."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        png, svg = path.with_suffix(".png"), path.with_suffix(".svg")
        FigureCanvasAgg(self.figure)
        facts: dict[str, str | None] = {"Title": title, "Software": None}
        # The usual level 6 takes twice the time for a tenth of the size.
        fast = {"compress_level": 3}
        self.figure.savefig(png, dpi=PRINT_DPI, facecolor=self.theme.paper, metadata=facts, pil_kwargs=fast)
        buffer = io.BytesIO()
        facts = {"Title": title, "Date": None, "Creator": None}
        self.figure.savefig(buffer, format="svg", dpi=_SVG_DPI, facecolor=self.theme.paper, metadata=facts)
        svg.write_text(_lighter(buffer.getvalue().decode("utf-8")), encoding="utf-8")
        return [png, svg]

    def picture(self, dpi: int = 200) -> Image.Image:
        """The figure as an RGB picture."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas: Any = FigureCanvasAgg(self.figure)
        self.figure.set_dpi(dpi)
        pixels, (width, height) = canvas.print_to_buffer()
        return Image.frombytes("RGBA", (width, height), bytes(pixels)).convert("RGB")


def _lighter(svg: str) -> str:
    """`svg` with its photos as JPEG, a fifth of the size of PNG; pictures with transparency stay PNG. The comments,
    which repeat every text as it was given, go.
    """
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.S)
    return re.sub(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", _as_jpeg, svg)


def _as_jpeg(match: re.Match[str]) -> str:
    with Image.open(io.BytesIO(base64.b64decode(match[1])), formats=("PNG",)) as image:
        picture = image.convert("RGBA")
    buffer = io.BytesIO()
    # The edge of a photo is partly transparent where it ends between two pixels.
    if ImageStat.Stat(picture.getchannel("A")).mean[0] > 240:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        white.convert("RGB").save(buffer, "JPEG", quality=85, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    picture.quantize(64, method=Image.Quantize.FASTOCTREE).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
