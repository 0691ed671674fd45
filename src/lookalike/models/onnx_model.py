"""A model that ONNX Runtime runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from lookalike.errors import ModelError
from lookalike.models.base import check_pixels
from lookalike.models.cpu import has_int8_instructions
from lookalike.models.pace import BATCHES, Pace
from lookalike.records import Bytes, Floats, ModelFacts

BATCH = BATCHES[0]
"""Photos that go through the network at once, until it is known what is fastest; the vectors do not change."""

CUDA_BATCH = 16
"""Photos of every run on a GPU, whose libraries choose how to compute by the shape; fewer are filled up with black."""
_EXACT = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
"""For CUDA: products in full float32, and no choice of an algorithm by a timing."""


class OnnxModel:
    """Runs a graph with input `pixels` (b, size, size, 3) uint8 and output `vectors` (b, dimension) float32.

    Every call runs on `threads` threads of its own, so that several callers share one instance, each on its
    core. Larger inputs are cut into runs of `batch`, which keeps memory flat; None: of the size that was fastest on the
    first photos. On a GPU every run has the same shape, so that a vector cannot depend on how many came with it.
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
        self._filled = facts.device == "cuda"
        self.batch = (batch or CUDA_BATCH) if self._filled else batch
        self.pace = Pace()
        # what one thread computes is measured well beside other programs, what several do only by the clock
        self._clock = time.thread_time if threads == 1 else time.perf_counter
        self._again = again
        self._session = _session(graph, facts, threads)
        self._probe()

    @property
    def facts(self) -> ModelFacts:
        """What the vectors depend on."""
        return self._facts

    def embed(self, pixels: Bytes) -> Floats:
        """One vector a photo; see `Model.embed`."""
        check_pixels(pixels, self._facts.size)
        vectors = np.empty((len(pixels), self._facts.dimension), np.float32)
        batch = self.batch or self.pace.batch(len(pixels))
        started = self._clock()
        for start in range(0, len(pixels), batch):
            part = np.ascontiguousarray(pixels[start : start + batch])
            count = len(part)
            if self._filled and count < batch:
                part = np.concatenate([part, np.zeros((batch - count, *part.shape[1:]), np.uint8)])
            vectors[start : start + count] = self._run(part)[:count]
        if self.batch is None:
            self.pace.note(batch, len(pixels), self._clock() - started)
        return vectors

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._again

    def _run(self, pixels: Bytes) -> Floats:
        try:
            (vectors,) = self._session.run(["vectors"], {"pixels": pixels})
        except Exception as exc:  # ONNX Runtime's errors have no common base of their own
            raise ModelError(
                f"{self._facts.name} fails on {len(pixels)} photos of {self._facts.size} x {self._facts.size}: {exc}"
            ) from exc
        return cast("Floats", vectors)

    def _probe(self) -> None:
        """One run on black, so that a graph of another shape is refused now and not at the first photo."""
        size, wanted = self._facts.size, (self.batch if self._filled and self.batch else 1, self._facts.dimension)
        vectors = self._run(np.zeros((wanted[0], size, size, 3), np.uint8))
        if vectors.shape != wanted or vectors.dtype != np.float32:
            raise ModelError(
                f"{self._facts.name} gives {vectors.dtype} of shape {vectors.shape}, not float32 of shape {wanted}"
            )


def _session(graph: bytes, facts: ModelFacts, threads: int) -> Any:
    import onnxruntime

    name, providers = facts.name, ["CPUExecutionProvider"]
    if facts.device == "cuda":
        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise ModelError(
                f"{name} on the device cuda needs ONNX Runtime with CUDA: pip uninstall onnxruntime, then "
                "pip install 'lookalike[cuda]'; on this machine, give --device cpu for a new catalog",
                code="E_MODEL_DEVICE",
            )
        providers = ["CUDAExecutionProvider", *providers]
        onnxruntime.preload_dlls(directory="")  # NVIDIA's libraries, where pip puts them
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not has_int8_instructions():
        # the fast kernels for such CPUs may overflow; these cannot, so vectors are the same on every machine
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        session = onnxruntime.InferenceSession(
            graph, options, providers=providers, provider_options=[_EXACT if p[:4] == "CUDA" else {} for p in providers]
        )
    except Exception as exc:  # as above
        raise ModelError(f"ONNX Runtime refuses the graph of {name}: {exc}") from exc
    if facts.device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise ModelError(
            f"{name} on the device cuda finds no GPU that ONNX Runtime can use: look at the driver and its libraries, "
            "or give --device cpu for a new catalog",
            code="E_MODEL_DEVICE",
        )
    return session
