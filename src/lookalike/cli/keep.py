"""Commands that keep a catalog in order: `remove`, `check`, `gc`, `restore`."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, complain
from lookalike.errors import CatalogDamaged


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (remove, check, gc, restore):
        app.command()(command)


def remove(
    catalog: opt.Catalog,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of the items to remove.", show_default=False)],
    json: opt.Json = False,
) -> None:
    """Remove items. If one of the ids is no item, nothing is removed."""
    import lookalike

    held = lookalike.open(catalog)
    removed = held.remove(ids)
    if json:
        as_json({"removed": removed, "total": len(held)})
    else:
        typer.echo(f"{removed:,} removed; {len(held):,} items")


def check(catalog: opt.Catalog, json: opt.Json = False) -> None:
    """Read every byte and compare it. Exit code 4 if anything is wrong."""
    import lookalike

    found = lookalike.open(catalog).check()
    for problem in found.problems:
        complain(f"{CatalogDamaged.code}: {problem}")
    if json:
        as_json(found.as_json())
    else:
        wrong = f"{len(found.problems)} problems" if found.problems else "all as written"
        typer.echo(f"{found.files:,} files, {found.bytes:,} bytes: {wrong}")
    if found.problems:
        raise typer.Exit(CatalogDamaged.exit_code)


def gc(
    catalog: opt.Catalog,
    days: Annotated[float, typer.Option(help="Keep files younger than this.", min=0)] = 7,
    json: opt.Json = False,
) -> None:
    """Remove what interrupted runs left behind. Versions and their files are kept."""
    import lookalike

    removed = lookalike.open(catalog).collect_garbage(days * 24 * 3600)
    if json:
        as_json({"removed": removed})
    else:
        typer.echo(f"{removed:,} files removed")


def restore(
    catalog: opt.Catalog,
    version: Annotated[
        int, typer.Argument(metavar="VERSION", help="The version to go back to; `info` shows the newest.", min=1)
    ],
    json: opt.Json = False,
) -> None:
    """Make an older version the newest again. What came after it is kept, as versions of its own."""
    import lookalike

    held = lookalike.open(catalog)
    newest = held.restore(version)
    if json:
        as_json({"restored": version, "version": newest, "items": len(held)})
    else:
        typer.echo(f"version {newest} is version {version} again: {len(held):,} items")
