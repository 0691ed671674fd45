"""Where batches are worked on: threads of this machine, one batch after the other, or a Ray cluster."""

from __future__ import annotations

from lookalike.engines.base import Divisible, Engine, Overlapping
from lookalike.engines.local import InlineEngine, LocalEngine, cores
from lookalike.engines.ray_engine import RayEngine
from lookalike.options import ENGINES, check_choice

__all__ = ["Divisible", "Engine", "InlineEngine", "LocalEngine", "Overlapping", "RayEngine", "cores", "named"]


def named(name: str) -> Engine:
    """The engine of that name, one of `options.ENGINES`. Raises `UsageError` for another, or where it is not installed.

    >>> named("local").name
    'local'
    """
    check_choice("engine", name, ENGINES)
    return RayEngine() if name == "ray" else LocalEngine()
