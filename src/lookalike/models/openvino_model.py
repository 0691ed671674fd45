"""A model that OpenVINO runs on the CPU: the same graphs as ONNX Runtime's, with kernels of its own.

Its numbers differ a little from ONNX Runtime's, in 8 bits by up to a few percent of a value, so it is a device of its
own in a model's identity.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

import numpy as np

from lookalike.errors import ModelError
from lookalike.models.base import check_pixels
from lookalike.models.cpu import has_bf16_instructions
from lookalike.records import Bytes, Floats, ModelFacts

BATCH = 4
"""Photos that go through the network at once; the last run of fewer is filled up with black."""
_lock = threading.Lock()


class OpenVinoModel:
    """Runs a graph with input `pixels` (b, size, size, 3) uint8 and output `vectors` (b, dimension) float32.

    The shape of a run is fixed at `batch` (None: `BATCH`) photos, so a vector cannot depend on how many came with it.
    Several callers share one instance: there is a stream for every core (one stream of `threads` threads if that is
    more than 1), and a request for every caller.
    """

    def __init__(
        self,
        graph: bytes,
        facts: ModelFacts,
        *,
        threads: int,
        again: tuple[Callable[..., Any], tuple[Any, ...]],
        batch: int | None = None,
    ) -> None:
        self._facts = facts
        self._again = again
        self._batch = batch or BATCH
        self._compiled = _compile(graph, facts, self._batch, threads)
        self._own = threading.local()
        found = self._run(np.zeros((self._batch, facts.size, facts.size, 3), np.uint8))
        if found.shape != (self._batch, facts.dimension) or found.dtype != np.float32:
            raise ModelError(
                f"{facts.name} gives {found.dtype} of shape {found.shape}, "
                f"not float32 of shape ({self._batch}, {facts.dimension})"
            )

    @property
    def facts(self) -> ModelFacts:
        """What the vectors depend on."""
        return self._facts

    def embed(self, pixels: Bytes) -> Floats:
        """One vector a photo; see `Model.embed`."""
        check_pixels(pixels, self._facts.size)
        vectors = np.empty((len(pixels), self._facts.dimension), np.float32)
        for start in range(0, len(pixels), self._batch):
            part = np.ascontiguousarray(pixels[start : start + self._batch])
            count = len(part)
            if count < self._batch:
                part = np.concatenate([part, np.zeros((self._batch - count, *part.shape[1:]), np.uint8)])
            vectors[start : start + count] = self._run(part)[:count]
        return vectors

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._again

    def _run(self, pixels: Bytes) -> Any:
        """The output of one run, valid until this thread's next one."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        try:
            request.infer({0: pixels}, share_inputs=True)
        except Exception as exc:  # OpenVINO's errors have no common base of their own
            raise ModelError(f"{self._facts.name} fails on {len(pixels)} photos in OpenVINO: {exc}") from exc
        return request.get_output_tensor(0).data


def _silently_imported() -> Any:
    """The package `openvino`, which else would report to its makers over the network that it was imported."""
    telemetry = "openvino_telemetry"
    with _lock:
        hidden = telemetry not in sys.modules
        if hidden:
            sys.modules[telemetry] = cast("ModuleType", None)  # as if it were not installed
        try:
            import openvino
        finally:
            if hidden:
                sys.modules.pop(telemetry, None)
    return openvino


def _compile(graph: bytes, facts: ModelFacts, batch: int, threads: int) -> Any:
    if facts.precision == "bf16" and not has_bf16_instructions():
        raise ModelError(
            f"{facts.name} in bf16 needs a CPU with instructions for it (AVX-512 BF16 or AMX), this one has none: "
            "give --precision fp32 for a new catalog",
            code="E_MODEL_DEVICE",
        )
    try:
        openvino = _silently_imported()
    except ImportError as exc:
        raise ModelError(
            f"{facts.name} on the device openvino needs OpenVINO: pip install 'lookalike[openvino]'",
            code="E_MODEL_DEVICE",
        ) from exc
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = {
        # else it would take bf16 by itself wherever the CPU has it
        "INFERENCE_PRECISION_HINT": "bf16" if facts.precision == "bf16" else "f32",
        "NUM_STREAMS": cores if threads == 1 else 1,
        "INFERENCE_NUM_THREADS": cores if threads == 1 else threads,
        "ENABLE_CPU_PINNING": False,
    }
    try:
        core = openvino.Core()
        model = core.read_model(graph)
        model.reshape([batch, facts.size, facts.size, 3])
        return core.compile_model(model, "CPU", settings)
    except Exception as exc:  # as above
        raise ModelError(f"OpenVINO refuses the graph of {facts.name}: {exc}") from exc
