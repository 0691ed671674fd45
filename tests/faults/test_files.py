"""The file lines of the list of faults, by number."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.errors import NotFound, Rejected, UsageError
from lookalike.images import content_hash, find, load, read
from lookalike.options import ImageLimits
from lookalike.records import Input
from tests.faults.recipes import FIT, LIMITS, encode, noise, outcomes, outcomes_of

JPEG = encode(noise(), "JPEG")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(JPEG)
    return folder


def only(folder: Path) -> Input:
    (item,) = find([folder]).inputs
    return item


def read_error(item: Input, limits: ImageLimits = LIMITS) -> str:
    with pytest.raises(Rejected) as caught:
        read(item, limits)
    assert caught.value.stage == "read"
    return caught.value.code


def test_f01_links_to_folders_are_not_followed(photos: Path) -> None:
    (photos / "loop").symlink_to("../photos")
    (photos / "loop.jpg").symlink_to(".")
    (photos / "deeper").mkdir()
    (photos / "deeper" / "up").symlink_to("../..")
    found = find([photos])
    assert outcomes(found) == {"a.jpg": "ok"}
    assert found.ignored == 0


def test_f01_a_link_to_itself(photos: Path) -> None:
    (photos / "self.jpg").symlink_to("self.jpg")
    assert outcomes_of(photos) == {"a.jpg": "ok", "self.jpg": "E_NOT_REGULAR"}


def test_f02_link_out_of_root(photos: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(JPEG)
    (photos / "passwd.jpg").symlink_to("/etc/passwd")
    (photos / "out.jpg").symlink_to(outside)
    (photos / "in.jpg").symlink_to("a.jpg")
    (photos / "notes").symlink_to(outside)
    found = find([photos])
    assert outcomes(found) == {
        "a.jpg": "ok",
        "in.jpg": "ok",
        "out.jpg": "E_OUTSIDE_ROOT",
        "passwd.jpg": "E_OUTSIDE_ROOT",
    }
    assert found.ignored == 1
    assert all("--root" in fault.detail for _, fault in found.rejected)
    assert outcomes_of(photos, root=tmp_path)["out.jpg"] == "ok"


def test_f02_a_link_put_there_after_listing(photos: Path, tmp_path: Path) -> None:
    item = only(photos)
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    (photos / "a.jpg").unlink()
    (photos / "a.jpg").symlink_to(tmp_path / "secret.jpg")
    assert read_error(item) == "E_OUTSIDE_ROOT"


def test_f02_a_folder_swapped_for_a_link_after_listing(photos: Path, tmp_path: Path) -> None:
    (photos / "a.jpg").unlink()
    (photos / "sub").mkdir()
    (photos / "sub" / "b.jpg").write_bytes(JPEG)
    item = only(photos)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.jpg").write_bytes(JPEG)
    (photos / "sub" / "b.jpg").unlink()
    (photos / "sub").rmdir()
    (photos / "sub").symlink_to(tmp_path / "elsewhere")
    assert read_error(item) == "E_OUTSIDE_ROOT"


AS_NOBODY = """
import json, os, sys
from pathlib import Path
from tests.faults.recipes import outcomes_of
shared = Path(sys.argv[1])
outcomes_of(shared)  # loads all that is needed: this user may not read the environment
os.setgid(65534)
os.setuid(65534)
print(json.dumps(outcomes_of(shared)))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_f03_unreadable_as_another_user(tmp_path: Path) -> None:
    shared = (
        Path(tempfile.gettempdir()) / f"lookalike-f03-{os.getpid()}"
    )  # pytest's own folders are closed to other users
    shared.mkdir()
    try:
        (shared / "a.jpg").write_bytes(JPEG)
        (shared / "closed.jpg").write_bytes(JPEG)
        (shared / "closed.jpg").chmod(0)
        (shared / "notes.txt").write_bytes(b"text")
        (shared / "notes.txt").chmod(0)
        (shared / "sub").mkdir(mode=0o700)
        (shared / "sub" / "b.jpg").write_bytes(JPEG)
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, shared], capture_output=True, text=True, check=False)
        expected = {"a.jpg": "ok", "closed.jpg": "E_PERMISSION", "sub/": "E_PERMISSION"}
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == expected
    finally:
        (shared / "sub" / "b.jpg").unlink()
        (shared / "sub").rmdir()
        for file in shared.iterdir():
            file.unlink()
        shared.rmdir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_f03_unreadable(photos: Path) -> None:
    (photos / "closed.jpg").write_bytes(JPEG)
    (photos / "closed.jpg").chmod(0)
    assert outcomes_of(photos) == {"a.jpg": "ok", "closed.jpg": "E_PERMISSION"}


