"""SOURCEs: folders, globs, single files and tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import NotFound, UsageError
from lookalike.images import find
from lookalike.images.globs import Pattern, split_wildcard
from lookalike.images.sniff import foreign, has_image_name, sniff
from tests.faults.recipes import encode, noise, outcomes_of

PNG = encode(noise(), "PNG")


def plant(folder: Path, *names: str, data: bytes = PNG) -> Path:
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def ids(*sources: Path | str, root: Path | None = None) -> list[str]:
    return [item.id for item in find(sources, root=root).inputs]


def test_folder_takes_images_by_name_or_content(tmp_path: Path) -> None:
    plant(tmp_path, "b/z.PNG", "a.jpeg", "no-suffix", "wrong.txt", ".hidden.jpg", "c.jpg/inner.gif")
    plant(tmp_path, "notes.txt", "b/readme.md", "empty", data=b"text")
    plant(tmp_path, "logo.svg", data=b"<svg/>")
    found = find([tmp_path])
    assert [item.id for item in found.inputs] == [
        ".hidden.jpg",
        "a.jpeg",
        "b/z.PNG",
        "c.jpg/inner.gif",
        "logo.svg",
        "no-suffix",
        "wrong.txt",
    ]
    assert found.ignored == 3
    assert outcomes_of(tmp_path)["logo.svg"] == "E_FORMAT"


def test_inputs_say_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "photos/sub/a.png")
    monkeypatch.chdir(tmp_path)
    (item,) = find(["photos/"]).inputs
    assert item.id == item.path == "sub/a.png"
    assert item.location == tmp_path / "photos" / "sub" / "a.png"
    assert item.source == str(tmp_path / "photos")
    assert item.root == (tmp_path / "photos").resolve()
    assert item.metadata is None
    assert item.raw_path is None
    assert find(["photos", Path("photos/../photos")]).sources == (str(tmp_path / "photos"),)


def test_catalogs_are_skipped(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "shoes.catalog/thumb.png", "shoes.catalog/lookalike.json", "shoes.catalog/data/b.png")
    assert ids(tmp_path) == ["a.png"]
    assert find([tmp_path]).ignored == 0
    with pytest.raises(UsageError, match="is a catalog"):
        find([tmp_path / "shoes.catalog"])


def test_single_file(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "photo")
    (tmp_path / "notes.txt").write_text("text")
    assert ids(tmp_path / "a.png", tmp_path / "photo") == ["a.png", "photo"]
    with pytest.raises(UsageError, match="neither an image nor a table"):
        find([tmp_path / "notes.txt"])
    with pytest.raises(UsageError):
        find([""])


def test_two_photos_with_one_id_are_both_named(tmp_path: Path) -> None:
    plant(tmp_path, "x/a.png", "y/a.png")
    with pytest.raises(UsageError) as caught:
        find([tmp_path / "x", tmp_path / "y"])
    assert caught.value.exit_code == 2
    assert str(tmp_path / "x" / "a.png") in str(caught.value)
    assert str(tmp_path / "y" / "a.png") in str(caught.value)


def test_the_same_photo_twice_is_one(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "b.png")
    found = find([tmp_path, tmp_path / "a.png", tmp_path / "*.png"])
    assert [item.id for item in found.inputs] == ["a.png", "b.png"]
    assert len(found.sources) == 3


def test_glob(tmp_path: Path) -> None:
    plant(
        tmp_path, "shoes/a1.png", "shoes/a2.jpg", "shoes/new/a3.png", "bags/a4.png", "shoes/.hidden.png", "shoes/t.txt"
    )
    base = str(tmp_path)
    assert ids(f"{base}/shoes/*.png") == ["a1.png"]
    assert ids(f"{base}/*/a?.png") == ["bags/a4.png", "shoes/a1.png"]
    assert ids(f"{base}/**/*.png") == ["bags/a4.png", "shoes/a1.png", "shoes/new/a3.png"]
    assert ids(f"{base}/shoes/**") == ["a1.png", "a2.jpg", "new/a3.png", "t.txt"]
    assert ids(f"{base}/shoes/a[12].*") == ["a1.png", "a2.jpg"]
    assert ids(f"{base}/shoes/.*") == [".hidden.png"]
    assert ids(f"{base}/sho*") == [
        "shoes/.hidden.png",
        "shoes/a1.png",
        "shoes/a2.jpg",
        "shoes/new/a3.png",
        "shoes/t.txt",
    ]
    with pytest.raises(NotFound, match="matches no file"):
        find([f"{base}/*.webp"])
    with pytest.raises(NotFound, match="no folder"):
        find([f"{base}/nowhere/*.png"])


def test_a_name_with_brackets_is_a_name_first(tmp_path: Path) -> None:
    plant(tmp_path, "[old]/a.png", "x[1].png")
    assert ids(tmp_path / "[old]") == ["a.png"]
    assert ids(tmp_path / "x[1].png") == ["x[1].png"]


NAMES = st.lists(st.sampled_from(["a", "b", "ab", "c.png", ".d"]), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(path=NAMES, pattern=st.lists(st.sampled_from(["a", "*", "**", "?", "[ab]*", "c.png"]), min_size=1, max_size=4))
def test_glob_agrees_with_a_plain_definition(path: list[str], pattern: list[str]) -> None:
    def full(names: list[str], parts: list[str]) -> bool:
        if not parts:
            return not names
        head, rest = parts[0], parts[1:]
        if head == "**":
            if not rest:
                return bool(names) and not any(name.startswith(".") for name in names)
            skipped = (names[:n] for n in range(len(names) + 1))
            return any(
                not any(name.startswith(".") for name in skip) and full(names[len(skip) :], rest) for skip in skipped
            )
        if not names or names[0].startswith("."):
            return False
        name = names[0]
        fits = {"a": name == "a", "*": True, "?": len(name) == 1, "[ab]*": name[0] in "ab", "c.png": name == "c.png"}
        return fits[head] and full(names[1:], rest)

    glob = Pattern(tuple(pattern))
    expected = any(full(path[:length], pattern) for length in range(1, len(path) + 1))
    assert glob.takes(tuple(path)) == expected
    if expected:
        assert all(glob.enters(tuple(path[:length])) for length in range(1, len(path)))


def test_split_wildcard() -> None:
    assert split_wildcard("/photos/*/a.jpg") == ("/photos", ("*", "a.jpg"))
    assert split_wildcard("/*.jpg") == ("/", ("*.jpg",))
    assert split_wildcard("a/./b?/") == ("a/.", ("b?",))


def test_table_paths_ids_and_metadata(tmp_path: Path) -> None:
    plant(tmp_path, "images/a.png", "images/b.png")
    text = f"path,id,year,x\nimages/a.png,007,2011,1\n./images/../images/b.png,,2012,2\n{tmp_path}/images/a.png,8,,3\n"
    (tmp_path / "t.csv").write_text(text)
    found = find([tmp_path / "t.csv"])
    assert [(item.id, item.path) for item in found.inputs] == [
        ("007", "images/a.png"),
        ("8", "images/a.png"),
        ("images/b.png", "images/b.png"),
    ]
    assert found.inputs[0].metadata == {"year": 2011, "meta_x": 1}
    assert found.inputs[1].metadata == {"year": None, "meta_x": 3}
    assert found.inputs[0].root == tmp_path.resolve()
    assert found.sources == (str(tmp_path / "t.csv"),)


def test_table_with_a_path_only_has_empty_metadata(tmp_path: Path) -> None:
    plant(tmp_path, "a.png")
    (tmp_path / "t.jsonl").write_text('{"path": "a.png"}\n')
    assert find([tmp_path / "t.jsonl"]).inputs[0].metadata == {}


def test_table_paths_that_leave(tmp_path: Path) -> None:
    plant(tmp_path, "data/images/a.png", "tables/b.png")
    (tmp_path / "tables" / "images").symlink_to(tmp_path / "data" / "images")
    (tmp_path / "tables" / "folder.png").mkdir()
    rows = ["../data/images/a.png", f"{tmp_path}/data/images/a.png,", "images/a.png", "b.png", "../nowhere.png"]
    rows += ["/etc/passwd", "folder.png", "missing.png", "https://example.com/a.png", "."]
    lines = [f"{row.rstrip(',')},{number}" for number, row in enumerate(rows)]
    table = tmp_path / "tables" / "t.csv"
    table.write_text("path,id\n" + "\n".join(lines) + "\n")
    assert outcomes_of(table) == {
        "0": "E_OUTSIDE_ROOT",
        "1": "E_OUTSIDE_ROOT",
        "2": "E_OUTSIDE_ROOT",
        "3": "ok",
        "4": "E_OUTSIDE_ROOT",
        "5": "E_OUTSIDE_ROOT",
        "6": "E_NOT_REGULAR",
        "7": "E_GONE",
        "8": "E_GONE",
        "9": "E_NOT_REGULAR",
    }
    wider = outcomes_of(table, root=tmp_path)
    assert [wider[key] for key in "0123"] == ["ok"] * 4
    assert wider["5"] == "E_OUTSIDE_ROOT"
    paths = {item.id: item.path for item in find([table], root=tmp_path).inputs}
    assert paths["0"] == "data/images/a.png"
    assert paths["3"] == "tables/b.png"
    assert [find([table], root=tmp_path / "data").inputs[0].path] == ["images/a.png"]
    with pytest.raises(NotFound, match="--root"):
        find([table], root=tmp_path / "nowhere")


def test_table_without_path_lists_its_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,name\n1,a\n")
    with pytest.raises(UsageError, match="no column 'path': it has 'id', 'name'"):
        find([tmp_path / "t.csv"])


def test_table_rows_with_one_id(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "b.png")
    (tmp_path / "t.csv").write_text("path,id\na.png,1\nb.png,1\n")
    with pytest.raises(UsageError, match="two photos have one id: '1'"):
        find([tmp_path / "t.csv"])
    (tmp_path / "t.csv").write_text("path,n\na.png,1\na.png,2\n")
    with pytest.raises(UsageError, match=r"two photos have one id: 'a\.png'"):
        find([tmp_path / "t.csv"])
    (tmp_path / "t.csv").write_text("path,n\na.png,1\na.png,1\n")
    assert ids(tmp_path / "t.csv") == ["a.png"]


def test_bad_lines_of_two_tables_of_one_name(tmp_path: Path) -> None:
    for name in ("x", "y"):
        plant(tmp_path, f"{name}/{name}.png")
        (tmp_path / name / "t.csv").write_text(f"path,n\n{name}.png,1\nragged\n")
    found = find([tmp_path / "x" / "t.csv", tmp_path / "y" / "t.csv"])
    assert len(found.inputs) == 2
    assert {item.id for item, _ in found.rejected} == {"t.csv:3", f"{tmp_path}/y/t.csv:3"}


def test_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    names = [f"{first}/{second}.png" for first in "cab" for second in "321"]
    plant(tmp_path, *names)
    assert ids(tmp_path) == sorted(names)
    assert ids(*(tmp_path / name for name in ["c/1.png", "a/2.png"])) == ["1.png", "2.png"]


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "a.png", "closed/b.png", "fading/c.png")
    real = os.scandir

    def scandir(place: str) -> object:
        if place.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        if place.endswith("fading"):
            raise FileNotFoundError(2, "No such file or directory")
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    assert outcomes_of(tmp_path) == {"a.png": "ok", "closed/": "E_PERMISSION"}
    with pytest.raises(UsageError, match="cannot be listed"):
        find([tmp_path / "closed"])


def test_sniff_by_hand() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        data = encode(noise(), kind)
        assert sniff(data[:16]) == kind
        assert foreign(data) is None
    assert sniff(b"") is None
    assert foreign(b"") is None
    assert foreign(b"<!-- a page --><html><svg></svg></html>") is None
    assert foreign("\ufeff<svg/>".encode("utf-16-le")) == "SVG"
    assert has_image_name("A.JPeG")
    assert not has_image_name("jpg")
