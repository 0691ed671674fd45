"""The store lines of the list of faults that need processes of their own: the scripts of this folder, a few of each."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import lookalike
from lookalike import models
from lookalike.errors import CatalogForeign, StoreError
from lookalike.store import Append, LanceStore, integrity, lance_store, manifest, schema
from lookalike.store.place import Place
from tests.faults import replay

ROOT = Path(__file__).parents[2]
FACTS = models.facts("tiny")


def script(name: str, *options: object) -> str:
    command = [sys.executable, "-W", "ignore", "-m", f"tests.faults.{name}", *map(str, options)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_s01_killed_at_random_moments() -> None:
    told = script("kills", "--light", 12, "--commands", 0)
    assert "12 kills asked for: 0 problems" in told


@pytest.mark.long
@pytest.mark.slow
def test_s01_whole_commands_killed_at_random_moments() -> None:
    assert "4 kills asked for: 0 problems" in script("kills", "--light", 0, "--commands", 4)


def test_s02_the_power_goes() -> None:
    assert "25 states: 0 problems" in script("powerloss", "--states", 25)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, to make system calls fail")
def test_s03_s04_the_nth_call_fails() -> None:
    assert ": 0 problems" in script("failing", "--until", 3, "--every", 26).splitlines()[-1]


def test_a_lost_write_is_noticed_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LanceStore.create(tmp_path / "c.catalog", replay.FACTS)
    real = integrity.data_files
    with store.writing():
        replay.step(store, 2)

        def cut(place: Place) -> set[str]:
            found = real(place)
            newest = max(
                (Path(place.uri(name)) for name in found if name.endswith(".lance")),
                key=lambda path: path.stat().st_mtime,
            )
            newest.write_bytes(newest.read_bytes()[:-100])
            return found

        monkeypatch.setattr(lance_store, "data_files", cut)
        with pytest.raises(StoreError, match="a write to it was lost"):
            replay.step(store, 3)
        monkeypatch.undo()
    assert replay.wrong(tmp_path / "c.catalog", 2) == (2, None)


def test_s03_a_catalog_whose_making_was_cut_short_is_made_by_the_same_command(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "deep" / "c.catalog"
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(lance_store, "write_manifest", full)
        with pytest.raises(lookalike.LookalikeError) as caught:
            lookalike.create(folder, model="tiny")
        assert (caught.value.code, caught.value.exit_code) == ("E_NO_SPACE", 1)
    assert (folder / manifest.MARKER).exists()
    lookalike.create(folder, model="tiny").index(photos)
    assert len(lookalike.open(folder)) == 12
    with pytest.raises(CatalogForeign):
        lookalike.create(folder, model="tiny")


def test_s06_a_table_that_another_program_replaced_is_a_conflict(tmp_path: Path) -> None:
    import lance

    store = LanceStore.create(tmp_path / "c.catalog", FACTS)
    row = pa.table([["a"], ["a"]], schema=schema.metadata())
    with store.writing():
        store.commit("one", [Append(schema.METADATA, row)])
        before = store.head.version
        foreign = pa.table({"other": [1, 2]})
        lance.write_dataset(foreign, str(tmp_path / "c.catalog" / "metadata.lance"), mode="overwrite")
        store.commit("two", [Append(schema.METADATA, pa.table([["b"], ["b"]], schema=schema.metadata()))])
    again = LanceStore.open(tmp_path / "c.catalog")
    assert again.head.version == before + 1
    assert sorted(again.read(schema.METADATA)["id"].to_pylist()) == ["a", "b"], "nothing of the other program is kept"


def test_s14_a_reader_sees_one_version_throughout(photos: Path, tmp_path: Path) -> None:
    lookalike.create(tmp_path / "c.catalog", model="tiny").index(photos)
    reader, other = (lookalike.open(tmp_path / "c.catalog") for _ in range(2))
    first = reader.store.read(schema.ITEMS, ["id"]).num_rows
    other.remove(["red-00.png", "blue-02.png"])
    (photos / "red-00.png").unlink()
    other.index(photos)
    assert reader.store.read(schema.ITEMS, ["id"]).num_rows == first == len(reader.ids)
    assert reader.similar("red-00.png").results
    assert len(lookalike.open(tmp_path / "c.catalog")) == 11


def test_i24_mutated_photos_end_no_process() -> None:
    assert "0 problems" in script("fuzz", "--inputs", 600)
