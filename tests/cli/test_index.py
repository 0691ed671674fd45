"""`lookalike index`: every input ends in one place, nothing is done twice, nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from PIL import Image

import lookalike
from lookalike import images
from lookalike.cli import main
from lookalike.options import ImageLimits
from lookalike.records import Input
from lookalike.store import LanceStore
from tests.conftest import COLORS, Run, draw

COUNTS = ("added", "updated", "unchanged", "removed", "failed", "ignored", "embedded", "unmatched", "total")


def counts(document: dict[str, int], **expected: int) -> bool:
    """Whether the document holds these counts and zero in all others."""
    return {name: document[name] for name in COUNTS} == {**dict.fromkeys(COUNTS, 0), **expected}


def index(run: Run, catalog: Path, *arguments: object, code: int = 0) -> dict[str, int]:
    done = run("index", catalog, *arguments, "--model", "tiny", "--json")
    assert done.code == code, done.err
    document: dict[str, int] = done.json
    return document


def test_again_embeds_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    table = tmp_path / "metadata.csv"
    assert counts(index(run, catalog, photos, "--metadata", table), added=12, embedded=12, total=12)
    version = lookalike.open(catalog).info()["version"]
    assert counts(index(run, catalog, photos, "--metadata", table), unchanged=12, total=12)
    assert lookalike.open(catalog).info()["version"] == version, "nothing changed, so nothing is written"


def test_only_new_and_changed_bytes_are_embedded(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    index(run, catalog, photos)
    before = lookalike.open(catalog)
    draw(photos / "red-00.png", COLORS["blue"], seed=99)
    draw(photos / "new.png", COLORS["green"], seed=98)
    os.utime(photos / "blue-02.png", (0, 0))
    done = index(run, catalog, photos)
    assert counts(done, added=1, updated=1, unchanged=11, embedded=2, total=13)
    after = lookalike.open(catalog)
    same = [item for item in before.ids if item != "red-00.png"]
    for item in same:
        assert (before.vectors[before.ids.index(item)] == after.vectors[after.ids.index(item)]).all()
    changed = before.ids.index("red-00.png"), after.ids.index("red-00.png")
    assert (before.vectors[changed[0]] != after.vectors[changed[1]]).any()


def test_changed_metadata_is_an_update_without_embedding(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog, table = tmp_path / "c.catalog", tmp_path / "metadata.csv"
    index(run, catalog, photos, "--metadata", table)
    table.write_text(table.read_text().replace("00,red,2010,", "00,crimson,2010,dear"))
    assert counts(index(run, catalog, photos, "--metadata", table), updated=1, unchanged=11, total=12)
    hit = lookalike.open(catalog).similar("red-04.png", k=11).results
    metadata = {found.id: found.metadata for found in hit}
    assert metadata["red-00.png"] == {"color": "crimson", "year": 2010, "note": "dear"}
    assert metadata["blue-02.png"] == {"color": "blue", "year": 2010, "note": None}


def test_metadata_is_kept_and_widened(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog, more = tmp_path / "c.catalog", tmp_path / "more.jsonl"
    index(run, catalog, photos, "--metadata", tmp_path / "metadata.csv")
    rows = [{"id": "red-00", "price": 9.5, "vector": "v"}, {"id": "nobody", "price": 1}]
    more.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = index(run, catalog, photos, "--metadata", more)
    assert counts(done, updated=1, unchanged=11, unmatched=1, total=12)
    info = lookalike.open(catalog).info()
    assert info["metadata"] == {
        "color": "string",
        "year": "int64",
        "note": "string",
        "price": "double",
        "meta_vector": "string",
    }
    assert index(run, catalog, photos)["unchanged"] == 12, "a run without a table keeps what is known"
    assert (
        run("similar", catalog, "red-04", "--where", "price > 9 AND year = 2010", "--json").json["results"][0][
            "metadata"
        ]["meta_vector"]
        == "v"
    )


def test_a_table_is_a_source(run: Run, photos: Path, tmp_path: Path) -> None:
    table = tmp_path / "shop.csv"
    table.write_text("path,id,size\nphotos/red-00.png,A,42\nphotos/blue-02.png,B,38\n../elsewhere.png,C,1\n")
    done = index(run, tmp_path / "c.catalog", table, code=3)
    assert counts(done, added=2, embedded=2, failed=1, total=2)
    catalog = lookalike.open(tmp_path / "c.catalog")
    assert catalog.ids == ["A", "B"]
    assert catalog.failures()[0].code == "E_OUTSIDE_ROOT"
    assert "--root" in catalog.failures()[0].detail
    assert catalog.similar("A", k=1).results[0].metadata == {"size": 38}


def test_two_photos_with_one_id_write_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    other = draw(tmp_path / "other" / "red-00.png", COLORS["gray"])
    done = run("index", tmp_path / "c.catalog", photos, other.parent, "--model", "tiny")
    assert done.code == 2
    assert "red-00.png" in done.err
    assert not (tmp_path / "c.catalog").exists()


def test_a_bad_photo_is_remembered_and_healed(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog, bad = tmp_path / "c.catalog", photos / "bad.jpg"
    bad.write_bytes(b"<html>404</html>")
    done = run("index", catalog, photos, "--model", "tiny", "--json")
    assert done.code == 3
    assert counts(done.json, added=12, embedded=12, failed=1, total=12)
    assert done.err.startswith("lookalike: skip 'bad.jpg': E_NOT_IMAGE: ")
    assert counts(index(run, catalog, photos, code=3), unchanged=12, failed=1, total=12)
    assert lookalike.open(catalog).failures()[0].attempts == 1, "the same bytes are not tried again"
    index(run, catalog, photos, "--retry", code=3)
    assert lookalike.open(catalog).failures()[0].attempts == 2
    listed = run("info", catalog, "--failures", "--json").json["failures"]
    assert [(row["id"], row["stage"], row["code"]) for row in listed] == [("bad.jpg", "decode", "E_NOT_IMAGE")]
    Image.new("RGB", (30, 30), "red").save(bad)
    assert counts(index(run, catalog, photos), added=1, unchanged=12, embedded=1, total=13)
    assert lookalike.open(catalog).failures() == []


def test_a_retry_reads_only_what_failed_and_what_is_new(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "c.catalog"
    (photos / "bad.jpg").write_bytes(b"<html>404</html>")
    (photos / "worse.jpg").write_bytes(b"\xff\xd8\xff")
    index(run, catalog, photos, code=3)
    read = images.read
    seen: list[str] = []

    def noting(item: Input, limits: ImageLimits) -> bytes:
        seen.append(item.id)
        return read(item, limits)

    monkeypatch.setattr(images, "read", noting)
    draw(photos / "new.png", COLORS["blue"], seed=11)
    draw(photos / "red-00.png", COLORS["blue"], seed=12)
    Image.new("RGB", (30, 30), "red").save(photos / "bad.jpg")
    (tmp_path / "said.csv").write_text("path,size\nphotos/red-00.png,7\n")
    said = ("--metadata", tmp_path / "said.csv")
    assert counts(
        index(run, catalog, photos, "--retry", *said, code=3),
        added=2,
        updated=1,
        unchanged=11,
        failed=1,
        embedded=2,
        total=14,
    )
    assert sorted(seen) == ["bad.jpg", "new.png", "worse.jpg"]
    assert lookalike.open(catalog).failures()[0].attempts == 2
    now = index(run, catalog, photos, code=3)
    assert counts(now, updated=1, unchanged=13, failed=1, embedded=1, total=14), "the changed photo is seen now"


def test_a_photo_that_breaks_moves_to_the_failures(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    index(run, catalog, photos)
    (photos / "red-00.png").write_bytes(b"")
    assert counts(index(run, catalog, photos, code=3), unchanged=11, failed=1, total=11)
    held = lookalike.open(catalog)
    assert "red-00.png" not in held.ids
    assert [failure.id for failure in held.failures()] == ["red-00.png"]


def test_the_same_bytes_are_decoded_once(run: Run, tmp_path: Path) -> None:
    first = draw(tmp_path / "p" / "a.png", COLORS["red"])
    for name in "bcde":
        shutil.copy(first, first.with_name(f"{name}.png"))
    catalog = tmp_path / "c.catalog"
    assert counts(index(run, catalog, first.parent), added=5, embedded=1, total=5)
    held = lookalike.open(catalog)
    assert (held.vectors == held.vectors[0]).all()
    assert [hit.id for hit in held.similar("c.png", k=9).results] == ["a.png", "b.png", "d.png", "e.png"]
    shutil.move(first, first.with_name("renamed.png"))
    done = index(run, catalog, first.parent, "--prune", "--yes")
    assert counts(done, added=1, unchanged=4, removed=1, total=5), "a renamed photo needs no network"


def test_the_same_bad_bytes_all_fail(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name in "abc":
        (tmp_path / "p" / f"{name}.png").write_bytes(b"not a picture")
    assert counts(index(run, tmp_path / "c.catalog", tmp_path / "p", code=3), failed=3)


def test_swapped_names_swap_vectors(run: Run, tmp_path: Path) -> None:
    catalog, folder = tmp_path / "c.catalog", tmp_path / "p"
    draw(folder / "a.png", COLORS["red"])
    draw(folder / "b.png", COLORS["blue"])
    index(run, catalog, folder)
    before = lookalike.open(catalog).vectors.copy()
    (folder / "a.png").rename(folder / "x")
    (folder / "b.png").rename(folder / "a.png")
    (folder / "x").rename(folder / "b.png")
    assert index(run, catalog, folder)["updated"] == 2
    assert (lookalike.open(catalog).vectors == before[::-1]).all()


def test_prune_removes_only_from_the_named_sources(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog, other = tmp_path / "c.catalog", tmp_path / "other"
    draw(other / "kept.png", COLORS["gray"])
    index(run, catalog, photos, other)
    (photos / "red-00.png").unlink()
    (other / "kept.png").unlink()
    assert counts(index(run, catalog, photos, "--prune"), unchanged=11, removed=1, total=12)
    assert "kept.png" in lookalike.open(catalog).ids


def test_a_large_prune_needs_a_yes(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    index(run, catalog, photos)
    for path in photos.glob("red-*.png"):
        path.unlink()
    done = run("index", catalog, photos, "--prune")
    assert done.code == 2
    assert "3 of 12" in done.err
    assert "--yes" in done.err
    assert len(lookalike.open(catalog)) == 12
    assert counts(index(run, catalog, photos, "--prune", "--yes"), unchanged=9, removed=3, total=9)


def test_f12_empty_and_missing_folders(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("index", tmp_path / "a.catalog", tmp_path / "empty", "--model", "tiny", "--json")
    assert done.code == 0
    assert done.json["total"] == 0
    assert "no photos" in done.err
    missing = run("index", tmp_path / "b.catalog", tmp_path / "missing", "--model", "tiny")
    assert missing.code == 2
    assert not (tmp_path / "b.catalog").exists()


def test_other_files_are_ignored(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    shutil.copy(tmp_path / "metadata.csv", photos)
    assert counts(index(run, tmp_path / "c.catalog", photos), added=12, embedded=12, ignored=2, total=12)


def test_a_catalog_among_the_photos_is_no_source(run: Run, photos: Path) -> None:
    catalog = photos / "c.catalog"
    index(run, catalog, photos)
    assert counts(index(run, catalog, photos), unchanged=12, total=12)


def test_another_model_is_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    index(run, catalog, photos)
    done = run("index", catalog, photos, "--model", "efficientnet-lite0")
    assert done.code == 5
    assert "'tiny'" in done.err
    assert run("index", catalog, photos, "--resize", "pad").code == 5
    unknown = run("index", tmp_path / "new.catalog", photos, "--model", "nonesuch")
    assert unknown.code == 5
    assert not (tmp_path / "new.catalog").exists()


def test_a_locked_catalog_ends_with_4(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    index(run, catalog, photos)
    with LanceStore.open(catalog).writing():
        done = run("index", catalog, photos)
    assert done.code == 4
    assert f"held by pid {os.getpid()}" in done.err


def test_what_failed_is_listed_by_the_command_that_is_named(run: Run, photos: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.catalog"
    run("index", catalog, photos, "--model", "tiny")
    assert run("info", catalog, "--failures").out == "No photo failed.\n"
    (photos / "bad.jpg").write_bytes(b"no picture")
    done = run("index", catalog, photos)
    assert done.code == 3
    assert f"lookalike info {catalog} --failures" in done.out
    (tmp_path / "empty").mkdir()
    assert "Next" not in run("index", tmp_path / "e.catalog", tmp_path / "empty", "--model", "tiny").out


def test_an_out_that_is_a_file_is_refused_before_any_work(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    done = run("run", tmp_path / "c.catalog", photos, "--model", "tiny", "--out", tmp_path / "out")
    assert done.code == 2
    assert "is a file" in done.err
    assert not (tmp_path / "c.catalog").exists()
    assert run("index", tmp_path / "c.catalog", photos, "--model", "tiny").code == 0
    assert run("report", tmp_path / "c.catalog", "--out", tmp_path / "out").code == 2
    assert (tmp_path / "out").read_text() == "mine"


def test_ctrl_c_while_modules_are_loaded_ends_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    found = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "lookalike", "info", "c.catalog"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": found}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


def test_ctrl_c_before_anything_is_committed_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = typer.Typer()

    @stopped.command()
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["lookalike.cli.app"], "app", stopped)
    monkeypatch.setattr(sys, "argv", ["lookalike"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "run the same command again" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_an_interrupted_run_is_completed_by_the_same_command(run: Run, tmp_path: Path, stop: signal.Signals) -> None:
    if signal.getsignal(stop) is signal.SIG_IGN:
        pytest.skip("started by something that ignores Ctrl-C, which children inherit: a job in the background")
    folder, catalog = tmp_path / "p", tmp_path / "c.catalog"
    for n in range(3_000):
        draw(folder / f"{n:04d}.png", ((n * 7) % 250, (n * 13) % 250, (n * 29) % 250), seed=n, size=(24, 24))
    command = [sys.executable, "-m", "lookalike.cli", "index", str(catalog), str(folder), "--model", "tiny", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        while child.poll() is None and len(list((catalog / "versions").glob("*.json"))) < 2:
            time.sleep(0.005)
        child.send_signal(stop)
        out, err = child.communicate(timeout=30)
    assert child.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL), err
    assert out == ""
    kept = len(lookalike.open(catalog))
    assert 0 < kept < 3_000
    done = index(run, catalog, folder)
    assert (done["added"], done["unchanged"], done["total"]) == (3_000 - kept, kept, 3_000)
    whole = tmp_path / "whole.catalog"
    index(run, whole, folder)
    assert lookalike.open(whole).ids == lookalike.open(catalog).ids
    assert (lookalike.open(whole).vectors == lookalike.open(catalog).vectors).all()
