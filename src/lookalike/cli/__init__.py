"""The command line: one face of the catalog, with no logic of its own."""

try:
    from lookalike.cli.app import app, main
except KeyboardInterrupt:
    raise SystemExit(130) from None  # Ctrl-C while modules are loaded: nothing was begun

__all__ = ["app", "main"]
