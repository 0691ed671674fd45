"""Commands that learn from a catalog's own metadata: `tune`."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, progress_bars, table


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(tune)


def tune(
    catalog: opt.Catalog,
    target: Annotated[
        str,
        typer.Option(
            metavar="FIELD", help="The metadata column on which look-alikes should agree.", show_default=False
        ),
    ],
    fields: Annotated[
        str | None,
        typer.Option(
            help="Metadata columns that may have a say, separated by commas.",
            show_default="all others that several items share values of",
        ),
    ] = None,
    k: opt.K = 3,
    ranking: opt.Ranking = "default",
    color: opt.Color = None,
    seed: opt.Seed = 0,
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """Learn weights for --prefer. From one half of the items; the gain is measured on the other."""
    import lookalike

    held = lookalike.open(catalog, version=version)
    names = None if fields is None else [name.strip() for name in fields.split(",") if name.strip()]
    with progress_bars() as progress:
        found = held.tune(target, fields=names, k=k, ranking=ranking, color=color, seed=seed, progress=progress)
    if json:
        as_json(found.as_json())
        return
    rows = []
    for name, weight in found.learned.items():
        gain = found.gains.get(name)
        told = [None] * 3 if gain is None else [round(value, 3) + 0.0 for value in (gain.value, gain.low, gain.high)]
        rows.append([name, weight, *told, found.weights.get(name, 0.0)])
    table(["field", "learned", "gain", "low", "high", "weight"], rows)
    gain = found.gain
    interval = f"{gain.value:+.3f}, 95% interval {gain.low:+.3f} to {gain.high:+.3f}"
    typer.echo(
        f"Agreement of the {found.k} nearest on {found.target}, {found.held_out:,} held-out items: "
        f"pictures alone {found.pictures:.3f}, with these weights {found.tuned:.3f}."
    )
    if found.weights:
        options = " ".join(f"--prefer {shlex.quote(f'{name}={weight:g}')}" for name, weight in found.weights.items())
        typer.echo(f"Gain {interval}. Use: {options}")
    elif any(found.learned.values()):
        typer.echo(f"No weight is kept: no field's gain is shown. All that was learned gains {interval}.")
    else:
        typer.echo("No weight helps where they were learned, so none is kept: pictures alone do as well.")
