"""The command that opens a catalog in a browser: `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json
from lookalike.errors import UsageError

SHORTEST_TOKEN = 16
"""Characters of a token at least."""


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
    against: Annotated[
        Path | None,
        typer.Option(help="Another catalog of the same items, for a blind comparison.", show_default=False),
    ] = None,
    allow_writes: Annotated[
        bool, typer.Option("--allow-writes", help="Items may be added and removed by API, and votes are kept.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            help="Who writes must send it (`Authorization: Bearer TOKEN`). Better given in LOOKALIKE_TOKEN: other "
            "users of a machine see a command's options.",
            envvar="LOOKALIKE_TOKEN",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="A line a request on stderr, without addresses, ids and queries.")
    ] = False,
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """The explorer in the browser, and a REST API. Map, look-alikes, clusters, search by photo. Ctrl-C ends it."""
    import lookalike
    from lookalike.web import serve as run

    held = lookalike.open(catalog, version=version)
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise UsageError(f"the token has {len(token)} characters: give {SHORTEST_TOKEN} or more that nobody guesses")

    def ready(address: str) -> None:
        if json:
            as_json({"url": address, "items": len(held)})
        else:
            typer.echo(f"{len(held):,} items at {address} (API: {address}docs). Ctrl-C ends.")
        _flush()

    other = None if against is None else lookalike.open(against)
    run(
        held,
        host=host,
        port=port,
        hosts=allow_host or (),
        against=other,
        writable=allow_writes,
        token=token,
        access_log=access_log,
        ready=ready,
    )


def _flush() -> None:
    import sys

    sys.stdout.flush()
