"""The first command of a newcomer: `demo`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.build import everything
from lookalike.cli.output import as_json, progress_bars, skipped
from lookalike.options import ClusterOptions, IndexOptions


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(demo)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put it.")] = Path("demo"),
    items: Annotated[int, typer.Option("-n", "--items", help="How many shoes to draw.", min=1)] = 1_000,
    seed: opt.Seed = 0,
    json: opt.Json = False,
) -> None:
    """Draw shoes and do everything with them. Look-alikes, clusters, a map, a report."""
    from lookalike.catalog import build
    from lookalike.demo import write_catalog

    started = time.perf_counter()
    catalog, out = folder / "shoes.catalog", folder / "report"
    with progress_bars() as progress:
        metadata = write_catalog(
            folder / "shoes", items, seed, progress=lambda done, total: progress("draw", done, total)
        )
        photos = metadata.parent / "images"
        options = IndexOptions(metadata=metadata, prune=True, yes=True)
        held, done, _ = build(catalog, [photos], options, progress=progress)
        files = everything(held, out, ClusterOptions(), progress)
    skipped(done.failures)
    seconds = time.perf_counter() - started
    first = held.ids[0].removesuffix(".jpg")
    if json:
        as_json({"catalog": str(catalog), "items": len(held), **files, "seconds": round(seconds, 3)})
        return
    typer.echo(
        f"""
{len(held):,} shoes drawn, indexed, compared, clustered and mapped in {seconds:.0f} s.

Next:
  open {files["report"]}
  lookalike similar {catalog} {first}
  lookalike similar {catalog} {first} --where "color = 'Black'" --html similar.html
  lookalike index my.catalog YOUR_PHOTOS && lookalike report my.catalog --out my-report"""
    )
