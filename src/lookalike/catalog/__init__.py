"""What the command line, the web and Python users hold in their hands."""

from lookalike.catalog.against import Against
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.explore import Explorer, plain
from lookalike.catalog.live import Live
from lookalike.catalog.making import build, create, open_catalog
from lookalike.catalog.votes import Votes

__all__ = ["Against", "Catalog", "Explorer", "Live", "Votes", "build", "create", "open_catalog", "plain"]
