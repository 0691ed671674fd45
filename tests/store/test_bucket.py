"""A catalog in an object store: all that a folder's does, and two writers never harm each other."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import lookalike
from lookalike import models, objects
from lookalike.errors import CatalogDamaged, CatalogForeign, CatalogLocked, NotFound
from lookalike.store import Append, Change, Delete, LanceStore, Upsert, place, schema
from tests.conftest import Run
from tests.s3 import upload

FACTS = models.facts("tiny")


def metadata(*ids: str) -> pa.Table:
    return pa.table([list(ids), list(ids)], schema=schema.metadata())


@pytest.fixture
def address(bucket: str) -> str:
    return f"{bucket}/shoes.catalog"


def test_the_commands_work_on_it(run: Run, photos: Path, tmp_path: Path, bucket: str, address: str) -> None:
    source = upload(photos, f"{bucket}/photos")
    said = tmp_path / "metadata.csv"
    done = run("index", address, source, "--metadata", said, "--model", "tiny", "--json")
    assert (done.code, done.json["added"], done.json["unmatched"]) == (0, 12, 12), done.err
    local = run("index", tmp_path / "c.catalog", photos, "--model", "tiny")
    assert local.code == 0
    here, there = lookalike.open(tmp_path / "c.catalog"), lookalike.open(address)
    assert there.title() == "shoes"
    assert there.ids == here.ids
    assert (there.vectors == here.vectors).all()
    assert there.similar("red-00").results[0].id.startswith("red")
    assert run("cluster", address, "-k", 4).code == 0
    assert run("map", address).code == 0
    checked = run("check", address, "--json").json
    assert (checked["problems"], checked["orphans"]) == ([], 0)
    version = run("info", address, "--json").json["version"]
    assert run("remove", address, "red-00.png").code == 0
    assert run("restore", address, version).code == 0
    assert len(lookalike.open(address)) == 12
    again = run("index", address, source, "--json").json
    assert (again["unchanged"], again["added"]) == (12, 0)
    assert place.LOCK not in [found.name for found in objects.Prefix(address).list()], "nothing stays locked"


def test_what_is_none_is_refused(bucket: str, address: str) -> None:
    with pytest.raises(NotFound, match="no catalog at"):
        LanceStore.open(address)
    objects.Prefix(address).replace("a.jpg", b"photo")
    with pytest.raises(CatalogForeign, match="is not a lookalike catalog"):
        LanceStore.open(address)
    with pytest.raises(CatalogForeign, match="holds other files"):
        LanceStore.create(address, FACTS)


def test_damage_and_orphans_are_found(address: str) -> None:
    store = LanceStore.create(address, FACTS)
    with store.writing():
        store.commit("one", [Append(schema.METADATA, metadata("a"))])
    prefix = objects.Prefix(address)
    name = next(found.name for found in prefix.list(f"{schema.METADATA}.lance/data"))
    data = prefix.read(name)
    prefix.replace(name, data[:-1] + bytes([data[-1] ^ 1]))
    assert "is not as it was written" in store.check().problems[0]
    prefix.replace(name, data)
    prefix.replace(f"{schema.METADATA}.lance/data/left.lance", b"cut short")
    assert (store.check().problems, store.check().orphans) == ((), 1)
    assert store.collect(3600) == 0
    assert store.collect(0) == 1
    assert store.check().orphans == 0


def test_s10_damage_is_noticed_by_who_reads(address: str) -> None:
    store = LanceStore.create(address, FACTS)
    with store.writing():
        store.commit("one", [Append(schema.METADATA, metadata("a", "c"))])
        store.commit("two", [Append(schema.METADATA, metadata("b")), Delete(schema.METADATA, ["a"])])
    prefix = objects.Prefix(address)
    newest = max(found.name for found in prefix.list("versions"))
    names = [name for name in json.loads(prefix.read(newest))["crc32"] if name.startswith(f"{schema.METADATA}.lance/")]
    kinds = {name.split("/")[1] for name in names}
    assert kinds >= {"data", "_deletions", "_versions"}
    noticed = set()
    for name in names:
        data = prefix.read(name)
        prefix.replace(name, data[:-1] + bytes([data[-1] ^ 1]))
        try:
            assert LanceStore.open(address).read(schema.METADATA, ["id"])["id"].to_pylist() == ["c", "b"], name
        except CatalogDamaged:
            noticed.add(name)
        assert LanceStore.open(address).check().problems
        prefix.replace(name, data)
    current = {name for name in names if name.split("/")[1] in ("data", "_deletions")} | {
        min(name for name in names if "/_versions/" in name)
    }
    assert noticed >= current, "all that the newest version consists of"


def test_s05_a_second_writer_is_told_who_holds_the_lock(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = LanceStore.create(address, FACTS)
    second = LanceStore.open(address)
    with first.writing(), pytest.raises(CatalogLocked, match="held by pid"), second.writing():
        pass
    held = {"pid": 1, "host": "gone", "since": "before", "token": "x", "until": time.time() - 1}
    objects.Prefix(address).create(place.LOCK, json.dumps(held).encode())
    with second.writing():  # its holder died, and did not renew it
        second.commit("one", [Append(schema.METADATA, metadata("a"))])


@pytest.mark.parametrize("when", ["before", "between"])
def test_of_two_writers_without_a_lock_one_commits(address: str, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """As if the lock had been void: the other writes to the same tables before the first does, or amid its commit."""
    store = LanceStore.create(address, FACTS)
    with store.writing():
        store.commit("start", [Append(schema.METADATA, metadata("a"))])
    monkeypatch.setattr(place.Bucket, "_take_lock", lambda *_: None)
    first, second = LanceStore.open(address), LanceStore.open(address)
    apply, calls = LanceStore._apply, 0

    def intruding(self: LanceStore, *arguments: Any) -> Any:
        nonlocal calls
        if self is first:
            calls += 1
            if calls == (1 if when == "before" else 2):
                with second.writing():
                    second.commit("second", [Append(schema.METADATA, metadata("s"))])
        return apply(self, *arguments)

    monkeypatch.setattr(LanceStore, "_apply", intruding)
    changes: list[Change] = [Append(schema.METADATA, metadata("b")), Upsert(schema.METADATA, metadata("b", "c"))]
    with first.writing(), pytest.raises(CatalogLocked, match="another process"):
        first.commit("first", changes)
    newest = LanceStore.open(address)
    assert sorted(newest.read(schema.METADATA)["id"].to_pylist()) == ["a", "s"]
    with newest.writing():
        newest.commit("go on", [Append(schema.METADATA, metadata("d"))])
    assert sorted(newest.read(schema.METADATA)["id"].to_pylist()) == ["a", "d", "s"]
    assert newest.check().problems == ()


def test_what_another_appends_amid_a_step_is_not_taken_along(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LanceStore.create(address, FACTS)
    with store.writing():
        store.commit("start", [Append(schema.METADATA, metadata("a"))])
    import lance

    write = lance.write_dataset

    def intruding(rows: pa.Table, uri: str, **options: Any) -> Any:
        write(metadata("other"), uri, mode="append", data_storage_version="2.1")
        return write(rows, uri, **options)

    monkeypatch.setattr(lance, "write_dataset", intruding)
    with store.writing(), pytest.raises(CatalogLocked, match="nothing was committed"):
        store.commit("one", [Append(schema.METADATA, metadata("b"))])
    assert LanceStore.open(address).read(schema.METADATA)["id"].to_pylist() == ["a"]
