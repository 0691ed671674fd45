"""The command `lookalike`: its subcommands, and how every error becomes one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from lookalike import __version__
from lookalike.cli import ask, build, compare, compute, explore, keep, learn, model, start
from lookalike.cli.output import complain
from lookalike.errors import Interrupted, LookalikeError

app = typer.Typer(
    name="lookalike",
    help="Find products that look alike: similar items, clusters and a map from a folder of photos.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
for group in (start, build, ask, compare, compute, learn, explore, keep):
    group.register(app)
app.add_typer(model.app, name="models")


INTERRUPTED = Interrupted.exit_code


def _interrupted() -> NoReturn:
    complain("interrupted; what was committed is kept: run the same command again to go on")
    sys.exit(INTERRUPTED)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"lookalike {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Find products that look alike: similar items, clusters and a map from a folder of photos."""


def main() -> None:
    """Run the command line and end the process: 0 done, else as `lookalike.errors` lists."""
    try:
        app(standalone_mode=True)
    except LookalikeError as exc:
        complain(f"{exc.code}: {exc}")
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as exc:
        if exc.code == INTERRUPTED:  # Typer ends a command that Ctrl-C stopped, and says nothing
            _interrupted()
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left: nothing more to say
        sys.exit(0)
    except OSError as exc:
        complain(f"E_SYSTEM: {exc}")  # a full disk or a folder that may not be written: the message names the file
        sys.exit(1)
    except Exception as exc:
        if os.environ.get("LOOKALIKE_DEBUG"):
            raise
        complain(f"unexpected {type(exc).__name__}: {exc}; set LOOKALIKE_DEBUG=1 to see where")
        sys.exit(1)
