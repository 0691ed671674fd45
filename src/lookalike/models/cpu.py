"""What the CPU can do."""

from __future__ import annotations

import platform
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
# x86: multiply and add bytes into 32 bits, in AVX-512 or AVX; Arm: the same by dot product
_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})


_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def has_bf16_instructions() -> bool:
    """Whether the CPU multiplies in bfloat16 (AVX-512 BF16 or AMX). False where it is not known (other than Linux)."""
    return not _BF16_FLAGS.isdisjoint(_flags())


def has_int8_instructions() -> bool:
    """Whether products of bytes are summed by one instruction (VNNI, or Arm's dot product).

    Without them 8 bits are no faster than float32. False where it is not known (other than Linux and Apple silicon).
    """
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    return not _FLAGS.isdisjoint(_flags())


def _flags() -> list[str]:
    try:
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = (line.partition(":") for line in text.splitlines())
    return next((value for key, _, value in lines if key.strip() in ("flags", "Features")), "").split()
