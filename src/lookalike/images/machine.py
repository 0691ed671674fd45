"""The loops of `_kernels` as machine code: Numba makes it once, llvmlite alone loads it from then on.

Importing Numba and having it read its own cache takes most of a second and 100 MB, in every process that decodes. What
it compiles is machine code, though, which llvmlite (what Numba itself is built on) loads in a twentieth of that. So the
code lies in the cache folder, under a name that holds the loops' source, llvmlite's version and the processor, and a
process that may write nothing can take it from there.
"""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.cache import cached, cached_already
from lookalike.images.processes import environment
from lookalike.records import Bytes

SUFFIX = "code"
_PREFIX = "lookalike_"
_INDEX, _ADDRESS = ctypes.c_int64, ctypes.c_void_p
_ARGUMENTS = {
    "turn": [_ADDRESS, _INDEX, _INDEX, _ADDRESS],
    "weigh_rows": [_ADDRESS, _INDEX, _ADDRESS, _ADDRESS, _ADDRESS, _INDEX, _ADDRESS, _ADDRESS, _INDEX],
    "unpack": [_ADDRESS, _INDEX, _ADDRESS],
    "look": [_ADDRESS, *[_INDEX] * 6, *[_ADDRESS] * 4],
}
_NOTHING = ctypes.CFUNCTYPE(None)(lambda: None)
_UNUSED = ("numba_gil_ensure", "numba_gil_release")
"""What Numba's code calls before it reports an error; these loops have none to report."""
_SECONDS = 120
"""After which a process that makes or tries the code is taken for hung."""

Packed = npt.NDArray[np.uint32]
"""Pixels, red in the lowest 8 bits, then green and blue."""
Table = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]]
"""For each output: the first input, how many, and their weights."""


class Loops:
    """The loops, ready to be called from any thread; `code` is what `made` gives."""

    def __init__(self, code: bytes) -> None:
        import llvmlite.binding as llvm

        if "numba" not in sys.modules:  # which names the real ones
            for name in _UNUSED:
                llvm.add_symbol(name, ctypes.cast(_NOTHING, _ADDRESS).value)
        # kept, since the code lives as long as they do
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(llvm))
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._turn, self._weigh, self._unpack, self._look = map(self._function, _ARGUMENTS)

    def turned(self, pixels: Packed) -> Packed:
        """The transpose of packed pixels (h, w)."""
        height, width = pixels.shape
        out = np.empty((width, height), np.uint32)
        self._turn(pixels.ctypes.data, height, width, out.ctypes.data)
        return out

    def weighed(self, pixels: Packed, table: Table) -> Packed:
        """Weighted sums of rows of packed pixels (n, m) as `table` says, (k, m)."""
        (first, counts, weights), width = table, pixels.shape[1]
        out, sums = np.empty((len(first), width), np.uint32), np.empty(3 * width, np.int32)
        self._weigh(
            pixels.ctypes.data, width, first.ctypes.data, counts.ctypes.data, weights.ctypes.data, weights.shape[1],
            sums.ctypes.data, out.ctypes.data, len(first),
        )  # fmt: skip
        return out

    def unpacked(self, pixels: Packed) -> Bytes:
        """Packed pixels (h, w) as (h, w, 3)."""
        out = np.empty((*pixels.shape, 3), np.uint8)
        self._unpack(pixels.ctypes.data, pixels.size, out.ctypes.data)
        return out

    def looked(
        self, pixels: Bytes, step: tuple[int, int], white: int, edge: int, bins: Bytes, count: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Bytes]:
        """Of RGB pixels (h, w, 3), C order, every `step`-th: how many are in each of `count` bins, how many of those
        whose darkest channel is below `white`, and of which it is below `edge`, (rows, columns) uint8 0 or 1.
        """
        (height, width), (down, right) = pixels.shape[:2], step
        every, own = np.zeros(count, np.int64), np.zeros(count, np.int64)
        covered = np.empty((-(-height // down), -(-width // right)), np.uint8)
        self._look(
            pixels.ctypes.data, height, width, down, right, white, edge, bins.ctypes.data, every.ctypes.data,
            own.ctypes.data, covered.ctypes.data,
        )  # fmt: skip
        return every, own, covered

    def _function(self, name: str) -> Any:
        address = self._engine.get_function_address(_PREFIX + name)
        if not address:
            raise RuntimeError(f"the compiled loops hold no {name}")
        return ctypes.CFUNCTYPE(None, *_ARGUMENTS[name])(address)


def kept() -> Loops | None:
    """The loops from the cache folder; None where they are not there, or llvmlite is not."""
    try:
        code = cached_already(_key(), suffix=SUFFIX)
        return None if code is None else Loops(code)
    except (ImportError, RuntimeError, OSError):
        return None


def loaded() -> Loops | None:
    """The loops from the cache folder, made now if they are not there; None without Numba."""
    try:
        return Loops(cached(_key(), made, suffix=SUFFIX))
    except (ImportError, RuntimeError, OSError):
        return None


def is_kept() -> bool:
    """Whether another process finds the loops in the cache folder."""
    try:
        return cached_already(_key(), suffix=SUFFIX) is not None
    except (ImportError, OSError):
        return False


def keep() -> bool:
    """Make the loops in a process of its own and try them in another; whether they are in the cache folder now.

    They are tried where Numba is not loaded, as in a process that decodes: code that lacks something ends its process.
    """
    return all(_says_yes(f"machine.{name}() is not None") for name in ("loaded", "kept"))


def made() -> bytes:
    """The machine code of all loops, as an object file of this system for this processor."""
    import llvmlite.binding as llvm
    from numba import cfunc

    from lookalike.images._kernels import KERNELS

    whole = llvm.parse_assembly("")
    for name, (function, signature) in KERNELS.items():
        compiled = cfunc(signature, nopython=True, boundscheck=False)(function)
        module = llvm.parse_assembly(compiled.inspect_llvm())
        module.get_function(compiled.native_name).name = _PREFIX + name
        whole.link_in(module)
    whole.verify()
    return bytes(_machine(llvm).emit_object(whole))


def _key() -> str:
    """What the code depends on."""
    import llvmlite
    import llvmlite.binding as llvm

    told = [
        Path(__file__).with_name("_kernels.py").read_text(encoding="utf-8"),
        llvmlite.__version__,
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    ]
    return f"loops-{hashlib.sha256(repr(told).encode()).hexdigest()[:20]}"


def _machine(llvm: Any) -> Any:
    """This processor, as LLVM writes code for it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True
    )


def _says_yes(expression: str) -> bool:
    """Whether an expression about this module holds in a new process."""
    null = subprocess.DEVNULL
    code = f"from lookalike.images import machine; raise SystemExit(not ({expression}))"
    try:
        done = subprocess.run(  # noqa: S603  our own module
            [sys.executable, "-P", "-c", code],
            env=environment(),
            timeout=_SECONDS,
            check=False,
            stdin=null,
            stdout=null,
            stderr=null,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
