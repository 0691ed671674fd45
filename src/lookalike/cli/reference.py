"""The command reference as Markdown, from the commands themselves: `python -m lookalike.cli.reference FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

HEAD = """# Command line

After this page you know every command and option. It is generated from the commands: `make docs`.

Every command takes `--json`: then stdout holds one JSON document and nothing else. Progress and messages go to stderr.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed (disk full, catalog not writable, ...) |
| 2 | wrong usage: the message says what is allowed |
| 3 | done, but some inputs failed: `lookalike info CATALOG --failures` lists them |
| 4 | the catalog is locked, damaged, or none |
| 5 | the model was refused, or is not the catalog's |
| 130 | interrupted: what was committed is kept, the same command goes on from there |
"""


def reference() -> str:
    """The whole page."""
    from lookalike.cli.app import app

    return "\n".join([HEAD, *_sections(typer.main.get_command(app), ("lookalike",))]).rstrip() + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name."""
    from lookalike.cli.app import app

    yield from _walk(typer.main.get_command(app), ("lookalike",))


def _walk(command: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(names), command
        return
    for name, child in children.items():
        yield from _walk(child, (*names, name))


def _sections(command: Any, names: tuple[str, ...]) -> Iterator[str]:
    for name, found in _walk(command, names):
        arguments = [p for p in found.params if p.param_type_name == "argument"]
        options = [p for p in found.params if p.param_type_name == "option" and p.name != "help"]
        usage = " ".join([name, *(_argument(p) for p in arguments), "[OPTIONS]"])
        yield f"## {name}\n\n    {usage}\n\n{_prose(found.help)}\n"
        if arguments:
            yield "\n".join(f"- `{_argument(p)}`: {p.help}{_default(p)}" for p in arguments) + "\n"
        rows = [f"| {_names(p)} | {p.help}{_default(p)} |" for p in options]
        yield "\n".join(["| option | meaning |", "| --- | --- |", *rows]) + "\n"


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return f"{name}..." if param.nargs == -1 and not name.endswith("...") else str(name)


def _names(param: Any) -> str:
    return ", ".join(f"`{name}`" for name in param.opts)


def _default(param: Any) -> str:
    shown = param.show_default
    if isinstance(shown, str):
        return f" Default: {shown}."
    if not shown or param.default is None or param.default is False or param.required:
        return ""
    return f" Default: `{param.default}`."


def _prose(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
