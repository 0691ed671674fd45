"""Makes the catalog of this release for `tests/fixtures`: `python -m tests.fixtures_release`.

Run it once before a release and keep what it made: every later release must open it (`tests/store/test_fixtures.py`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lookalike
from tests.conftest import COLORS, draw

FIXTURES = Path(__file__).parent / "fixtures"


def answers(folder: Path) -> dict[str, object]:
    """What a release must be told of a catalog by any later one."""
    catalog = lookalike.open(folder)
    found = {item: [hit.id for hit in catalog.similar(item, 3, ranking="euclidean").results] for item in catalog.ids}
    failures = [[failure.id, failure.code] for failure in catalog.failures()]
    versions = sorted(int(path.stem) for path in (folder / "versions").glob("*.json"))
    return {"similar": found, "failures": failures, "versions": versions, "k": catalog.info()["clusters"]["k"]}


def main() -> None:
    """Draw, index, remove, cluster and map."""
    FIXTURES.mkdir(exist_ok=True)
    target = FIXTURES / lookalike.__version__
    # A catalog keeps where its photos came from: this says nothing of the machine.
    with tempfile.TemporaryDirectory() as made, _emptied(Path("/tmp/lookalike-photos")) as aside:
        folder, photos = Path(made) / "c.catalog", aside / "photos"
        for number in range(8):
            draw(photos / f"{number}.png", list(COLORS.values())[number % 4], seed=number)
        (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        (aside / "metadata.jsonl").write_text(
            "\n".join(json.dumps({"path": f"photos/{n}.png", "color": list(COLORS)[n % 4]}) for n in range(8))
        )
        catalog = lookalike.create(folder, model="tiny")
        catalog.index(photos, metadata=aside / "metadata.jsonl")
        catalog.remove(["7.png"])
        catalog.cluster(3, max_k=5)
        catalog.map()
        (folder / "lock").unlink()
        told = json.dumps(answers(folder), indent=1)
        shutil.make_archive(str(target), "zip", folder)
    Path(f"{target}.json").write_text(told + "\n")


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
