"""The catalog on disk: one writer, versions that hold together, damage that is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from lookalike import models
from lookalike.errors import CatalogDamaged, CatalogForeign, CatalogLocked, LookalikeError, NotFound, StoreError
from lookalike.store import Append, LanceStore, Upsert, lance_store, schema

FACTS = models.facts("tiny")


def rows(*ids: str) -> pa.Table:
    return pa.table([list(ids), list(ids)], schema=schema.metadata())


def ids(store: LanceStore) -> list[str]:
    return sorted(store.read(schema.METADATA, ["id"])["id"].to_pylist())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = LanceStore.create(tmp_path / "c.catalog", FACTS)
    with store.writing():
        store.commit("first", [Append(schema.METADATA, rows("a", "b"))])
    return tmp_path / "c.catalog"


def test_a_reader_keeps_its_version_while_others_write(folder: Path) -> None:
    reader, writer = LanceStore.open(folder), LanceStore.open(folder)
    with writer.writing():
        writer.commit("second", [Append(schema.METADATA, rows("c"))])
    assert ids(reader) == ["a", "b"]
    assert ids(LanceStore.open(folder)) == ["a", "b", "c"]
    assert ids(LanceStore.open(folder, version=2)) == ["a", "b"]


def test_a_writer_goes_on_from_the_newest_version(folder: Path) -> None:
    first, second = LanceStore.open(folder), LanceStore.open(folder)
    with first.writing():
        first.commit("one", [Append(schema.METADATA, rows("c"))])
    with second.writing():
        second.commit("two", [Append(schema.METADATA, rows("d"))])
    assert ids(LanceStore.open(folder)) == ["a", "b", "c", "d"]


def test_s01_a_commit_cut_short_leaves_the_version_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    store = LanceStore.open(folder)
    with monkeypatch.context() as patch:
        patch.setattr(lance_store, "write_manifest", killed)
        with pytest.raises(KeyboardInterrupt), store.writing():
            store.commit("cut short", [Append(schema.METADATA, rows("lost")), Append(schema.FAILURES, _failure())])
    again = LanceStore.open(folder)
    assert ids(again) == ["a", "b"]
    assert again.read(schema.FAILURES).num_rows == 0
    with again.writing():
        again.commit("after", [Append(schema.METADATA, rows("c")), Append(schema.FAILURES, _failure())])
    assert ids(again) == ["a", "b", "c"]
    assert again.read(schema.FAILURES).num_rows == 1


def _failure() -> pa.Table:
    row = {"id": "x", "path": "x", "source": "s", "stage": "read", "code": "E_GONE", "detail": "", "attempts": 1}
    return pa.Table.from_pylist([{**row, "at": "", "sha256": None}], schema=schema.failures())


HOLD = """
import sys, time
from pathlib import Path
from lookalike.store import LanceStore
with LanceStore.open(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(60)
"""


def test_s05_a_second_writer_is_told_who_holds_it(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(CatalogLocked, match=f"held by pid {child.pid}"), LanceStore.open(folder).writing():
            pass
        assert time.monotonic() - started < 1
        child.kill()
    with LanceStore.open(folder).writing():  # the lock died with its holder
        pass


def test_writing_may_be_nested(folder: Path) -> None:
    store = LanceStore.open(folder)
    with store.writing(), store.writing():
        store.commit("nested", [Append(schema.METADATA, rows("c"))])
    assert ids(store) == ["a", "b", "c"]


def newest(folder: Path) -> Path:
    return max((folder / "versions").glob("*.json"))


@pytest.mark.parametrize("damage", [b"", b'{"version": 2', b"[]", b"null"])
def test_s12_a_damaged_version_is_named_and_the_one_before_opens(folder: Path, damage: bytes) -> None:
    newest(folder).write_bytes(damage)
    with pytest.raises(CatalogDamaged, match=newest(folder).name):
        LanceStore.open(folder)
    assert LanceStore.open(folder, version=1).head.version == 1


def test_a_changed_version_does_not_match_its_checksum(folder: Path) -> None:
    stored = json.loads(newest(folder).read_text())
    stored["tables"]["metadata"]["rows"] = 1
    newest(folder).write_text(json.dumps(stored))
    with pytest.raises(CatalogDamaged, match="checksum"):
        LanceStore.open(folder)


def test_s11_a_missing_data_file_is_damage(folder: Path) -> None:
    for path in (folder / "metadata.lance" / "data").iterdir():
        path.unlink()
    with pytest.raises(CatalogDamaged, match="metadata"):
        LanceStore.open(folder).read(schema.METADATA)


def test_s08_a_newer_format_is_refused_untouched(folder: Path) -> None:
    marker = folder / "lookalike.json"
    marker.write_text('{"format": 99}')
    with pytest.raises(CatalogForeign, match="upgrade"):
        LanceStore.open(folder)
    assert marker.read_text() == '{"format": 99}'


def test_other_folders_are_no_catalogs(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(CatalogForeign, match="no lookalike catalog"):
        LanceStore.create(tmp_path, FACTS)
    with pytest.raises(CatalogForeign, match="not a lookalike catalog"):
        LanceStore.open(tmp_path)
    with pytest.raises(CatalogForeign, match="is a file"):
        LanceStore.open(tmp_path / "photo.jpg")
    with pytest.raises(CatalogForeign, match="is a file"):
        LanceStore.create(tmp_path / "photo.jpg", FACTS)
    with pytest.raises(NotFound, match="lookalike index"):
        LanceStore.open(tmp_path / "missing")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg"]


def test_s09_rows_of_another_shape_are_refused(folder: Path) -> None:
    store = LanceStore.open(folder)
    with store.writing(), pytest.raises(StoreError, match="version before is kept"):
        store.commit("other columns", [Append(schema.METADATA, _failure())])
    assert ids(LanceStore.open(folder)) == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_s04_a_read_only_catalog_reads_but_does_not_write(folder: Path) -> None:
    (folder / "lock").unlink(missing_ok=True)
    folder.chmod(0o555)
    store = LanceStore.open(folder)
    assert ids(store) == ["a", "b"]
    with pytest.raises(LookalikeError, match="cannot be written"), store.writing():
        pass
    folder.chmod(0o755)


def test_ids_may_hold_quotes(folder: Path) -> None:
    store = LanceStore.open(folder)
    hostile = "it's'; DROP TABLE items; --"
    with store.writing():
        store.commit("quotes", [Upsert(schema.METADATA, rows(hostile))])
    assert store.read(schema.METADATA, ["id"], ids=[hostile]).num_rows == 1
