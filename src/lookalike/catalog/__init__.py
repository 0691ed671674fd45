"""What the command line, the web and Python users hold in their hands."""

from lookalike.catalog.catalog import Catalog, build, create, open_catalog
from lookalike.catalog.explore import Explorer, plain

__all__ = ["Catalog", "Explorer", "build", "create", "open_catalog", "plain"]
