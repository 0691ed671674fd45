"""Commands that learn from a catalog's own metadata: `tune`, `adapt`."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, progress_bars, table


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(tune)
    app.command()(adapt)


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


def adapt(
    catalog: opt.Catalog,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD|TABLE",
            help="Metadata columns, separated by commas, or a table with id and columns of labels.",
            show_default=False,
        ),
    ] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Go back to pictures alone.")] = False,
    k: opt.K = 3,
    seed: opt.Seed = 0,
    json: opt.Json = False,
) -> None:
    """Learn a linear map of the vectors from labels. From one half of the items; kept if it helps on the other."""
    from pathlib import Path

    import lookalike
    from lookalike.errors import UsageError

    if drop == (labels is not None):
        raise UsageError("give either --labels, to learn a map, or --drop, to go back to pictures alone")
    held = lookalike.open(catalog)
    if labels is None:
        dropped = held.drop_adapted()
        if json:
            as_json({"dropped": dropped})
        else:
            typer.echo("The map is dropped: pictures alone again." if dropped else "There is no map to drop.")
        return
    names = [name.strip() for name in labels.split(",") if name.strip()]
    is_table = Path(labels).is_file()
    with progress_bars() as progress:
        found = held.adapt(labels if is_table else names, k=k, seed=seed, progress=progress)
    if json:
        as_json(found.as_json())
        return
    told = found.found
    table(
        ["label", "gain", "low", "high"],
        [[name, *(round(v, 3) for v in (gain.value, gain.low, gain.high))] for name, gain in told.gains.items()],
    )
    gain = told.gain
    typer.echo(
        f"Agreement of the {found.k} nearest, {told.held:,} held-out items: without {told.plain:.3f}, with the map "
        f"{told.adapted:.3f}. Gain {gain.value:+.3f}, 95% interval {gain.low:+.3f} to {gain.high:+.3f}."
    )
    if found.kept:
        typer.echo("Kept: the default ranking uses it from now on. `adapt --drop` goes back.")
    else:
        typer.echo("Not kept: a gain is not shown. The catalog is as it was.")
