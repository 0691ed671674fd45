"""A prefix of an object store holds the same inputs as the folder that it was copied from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike import images, objects
from lookalike.errors import NotFound, Rejected, UsageError
from lookalike.options import ImageLimits
from lookalike.records import Input
from tests.conftest import COLORS, draw
from tests.s3 import upload


def names(found: images.Found) -> list[tuple[str, str]]:
    return [(item.id, item.path) for item in found.inputs]


def test_the_same_inputs_as_a_folder(photos: Path, bucket: str) -> None:
    draw(photos / "deep" / "er" / "a b.png", COLORS["red"])
    (photos / "deep" / "no-ending").write_bytes((photos / "red-00.png").read_bytes())
    (photos / "notes.txt").write_text("no photo")
    (photos / "old.catalog").mkdir()
    (photos / "old.catalog" / "lookalike.json").write_text("{}")
    draw(photos / "old.catalog" / "inside.png", COLORS["red"])
    source = upload(photos, f"{bucket}/p")
    local, remote = images.find([photos]), images.find([f"{source}/"])
    assert names(remote) == names(local)
    assert (remote.ignored, remote.sources) == (1, (source,))
    assert (remote.rejected, local.ignored) == ([], 1)
    for pattern in ("red-*.png", "**/*.png", "d*", "*/er/?*"):
        assert names(images.find([f"{source}/{pattern}"])) == [
            (item.id, item.path) for item in images.find([photos / pattern]).inputs
        ]
    one = images.find([f"{source}/deep/er/a b.png"]).inputs
    assert [(item.id, item.address) for item in one] == [("a b.png", f"{source}/deep/er/a b.png")]


def test_what_is_no_source_is_refused(photos: Path, bucket: str) -> None:
    with pytest.raises(NotFound, match="no object of that name or prefix"):
        images.find([f"{bucket}/nothing"])
    with pytest.raises(NotFound):
        images.find([f"{bucket}/*.png"])
    prefix = objects.Prefix(bucket)
    prefix.replace("said.csv", b"path")
    prefix.replace("c/lookalike.json", b"{}")
    prefix.replace("c/a.jpg", b"")
    with pytest.raises(UsageError, match="tables are read from local files only"):
        images.find([f"{bucket}/said.csv"])
    with pytest.raises(UsageError, match="is a catalog"):
        images.find([f"{bucket}/c"])


def test_reading(photos: Path, bucket: str) -> None:
    source = upload(photos, f"{bucket}/p")
    found = images.find([source]).inputs
    fetched = images.fetch([*found, *images.find([photos / "red-00.png"]).inputs], ImageLimits())
    assert [fetched[item.id] for item in found] == [(photos / item.path).read_bytes() for item in found]
    assert images.read(found[0], ImageLimits()) == fetched[found[0].id]
    prefix = objects.Prefix(source)
    prefix.replace("empty.png", b"")
    for name, limits, code in (
        ("gone.png", ImageLimits(), "E_GONE"),
        ("empty.png", ImageLimits(), "E_EMPTY"),
        ("red-00.png", ImageLimits(bytes=10), "E_TOO_LARGE"),
    ):
        item = Input(id=name, path=name, location=Path(name), source=source, root=Path(), address=f"{source}/{name}")
        with pytest.raises(Rejected) as caught:
            images.read(item, limits)
        assert (caught.value.code, caught.value.stage) == (code, "read")
        refused = images.fetch([item], limits)[name]
        assert isinstance(refused, Rejected)
        assert refused.code == code
