"""The explorer as one HTML file: page, pictures, map, clusters and look-alikes; opens from disk, asks nobody."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.catalog import Catalog, Explorer
from lookalike.errors import LookalikeError, UsageError
from lookalike.records import Progress
from lookalike.web.files import read_static

BUDGET = 36_000_000
"""Bytes of the file that pictures and look-alikes of 10,000 items may take; larger catalogs take more."""
SIDES = (176, 144, 112, 96, 80, 64)
"""Sides of a picture, in pixels: the largest within the budget is taken."""
QUALITY = 76
MOST_GROUPS = 40
"""The largest number of clusters that the file can show besides the catalog's own."""
_IMPORT = re.compile(r'^import (\* as (?P<all>\w+)|(?P<names>\{[^}]*\})) from "\./(?P<home>\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async function|function|class|const) ([\w$]+))", re.MULTILINE)
_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)


def write_page(catalog: Catalog, out: Path, *, progress: Progress | None = None) -> Path:
    """Write the explorer of `catalog` to `out`, a `.html` file: beside it first, then renamed.

    It holds the 30 most alike of every item by the default ranking, so it needs no server; search by photo does.
    Clusters or a map that are missing or old are shown as such.
    """
    if out.suffix != ".html":
        raise UsageError(f"cannot write {out.name!r}: give a file that ends with .html")
    explorer = Explorer(catalog)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("w", encoding="utf-8") as file:
            file.writelines(_document(explorer, progress))
        aside.replace(out)
    except OSError as exc:
        raise LookalikeError(f"{str(out)!r} cannot be written: {exc.strerror or exc}", code="E_WRITE") from exc
    finally:
        aside.unlink(missing_ok=True)
    return out


def _document(explorer: Explorer, progress: Progress | None) -> Iterator[str]:
    """The parts of the file."""
    style, script = read_static("style.css").decode(), bundle("app")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    icon = base64.b64encode(read_static("icon.svg")).decode()
    page = read_static("index.html").decode()
    first = '<meta charset="utf-8">'
    changes = {
        first: f'{first}\n<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<link rel="icon" href="static/icon.svg">': f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">',
        '<link rel="stylesheet" href="static/style.css">': f"<style>{style}</style>",
        '<script type="module" src="static/app.js"></script>\n': "",
        "</body>\n</html>\n": "",
    }
    for old, new in changes.items():
        if old not in page:
            raise LookalikeError(f"index.html has no {old!r}", code="E_FAILED")
        page = page.replace(old, new)
    yield page
    yield f'<script type="application/json" id="data">{_safe(_held(explorer))}</script>\n'
    side = _side(explorer)
    for number in range(explorer.sheets):
        yield f'<script type="text/plain" id="sheet-{number}">{_text(_sheet(explorer, number, side))}</script>\n'
        if progress is not None:
            progress("export", number + 1, explorer.sheets)
    yield f'<script type="module">{script}</script>\n</body>\n</html>\n'


def _held(explorer: Explorer) -> dict[str, Any]:
    graph = explorer.graph
    info = {name: value for name, value in explorer.info.items() if name != "identity"}
    swept = min(MOST_GROUPS, explorer.clusters["swept"])
    return {
        "info": {**info, "sheets": explorer.sheets, "room": explorer.room, "controls": ["k", "where", "same"]},
        "clusters": {**explorer.clusters, "swept": swept},
        "sweep": [_grouped(explorer, k) for k in range(1, swept + 1)],
        "points": _text(explorer.points),
        "columns": explorer.columns,
        "neighbors": {
            "width": graph.ids.shape[1],
            "rows": _array(graph.ids, "<u4"),
            "distances": _array(graph.distances, "<f4"),
        },
        "scale": explorer.scale,
        "kind": "image/webp",
    }


def _grouped(explorer: Explorer, k: int) -> dict[str, Any]:
    told, labels = explorer.grouped(k)
    told = {name: told[name] for name in ("k", "sizes", "representatives", "chosen")}
    return {"told": told, "labels": _text(np.where(labels < 0, 255, labels).astype(np.uint8).tobytes())}


def _side(explorer: Explorer) -> int:
    """The largest side of a picture for which all are estimated to stay within the budget."""
    items = max(len(explorer.ids), 1)
    room = BUDGET * max(1.0, items / 10_000) - items * 480
    for side in SIDES:
        some = sorted({0, explorer.sheets // 2}) if explorer.sheets else []
        mean = sum(len(_sheet(explorer, number, side)) for number in some) / max(len(some), 1)
        if mean * 1.08 * explorer.sheets * 4 / 3 <= room:
            return side
    return SIDES[-1]


def _sheet(explorer: Explorer, number: int, side: int) -> bytes:
    return explorer.draw_sheet(number, side, "WEBP", QUALITY)


def bundle(entry: str) -> str:
    """One module of `entry` and all that it imports: each becomes a function that returns what it exports."""
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        source = read_static(f"{name}.js").decode()
        for found in _IMPORT.finditer(source):
            visit(found["home"])
        exported = [found[2] for found in _EXPORT.finditer(source)]
        exported += [word.strip() for found in _LIST.finditer(source) for word in found[1].split(",")]
        body = _IMPORT.sub(lambda found: f"const {found['all'] or found['names']} = in_{found['home']};\n", source)
        body = _LIST.sub("", _EXPORT.sub("", body))
        if re.search(r"^(import|export)\b", body, re.MULTILINE):
            raise LookalikeError(f"{name}.js has an import or export of a form that is not known here", code="E_FAILED")
        done[name] = f"const in_{name} = (() => {{\n{body}return {{ {', '.join(exported)} }};\n}})();\n"

    visit(entry)
    return "".join(done.values()).replace("</", "<\\/")


def _safe(document: Any) -> str:
    """JSON that no parser of HTML takes for the end of its element."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _array(values: npt.NDArray[Any], kind: str) -> str:
    return _text(np.where(values < 0, 0xFFFFFFFF, values).astype(kind).tobytes())


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
