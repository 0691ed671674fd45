"""The command that opens a catalog in a browser: `serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(serve)


def serve(
    catalog: opt.Catalog,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine's.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A name under which the server may be asked, behind a reverse proxy; may be repeated.",
            show_default=False,
        ),
    ] = None,
    json: opt.Json = False,
) -> None:
    """The explorer in the browser, and a REST API. Map, look-alikes, clusters, search by photo. Ctrl-C ends it."""
    import lookalike
    from lookalike.web import serve as run

    held = lookalike.open(catalog)

    def ready(address: str) -> None:
        if json:
            as_json({"url": address, "items": len(held)})
        else:
            typer.echo(f"{len(held):,} items at {address} (API: {address}docs). Ctrl-C ends.")
        _flush()

    run(held, host=host, port=port, hosts=allow_host or (), ready=ready)


def _flush() -> None:
    import sys

    sys.stdout.flush()
