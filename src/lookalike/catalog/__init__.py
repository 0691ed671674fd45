"""What the command line, the web and Python users hold in their hands."""

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.explore import Explorer, plain
from lookalike.catalog.making import build, create, open_catalog

__all__ = ["Catalog", "Explorer", "build", "create", "open_catalog", "plain"]
