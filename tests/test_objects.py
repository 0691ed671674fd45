"""Addresses are told from paths; objects are written once, and fail as files do."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from lookalike import objects
from lookalike.errors import UsageError


def test_an_address_has_one_form() -> None:
    for given in ("s3://shoes/a/b", "s3://shoes/a/b/", Path("s3://shoes/a/b"), "s3:/shoes/a/b"):
        assert objects.is_address(given)
        assert objects.address(given) == "s3://shoes/a/b"
    assert objects.address("s3://shoes") == objects.address("s3://shoes/") == "s3://shoes"
    for other in ("shoes/s3", "s3", "s3x://a", "/s3://a", "file:///a", "s3:///a"):
        assert not objects.is_address(other)
    for wrong in ("s3://", "s3:/", "s3://shoes/../b/c", "s3://shoes//b/c"):
        with pytest.raises(UsageError, match="give s3://BUCKET/PREFIX"):
            objects.address(wrong)


def test_one_writer_of_an_object_succeeds(bucket: str) -> None:
    prefix = objects.Prefix(f"{bucket}/a")
    prefix.create("x/1.json", b"first")
    prefix.create("x/1.json", b"first")  # a request that was made again after its answer was lost
    with pytest.raises(FileExistsError):
        prefix.create("x/1.json", b"second")
    assert prefix.read("x/1.json") == b"first"
    assert prefix.read("x/1.json", most=2) == b"fi"
    assert b"".join(prefix.blocks("x/1.json")) == b"first"
    prefix.replace("x/1.json", b"third")
    assert [(found.name, found.size) for found in prefix.list()] == [("x/1.json", 5)]
    assert list(prefix.list("y")) == []
    prefix.remove("x/1.json")
    for ask in (prefix.read, prefix.size):
        with pytest.raises(FileNotFoundError):
            ask("x/1.json")


def test_names_of_any_letters_come_back(bucket: str) -> None:
    prefix = objects.Prefix(bucket)
    names = ["a b.jpg", "Schuh grün.jpg", "100%.jpg", "a+b=c&d.jpg", "x/y/z.jpg", "#1?.jpg"]
    for name in names:
        prefix.replace(name, name.encode())
    assert sorted(found.name for found in prefix.list()) == sorted(names)
    assert [prefix.read(name).decode() for name in names] == names


@pytest.mark.extra
def test_without_keys_the_error_says_which_to_set() -> None:
    pytest.importorskip("obstore", reason="obstore is not installed: pip install 'lookalike[s3]'")
    errors = import_module("obstore.exceptions")
    message = "Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in 1 ms"
    with pytest.raises(PermissionError, match="set AWS_ACCESS_KEY_ID"), objects._translated("s3://shoes"):
        raise errors.GenericError(message)


def test_a_store_that_is_not_there_is_an_error_of_files(bucket: str) -> None:
    with pytest.raises(OSError, match="404 Not Found"):
        list(objects.Prefix("s3://no-such-bucket/x").list())
