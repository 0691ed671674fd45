"""Commands about models: `models list`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, table

app = typer.Typer(help="The models that turn photos into vectors.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _models() -> None:
    """The models that turn photos into vectors."""


@app.command(name="list")
def list_models(json: opt.Json = False) -> None:
    """The models and their facts."""
    from lookalike import models

    found = [models.facts(name) for name in models.names()]
    if json:
        as_json({"default": models.DEFAULT, "models": [{**asdict(f), "identity": f.identity} for f in found]})
        return
    rows = [
        [f.name + (" *" if f.name == models.DEFAULT else ""), f.dimension, f.size, f.license, f.summary] for f in found
    ]
    table(["model", "dimension", "input", "license", "what it is"], rows)
    typer.echo("* the default")
