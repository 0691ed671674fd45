"""Commands about models: `models list`, `models download`, `models export`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, progress_bars, table
from lookalike.errors import UsageError

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A model, as `lookalike models list` names it.", show_default=False)
]

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
        listed = [{**asdict(f), "identity": f.identity, "core_ms": dict(models.core_ms(f.name))} for f in found]
        as_json({"default": models.DEFAULT, "machine": models.MACHINE, "models": listed})
        return
    rows = [
        [
            f.name + (" *" if f.name == models.DEFAULT else ""),
            f.dimension,
            f.size,
            _speeds(models.core_ms(f.name)),
            f.license,
            f.summary,
        ]
        for f in found
    ]
    table(["model", "dimension", "input", "ms a photo", "license", "what it is"], rows)
    typer.echo(f"* the default. Milliseconds: {models.MACHINE}, without preparing the photo.")


def _speeds(core_ms: Mapping[str, float]) -> str:
    """Those of the device that `auto` means."""
    usual = {key.split()[0]: ms for key, ms in core_ms.items() if "openvino" not in key or key.startswith("bf16")}
    return ", ".join(f"{precision} {ms:.3g}" for precision, ms in usual.items())


@app.command()
def download(name: Name, json: opt.Json = False) -> None:
    """Fetch the weights of a model that are not in the install, into the cache folder.

    Goes on where it was cut off. A file is used only once its size and checksum are the published ones.
    """
    from lookalike import models

    with progress_bars() as progress:
        path = models.download(name, progress=lambda done, total: progress("download", done, total))
    if json:
        as_json({"model": name, "file": None if path is None else str(path)})
    elif path is None:
        typer.echo(f"{name} needs no download: its weights are in the install.")
    else:
        typer.echo(f"The weights of {name} are at {path}.")


@app.command()
def export(
    name: Name,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write; it ends with .onnx.", show_default=False)
    ],
    precision: Annotated[
        str | None, typer.Option(help="One that the model comes in.", show_default="the model's usual one")
    ] = None,
    weights: opt.Weights = None,
    model_option: opt.ModelOption = None,
    json: opt.Json = False,
) -> None:
    """Write a model as one ONNX file: (photos, side, side, 3) RGB bytes in, the same vectors out."""
    from lookalike import models

    if file.suffix != ".onnx":
        raise UsageError(f"cannot write {file.name!r}: give a file that ends with .onnx")
    known = models.resolve(name, precision=precision, weights=weights, settings=opt.settings(model_option))
    models.export(known, file)
    if json:
        as_json({"file": str(file), "identity": known.identity, "dimension": known.dimension, "size": known.size})
    else:
        typer.echo(f"{known.identity} in {file}")
