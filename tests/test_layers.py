"""The house is layered: imports go one way, and nothing heavy is loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lookalike

ROOT = Path(lookalike.__file__).parent
LAYERS = [
    {"__main__"},
    {"cli"},
    {"web", "demo"},
    {"catalog"},
    {"pipeline", "report"},
    {"images", "models", "store", "engines"},
    {"analysis"},
    {"objects", "cache", "timeslice"},
    {"records"},
    {"options"},
    {"errors"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = {
    "numpy",
    "pyarrow",
    "lance",
    "onnx",
    "onnxruntime",
    "matplotlib",
    "h5py",
    "openTSNE",
    "sklearn",
    "scipy",
    "PIL",
    "typer",
    "fastapi",
    "uvicorn",
}


def imports_of(path: Path) -> set[str]:
    """The layers that a module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "lookalike" else [module]
        found |= {name.split(".")[1] for name in names if name.startswith("lookalike.")}
    return found & set(LEVEL)


MODULES = [path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert own in LEVEL, f"{own} has no place in the house: give it one in docs/how-it-works.md and here"
    for other in imports_of(path) - {own}:
        assert LEVEL[other] > LEVEL[own], f"{own} imports {other}, which is not below it"


def test_analysis_touches_no_file_and_no_store() -> None:
    for path in (ROOT / "analysis").rglob("*.py"):
        source = path.read_text()
        for word in ("import lance", "import pyarrow", "import ray", "import pathlib", "from pathlib", "open("):
            assert word not in source, f"{path.name} uses {word!r}"


def test_importing_lookalike_loads_nothing_heavy() -> None:
    code = f"import sys, lookalike; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_no_store_and_no_network() -> None:
    code = (
        "import sys; sys.argv = ['lookalike', '--help']\n"
        "from lookalike.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'lance', 'onnxruntime', 'matplotlib', 'openTSNE'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_files_can_be_read_in_one_sitting() -> None:
    long = {str(path.relative_to(ROOT)): n for path in MODULES if (n := len(path.read_text().splitlines())) > 450}
    assert not long
