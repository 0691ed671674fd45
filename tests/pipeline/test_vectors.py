"""Vectors from elsewhere: matched to photos by id, path or order, updated when they change, or refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from tests.conftest import Run


def ids(photos: Path) -> list[str]:
    return sorted(path.name for path in photos.iterdir())


def numbers(count: int = 12, dimension: int = 7, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


def parquet(path: Path, keys: list[Any], vectors: Any, key: str = "id", kind: Any = None) -> Path:
    column = pa.array(vectors if isinstance(vectors, list) else vectors.tolist(), kind)
    pq.write_table(pa.table({key: keys, "vector": column}), path)
    return path


def test_a_parquet_file_by_id_in_any_order(run: Run, photos: Path, tmp_path: Path) -> None:
    names, vectors = ids(photos), numbers()
    order = np.random.default_rng(1).permutation(12)
    file = parquet(tmp_path / "v.parquet", [names[row] for row in order], vectors[order])
    done = run("index", tmp_path / "c", photos, "--vectors", file, "--json")
    assert (done.code, done.json["added"]) == (0, 12), done.err
    catalog = lookalike.open(tmp_path / "c")
    assert catalog.ids == names
    np.testing.assert_array_equal(catalog.vectors, vectors)
    info = run("info", tmp_path / "c", "--json").json
    assert (info["model"], info["dimension"], info["weights"]["published"]) == ("vectors", 7, False)
    distances = np.linalg.norm(vectors[1:] - vectors[0], axis=1)
    (hit,) = run("similar", tmp_path / "c", names[0], "-k", 1, "--ranking", "euclidean", "--json").json["results"]
    assert hit["id"] == names[1 + int(distances.argmin())]


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.float32(), 7)])
def test_stems_and_paths_will_do(run: Run, photos: Path, tmp_path: Path, kind: Any) -> None:
    names, vectors = ids(photos), numbers()
    by_stem = parquet(tmp_path / "s.parquet", [Path(name).stem for name in names], vectors, kind=kind)
    by_path = parquet(tmp_path / "p.parquet", names, vectors, key="path", kind=kind)
    for number, file in enumerate((by_stem, by_path)):
        assert run("index", tmp_path / f"c{number}", photos, "--vectors", file).code == 0
        np.testing.assert_array_equal(lookalike.open(tmp_path / f"c{number}").vectors, vectors)


def test_a_npy_file_in_the_order_of_ids(run: Run, photos: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", numbers().astype(np.float64))
    assert run("index", tmp_path / "c", photos, "--vectors", tmp_path / "v.npy").code == 0
    np.testing.assert_array_equal(lookalike.open(tmp_path / "c").vectors, numbers())


def test_equal_photos_keep_vectors_of_their_own(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "copy.png").write_bytes((photos / "red-00.png").read_bytes())
    np.save(tmp_path / "v.npy", numbers(13))
    assert run("index", tmp_path / "c", photos, "--vectors", tmp_path / "v.npy").code == 0
    np.testing.assert_array_equal(lookalike.open(tmp_path / "c").vectors, numbers(13))


def test_what_changed_is_updated_and_what_was_missing_is_mended(run: Run, photos: Path, tmp_path: Path) -> None:
    names, vectors = ids(photos), numbers()
    file = parquet(tmp_path / "v.parquet", names[:-1], vectors[:-1])
    done = run("index", tmp_path / "c", photos, "--vectors", file, "--json")
    assert (done.code, done.json["added"], done.json["failed"]) == (3, 11, 1)
    assert "E_NO_VECTOR" in done.err
    vectors[2] += 1
    parquet(file, names, vectors)
    done = run("index", tmp_path / "c", photos, "--vectors", file, "--json")
    counts = {name: done.json[name] for name in ("added", "updated", "unchanged", "failed")}
    assert (done.code, counts) == (0, {"added": 1, "updated": 1, "unchanged": 10, "failed": 0})
    np.testing.assert_array_equal(lookalike.open(tmp_path / "c").vectors, vectors)


def test_a_vector_that_is_not_finite_is_a_failure(run: Run, photos: Path, tmp_path: Path) -> None:
    vectors = numbers().astype(np.float64)
    vectors[3, 0], vectors[5, 1] = np.nan, 1e300
    np.save(tmp_path / "v.npy", vectors)
    done = run("index", tmp_path / "c", photos, "--vectors", tmp_path / "v.npy", "--json")
    assert (done.code, done.json["failed"]) == (3, 2)
    assert done.err.count("E_NOT_FINITE") == 2


def test_a_photo_that_is_no_item_cannot_be_a_query(run: Run, photos: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", numbers())
    assert run("index", tmp_path / "c", photos, "--vectors", tmp_path / "v.npy").code == 0
    new = photos / "new.png"
    new.write_bytes((photos / "red-00.png").read_bytes() + b" ")
    asked = run("similar", tmp_path / "c", new)
    assert (asked.code, "computed elsewhere" in asked.err) == (5, True)
    assert run("index", tmp_path / "c", photos).code == 5
    assert run("similar", tmp_path / "c", "red-00").code == 0


def test_other_vectors_than_the_catalogs_are_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", numbers())
    np.save(tmp_path / "w.npy", numbers(dimension=8))
    assert run("index", tmp_path / "c", photos, "--vectors", tmp_path / "v.npy").code == 0
    done = run("index", tmp_path / "c", photos, "--vectors", tmp_path / "w.npy")
    assert (done.code, "E_MODEL_MISMATCH" in done.err) == (5, True)
    assert run("index", tmp_path / "t", photos, "--model", "tiny").code == 0
    assert run("index", tmp_path / "t", photos, "--vectors", tmp_path / "v.npy").code == 5


class _Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("canary",)


def _garbage(path: Path) -> None:
    path.write_bytes(b"garbage")


def _beyond_memory(path: Path) -> None:
    np.save(path, np.zeros((12, 3), np.float32))
    path.write_bytes(path.read_bytes().replace(b"(12, 3), }" + b" " * 20, b"(%d, 3), }" % 10**21))


def _objects(path: Path) -> None:
    np.save(path, np.array([[_Canary()]], object), allow_pickle=True)


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(_Canary()))


@pytest.mark.parametrize(
    ("name", "write", "reason"),
    [
        ("v.npy", _garbage, "is no .npy file"),
        ("v.npy", _objects, "is no .npy file"),
        ("v.npy", _pickle, "is no .npy file"),
        ("v.npy", lambda path: np.save(path, np.zeros(3)), "two axes"),
        ("v.npy", lambda path: np.save(path, numbers(5)), "5 rows for 12 photos"),
        ("v.npy", lambda path: np.save(path, numbers(12, 0)), "0 numbers"),
        ("v.parquet", _garbage, "cannot be read as Parquet"),
        ("v.parquet", lambda path: parquet(path, ["a"], [[1.0]], key="name"), "it needs `vector`"),
        ("v.parquet", lambda path: parquet(path, ["a", "b"], [[1.0], [1.0, 2.0]]), "one length"),
        ("v.parquet", lambda path: parquet(path, ["a", "a"], [[1.0], [2.0]]), "two vectors for id 'a'"),
        ("v.parquet", lambda path: parquet(path, ["a"], [["x"]]), "lists of numbers"),
        ("v.parquet", lambda path: parquet(path, ["a", None, None], [[1.0], [2.0], [3.0]]), "rows without id"),
        ("v.npy", _beyond_memory, "is no .npy file"),
        ("v.csv", _garbage, "give a .npy or .parquet"),
        ("v.npy", lambda _: None, "no file of vectors"),
    ],
)
def test_m03_a_file_that_does_not_fit_is_refused(
    run: Run, photos: Path, tmp_path: Path, name: str, write: Any, reason: str
) -> None:
    write(tmp_path / name)
    done = run("index", tmp_path / "c", photos, "--vectors", tmp_path / name)
    assert done.code == 2, done.err
    assert reason in done.err
    assert "canary" not in done.out
    assert not (tmp_path / "c").exists()


def test_a_model_beside_them_is_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    done = run("index", tmp_path / "c", photos, "--vectors", tmp_path / "v.npy", "--model", "tiny")
    assert (done.code, "leave --model out" in done.err) == (2, True)
