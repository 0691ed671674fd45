"""What the CPU can do."""

from __future__ import annotations

import platform
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
# x86: multiply and add bytes into 32 bits, in AVX-512 or AVX; Arm: the same by dot product
_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})


def has_int8_instructions() -> bool:
    """Whether products of bytes are summed by one instruction (VNNI, or Arm's dot product).

    Without them 8 bits are no faster than float32. False where it is not known (other than Linux and Apple silicon).
    """
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    try:
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    lines = (line.partition(":") for line in text.splitlines())
    flags = next((value for key, _, value in lines if key.strip() in ("flags", "Features")), "")
    return not _FLAGS.isdisjoint(flags.split())
