"""Commands that compute and show: `cluster`, `map`, `duplicates`, `report`, `export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.build import cluster_count
from lookalike.cli.output import as_json, complain, progress_bars, table
from lookalike.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (cluster, map, duplicates, report, export):
        app.command()(command)


def cluster(
    catalog: opt.Catalog,
    max_k: opt.MaxK = 200,
    k: opt.Clusters = "auto",
    seed: opt.Seed = 0,
    json: opt.Json = False,
) -> None:
    """Group the items by K-means. Every K up to --max-k, the elbow, and the clusters of the chosen K."""
    import lookalike

    held = lookalike.open(catalog)
    if max_k > len(held):
        complain(f"--max-k {max_k} is more than the {len(held)} items: the sweep ends at {len(held)}")
    with progress_bars() as progress:
        found = held.cluster(cluster_count(k), max_k=max_k, seed=seed, progress=progress)
    if k != "auto" and found.k < int(k):
        complain(f"only {found.k} of the {k} clusters hold an item: the others are left out")
    told = held.describe(found)
    if json:
        as_json({**found.as_json(held.ids), "descriptions": [[asdict(trait) for trait in own] for own in told]})
        return
    ids = held.ids
    apart = [
        ", ".join(f"{trait.column} {trait.value} ({trait.count}, {trait.lift:.1f}x)" for trait in own) for own in told
    ]
    parts = zip(found.sizes, found.representatives, apart, strict=True)
    rows = [[cluster, int(size), ids[row], words or None] for cluster, (size, row, words) in enumerate(parts)]
    table(["cluster", "items", "representative", "what sets it apart (items, times as common)"], rows)
    typer.echo(found.why())


def map(
    catalog: opt.Catalog,
    perplexity: opt.Perplexity = None,
    method: opt.MapMethod = "tsne",
    seed: opt.Seed = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave items where they are; place only new ones.")] = False,
    json: opt.Json = False,
) -> None:
    """Lay the items out on a map. t-SNE (or UMAP) in two dimensions: look-alikes lie side by side."""
    import lookalike

    held = lookalike.open(catalog)
    with progress_bars() as progress:
        found = held.map(perplexity=perplexity, method=method, seed=seed, keep=keep, progress=progress)
    if json:
        facts = {"kept": found.kept, "kl": found.kl, "placed": found.placed}
        as_json({"items": len(found.positions), **facts, "method": method, "perplexity": perplexity, "seed": seed})
    else:
        added = f" {found.placed:,} were placed without moving the others." if found.placed else ""
        typer.echo(f"{len(found.positions):,} items; {found.kept:.0%} of the 10 nearest stay near in the map.{added}")


def duplicates(
    catalog: opt.Catalog,
    threshold: Annotated[
        float, typer.Option(help="How alike the fine detail of two pictures must be, 0.5 to 1; lower finds more.")
    ] = 0.9,
    json: opt.Json = False,
) -> None:
    """Near-identical items, in groups. One photo resized, recompressed, cropped a little or mirrored."""
    import lookalike

    held = lookalike.open(catalog)
    with progress_bars() as progress:
        groups = held.duplicates(threshold=threshold, progress=progress)
    if json:
        as_json({"groups": groups})
        return
    if groups:
        table(["group", "items", "ids"], [[row, len(ids), ", ".join(ids)] for row, ids in enumerate(groups)])
    spare = sum(len(ids) - 1 for ids in groups)
    typer.echo(f"{len(groups):,} groups; {spare:,} of {len(held):,} items show a photo that another item shows.")


def report(
    catalog: opt.Catalog,
    out: Annotated[
        Path, typer.Option(help="Folder for the figures and report.html.", show_default=False, file_okay=False)
    ],
    where: opt.Where = None,
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """Figures and a page that opens offline. Figures 1 to 6 as PNG and SVG, and report.html in one file."""
    import lookalike

    held = lookalike.open(catalog, version=version)
    with progress_bars() as progress:
        page = held.report(out, where=where, progress=progress)
    if json:
        as_json({"report": str(page), "figures": sorted(str(path) for path in out.glob("figure-*.*"))})
    else:
        typer.echo(f"Open {page} in a browser.")


def export(
    catalog: opt.Catalog,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .parquet or .html file.", show_default=False, dir_okay=False)
    ],
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """Everything as one file, .parquet or .html. Embedding Atlas reads the first; the second is the explorer."""
    import lookalike

    held = lookalike.open(catalog, version=version)
    if file.suffix == ".html":
        from lookalike.web import write_page

        with progress_bars() as progress:
            write_page(held, file, progress=progress)
    elif file.suffix == ".parquet":
        held.export(file)
    else:
        raise UsageError(f"cannot write {file.name!r}: give a file that ends with .parquet or .html")
    if json:
        as_json({"file": str(file), "rows": len(held)})
    elif file.suffix == ".html":
        typer.echo(f"{len(held):,} items in {file}: open it in a browser. It needs no server; search by photo does.")
    else:
        typer.echo(f"{len(held):,} rows in {file}")
