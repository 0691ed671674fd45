"""The command line: one face of the catalog, with no logic of its own."""

from lookalike.cli.app import app, main

__all__ = ["app", "main"]
