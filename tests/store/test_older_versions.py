"""`--version N`: a catalog as it was, for every command that reads."""

from __future__ import annotations

from pathlib import Path

import pytest

import lookalike
from lookalike.errors import UsageError
from tests.conftest import Run


@pytest.mark.usefixtures("coarse_print")
def test_commands_that_read_show_an_older_version(run: Run, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c.catalog"
    run("index", folder, photos, "--metadata", tmp_path / "metadata.csv", "--model", "tiny")
    version = lookalike.open(folder).store.head.version
    before = run("similar", folder, "blue-02.png", "-k", 11, "--json").json
    run("remove", folder, "red-00.png", "red-04.png")
    old = ("--version", version, "--json")
    assert run("info", folder, "--json").json["items"] == 10
    assert run("info", folder, *old).json["items"] == 12
    assert run("similar", folder, "blue-02.png", "-k", 11, *old).json == before
    assert run("recommend", folder, "--out", tmp_path / "r.csv", *old).json["items"] == 12
    assert run("evaluate", folder, "--labels", "color", *old).json["n"] == 12
    assert run("export", folder, tmp_path / "e.parquet", *old).json["rows"] == 12
    assert run("report", folder, "--out", tmp_path / "report", *old).code == 0
    assert run("info", folder, "--json").json["items"] == 10, "and nothing was written"
    gone = run("info", folder, "--version", 99)
    assert gone.code == 2
    assert "version 99" in gone.err


def test_an_older_version_is_read_only(photos: Path, tmp_path: Path) -> None:
    catalog = lookalike.create(tmp_path / "c.catalog", model="tiny")
    catalog.index(photos)
    older = lookalike.open(tmp_path / "c.catalog", version=2)
    with pytest.raises(UsageError, match="lookalike restore"):
        older.remove(["red-00.png"])
    assert older.reopened().store.head.version == 2
    newest = lookalike.open(tmp_path / "c.catalog", version=catalog.store.head.version)
    assert newest.remove(["red-00.png"]) == 1
