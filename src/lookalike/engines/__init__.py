"""Where batches are worked on: threads of this machine, or one batch after the other."""

from lookalike.engines.base import Engine
from lookalike.engines.local import InlineEngine, LocalEngine, cores

__all__ = ["Engine", "InlineEngine", "LocalEngine", "cores"]
