"""A Ray cluster of this machine for tests: started once, where Ray is installed."""

from __future__ import annotations

import atexit
import importlib.util
import os
import warnings
from typing import Any

import pytest

from lookalike.engines import ray_engine


def needs_ray() -> Any:
    """Ray, connected to a small cluster of this machine; skips the test where it is not installed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'lookalike[ray]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, of its imports and of the processes that it leaves running
        ray: Any = importlib.import_module("ray")
        if not ray.is_initialized():
            ray_engine.connect(ray, num_cpus=2)
            atexit.register(ray.shutdown)
    return ray
