"""The n-th call fails: `python -m tests.faults.failing [--until 5] [--every 1] [--errors ENOSPC,EIO,EROFS]`.

A small catalog is made and changed, `--until` versions of it, once for each call that writes, syncs, renames or makes a
file: in that run this call fails (with ENOSPC and EROFS all later ones too, as on a full or read-only disk). The child
must end by itself, with an error of ours and no other; then the last acknowledged version must open with exactly its
rows, and the same work must run through once the disk is well. Needs a C compiler, for `failing.c`. Ends with 1 if not.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lookalike.errors import LookalikeError
from tests.faults import replay
from tests.faults.forks import forked

LASTING = ("ENOSPC", "EROFS", "EDQUOT")
SOURCE = Path(__file__).with_name("failing.c")


def build(folder: Path) -> Path:
    """The preloaded library."""
    library = folder / "failing.so"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("there is no C compiler: install one to make calls fail")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def sweep(folder: Path, until: int, every: int, errors: list[str]) -> tuple[int, list[str]]:
    """Let each call fail in turn; returns how many runs there were, and what went wrong."""
    shim = ctypes.CDLL(None)
    shim.arm.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]

    def run(n: int, name: str, target: Path) -> None:
        root = str(target).encode()
        shim.arm(n, getattr(errno, name, 0), name in LASTING, root)
        try:
            replay.drive(target, until)
        except LookalikeError as exc:
            print(f"{exc.code}: {exc}"[:120].replace("\n", " "))
            raise SystemExit(9) from None
        finally:
            if not n:
                print(f"calls {shim.counted()}")

    counted = forked(lambda: run(0, "", folder / "whole.catalog"))
    calls = int(counted.last.removeprefix("calls "))
    print(f"{calls} calls make {until} versions", flush=True)
    problems: list[str] = []
    runs = 0
    for name in errors:
        codes: dict[str, int] = {}
        for n in range(1, calls + 1, every):
            target = folder / "trial.catalog"
            shutil.rmtree(target, ignore_errors=True)
            done = forked(lambda n=n, name=name, target=target: run(n, name, target))  # type: ignore[misc]
            runs += 1
            lines = [line for line in done.lines if line.isdigit()]
            acknowledged = max([0, *map(int, lines)])
            ended = done.last.partition(":")[0] if done.status == 9 else str(done.status)
            codes[ended] = codes.get(ended, 0) + 1
            if done.status not in (0, 9):
                problems.append(f"{name}, call {n}: the child ended with {done.status}")
            problems += [f"{name}, call {n}: {one}" for one in _judged(target, acknowledged, until)]
        print(f"{name}: {codes}, {len(problems)} problems", flush=True)
    return runs, problems


def _judged(target: Path, acknowledged: int, until: int) -> list[str]:
    def look() -> None:
        if acknowledged:
            found = replay.wrong(target, acknowledged)[1]
            if found:
                print(found)
        replay.drive(target, until)
        found = replay.wrong(target, until)[1]
        if found:
            print(f"after the rerun: {found}")

    judged = forked(look)
    lines = [line for line in judged.lines if not line.isdigit()]
    return [*lines, *([f"the rerun ended with {judged.status}"] if judged.status else [])]


def main() -> int:
    """Do it, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--until", type=int, default=5)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--errors", default="ENOSPC,EIO,EROFS")
    options = parser.parse_args()
    if "LOOKALIKE_FAILING" not in os.environ:
        with tempfile.TemporaryDirectory() as aside:
            library = build(Path(aside))
            environment = {**os.environ, "LD_PRELOAD": str(library), "LOOKALIKE_FAILING": aside}
            again = [sys.executable, "-W", "ignore", "-m", "tests.faults.failing", *sys.argv[1:]]
            return subprocess.run(again, env=environment, check=False).returncode
    import lance  # noqa: F401  before the first fork, so that no child has to

    folder = Path(os.environ["LOOKALIKE_FAILING"]).resolve()
    runs, problems = sweep(folder, options.until, options.every, options.errors.split(","))
    for problem in problems[:20]:
        print(problem)
    print(f"{runs} runs, one failing call each: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