def test_f04_pipe_socket_and_device(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(photos / "pipe.jpg")
    os.mkfifo(photos / "pipe")
    (photos / "null.png").symlink_to("/dev/null")
    monkeypatch.chdir(photos)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        found = find([photos])
    assert outcomes(found) == {
        "a.jpg": "ok",
        "null.png": "E_NOT_REGULAR",
        "pipe.jpg": "E_NOT_REGULAR",
        "socket.jpg": "E_NOT_REGULAR",
    }
    assert found.ignored == 1


def test_f04_a_pipe_put_there_after_listing_does_not_block(photos: Path) -> None:
    item = only(photos)
    (photos / "a.jpg").unlink()
    os.mkfifo(photos / "a.jpg")
    start = time.monotonic()
    assert read_error(item) == "E_NOT_REGULAR"
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("name", ["p.jpg", "p.csv", "p"])
def test_f04_a_pipe_given_as_source_does_not_block(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    try:
        assert outcomes_of(tmp_path / name) == {"p.jpg": "E_NOT_REGULAR"}
        assert name == "p.jpg"
    except UsageError:
        assert name != "p.jpg"


def test_f05_name_that_is_no_utf8(photos: Path) -> None:
    raw = b"\xff\xfe.jpg"
    Path(photos, os.fsdecode(raw)).write_bytes(JPEG)
    found = find([photos])
    assert outcomes(found) == {"a.jpg": "ok", "\\xff\\xfe.jpg": "ok"}
    odd = next(item for item in found.inputs if item.id != "a.jpg")
    assert odd.raw_path == raw
    assert odd.id.encode("utf-8") == rb"\xff\xfe.jpg"
    odd.source.encode("utf-8")


def test_f05_folder_that_is_no_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xe4")
    folder.mkdir()
    (folder / "a.jpg").write_bytes(JPEG)
    found = find([folder])
    assert outcomes(found) == {"a.jpg": "ok"}
    assert found.sources == (found.inputs[0].source,)
    assert found.sources[0].endswith("\\xe4")
    assert outcomes_of(tmp_path) == {"\\xe4/a.jpg": "ok"}


@pytest.mark.parametrize("name", ["a\nb", 'a"b', "<b>", "\u202egpj", "-rf", " ", "=1+1", "a\\b", "%2e%2e"])
def test_f06_any_name_is_an_id(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.jpg").write_bytes(JPEG)
    assert outcomes_of(tmp_path) == {f"{name}.jpg": "ok"}


def test_f06_messages_stay_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        find([tmp_path / "a\nb\u202e"])
    assert "\n" not in str(caught.value)
    assert str(caught.value).isascii()


def test_f07_long_names(tmp_path: Path) -> None:
    longest = "x" * 251 + ".jpg"
    (tmp_path / longest).write_bytes(JPEG)
    (tmp_path / "photos.csv").write_text(f"path\n{longest}\nx{longest}\n{'d/' * 3000}a.jpg\n")
    got = outcomes_of(tmp_path / "photos.csv")
    assert sorted(got.values()) == ["E_NAME_TOO_LONG", "E_NAME_TOO_LONG", "ok"]
    assert outcomes_of(tmp_path) == {longest: "ok"}


def test_f07_path_longer_than_the_system_allows(tmp_path: Path) -> None:
    name = "d" * 200
    here = os.open(tmp_path, os.O_RDONLY)
    folders = [here]
    try:
        for _ in range(22):
            os.mkdir(name, dir_fd=folders[-1])
            folders.append(os.open(name, os.O_RDONLY, dir_fd=folders[-1]))
        (tmp_path / "a.jpg").write_bytes(JPEG)
        got = outcomes_of(tmp_path)
        assert got.pop("a.jpg") == "ok"
        assert list(got.values()) == ["E_NAME_TOO_LONG"]
    finally:
        for folder in reversed(folders[1:]):
            os.close(folder)
            folders.pop()
            os.rmdir(name, dir_fd=folders[-1])
        os.close(here)


def test_f08_copies_are_items_of_one_hash(photos: Path) -> None:
    for number in range(5):
        (photos / f"copy{number}.jpg").write_bytes(JPEG)
    found = find([photos])
    assert len(found.inputs) == 6
    assert len({content_hash(read(item, LIMITS)) for item in found.inputs}) == 1


def test_f09_what_is_hashed_is_what_is_decoded(photos: Path) -> None:
    item = only(photos)
    contents = [encode(noise().resize((side, side)), "JPEG") for side in (16, 48, 80)]
    stop = threading.Event()

    def rewrite() -> None:
        number = 0
        while not stop.is_set():
            (photos / "a.jpg").write_bytes(contents[number % 3])
            number += 1

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen: set[str] = set()
    try:
        for _ in range(40):
            try:
                data = read(item, LIMITS)
                load(data, FIT, LIMITS)
                seen.add("ok")
            except Rejected as error:
                seen.add(error.code)
    finally:
        stop.set()
        writer.join()
    # Writes that fall within one tick of the file system's clock leave no trace but a file that cannot be decoded.
    assert seen <= {"ok", "E_CHANGED", "E_EMPTY", "E_TRUNCATED", "E_DECODE"}


def patched_reads(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], object]) -> list[int]:
    """Let something happen to the file after each of its reads; the list grows by one for each."""
    calls: list[int] = []
    real = os.read

    def patched(descriptor: int, size: int) -> bytes:
        data = real(descriptor, size)
        calls.append(size)
        act(len(calls))
        return data

    monkeypatch.setattr(os, "read", patched)
    return calls


def test_f09_one_change_is_read_again(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item, longer = only(photos), JPEG + b"\0"
    patched_reads(monkeypatch, lambda call: (photos / "a.jpg").write_bytes(longer) if call == 1 else None)
    assert read(item, LIMITS) == longer


def test_f09_two_changes_are_a_failure(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = only(photos)
    patched_reads(monkeypatch, lambda call: (photos / "a.jpg").write_bytes(JPEG + b"\0" * call))
    assert read_error(item) == "E_CHANGED"


def test_f09_same_size_other_time_is_a_change(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = only(photos)
    patched_reads(monkeypatch, lambda call: os.utime(photos / "a.jpg", ns=(call, call)))
    assert read_error(item) == "E_CHANGED"


def test_f10_vanished(photos: Path) -> None:
    item = only(photos)
    (photos / "a.jpg").unlink()
    assert read_error(item) == "E_GONE"
    photos.rmdir()
    assert read_error(item) == "E_GONE"


def test_f10_dangling_link(photos: Path) -> None:
    (photos / "gone.jpg").symlink_to("nowhere")
    (photos / "gone.txt").symlink_to("nowhere")
    found = find([photos])
    assert outcomes(found) == {"a.jpg": "ok", "gone.jpg": "E_GONE"}
    assert found.ignored == 1


def test_f10_became_a_folder(photos: Path) -> None:
    item = only(photos)
    (photos / "a.jpg").unlink()
    (photos / "a.jpg").mkdir()
    assert read_error(item) == "E_NOT_REGULAR"


def test_f11_endless_device(photos: Path) -> None:
    (photos / "z.jpg").symlink_to("/dev/zero")
    assert outcomes_of(photos) == {"a.jpg": "ok", "z.jpg": "E_NOT_REGULAR"}


def test_f11_too_large_says_both_numbers(photos: Path) -> None:
    item = only(photos)
    with pytest.raises(Rejected, match=f"{len(JPEG):,} bytes, allowed are 1,000") as caught:
        read(item, ImageLimits(bytes=1000))
    assert caught.value.code == "E_TOO_LARGE"
    assert read(item, ImageLimits(bytes=len(JPEG))) == JPEG


def test_f11_growing_file_is_not_read_past_the_limit(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = only(photos)
    asked = patched_reads(monkeypatch, lambda call: None)
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda fd: os.stat_result([*list(real(fd))[:6], 10, 0, 0, 0]))
    assert read_error(item, ImageLimits(bytes=1000)) == "E_TOO_LARGE"
    assert sum(asked) <= 1000 + 11


def test_f12_empty_and_missing_folder(tmp_path: Path) -> None:
    found = find([tmp_path])
    assert (found.inputs, found.rejected, found.ignored) == ([], [], 0)
    with pytest.raises(NotFound) as caught:
        find([tmp_path / "missing"])
    assert caught.value.exit_code == 2
    with pytest.raises(NotFound):
        find([tmp_path / "*.jpg"])


def test_many_files_do_not_leak_descriptors(photos: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    (photos / "empty.jpg").write_bytes(b"")
    os.mkfifo(photos / "pipe.jpg")
    items = [*find([photos]).inputs, replace(only_named(photos, "a.jpg"), location=photos / "pipe.jpg")]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        for item in items:
            if item.id == "a.jpg" and item.location.name == "a.jpg":
                read(item, LIMITS)
            else:
                assert read_error(item) in ("E_EMPTY", "E_NOT_REGULAR")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def only_named(folder: Path, name: str) -> Input:
    return next(item for item in find([folder]).inputs if item.id == name)


def test_importing_loads_no_parquet_or_color_engine() -> None:
    code = "import sys, lookalike.images; print([m for m in sys.modules if 'pyarrow' in m or 'ImageCms' in m])"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
