"""The command `compare`: two models on the same items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, progress_bars, table


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(compare)


def compare(
    catalog_a: Annotated[
        Path, typer.Argument(metavar="CATALOG_A", help="The first catalog, as CATALOG elsewhere.", show_default=False)
    ],
    catalog_b: Annotated[
        Path, typer.Argument(metavar="CATALOG_B", help="One of the same items, by id.", show_default=False)
    ],
    labels: Annotated[
        str | None, typer.Option(help="Metadata columns, separated by commas, to compare by.", show_default=False)
    ] = None,
    k: opt.K = 3,
    ranking: opt.Ranking = "default",
    color: opt.Color = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Also write a sheet of the queries that changed most, in one file.", show_default=False, dir_okay=False
        ),
    ] = None,
    json: opt.Json = False,
) -> None:
    """Two models on the same items. What their look-alikes share, and whose agree on labels."""
    import lookalike

    a, b = lookalike.open(catalog_a), lookalike.open(catalog_b)
    names = [name.strip() for name in (labels or "").split(",") if name.strip()]
    with progress_bars() as progress:
        found = a.compare(b, names, k, ranking=ranking, color=color, html=html, progress=progress)
    if json:
        as_json(found.as_json())
        return
    shares = {f"overlap of the {found.k} nearest": found.overlap}
    shares[f"rank-biased overlap of the {found.depth} nearest"] = found.rank_biased_overlap
    table(
        ["measure", "value", "low", "high"],
        [[name, round(e.value, 3), round(e.low, 3), round(e.high, 3)] for name, e in shares.items()],
    )
    if found.agreement:
        typer.echo("")
        rows = [[name, *(round(v, 3) for v in (d.a, d.b, d.low, d.high))] for name, d in found.agreement.items()]
        table(["label", "a", "b", "b-a low", "b-a high"], rows)
    typer.echo(
        f"{found.n:,} items in both, {found.only_a:,} in A alone, {found.only_b:,} in B alone; 95% intervals"
        + (", of the difference B less A for labels." if found.agreement else ".")
    )
    if html is not None:
        typer.echo(f"Open {html} in a browser.")
