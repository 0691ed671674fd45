"""What the command line, the web and Python users hold in their hands."""

from lookalike.catalog.catalog import Catalog, build, create, open_catalog

__all__ = ["Catalog", "build", "create", "open_catalog"]
