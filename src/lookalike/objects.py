"""Object stores: what lies under `s3://bucket/prefix` is listed, read, and written whole.

Errors are those of files: `FileNotFoundError`, `FileExistsError`, `PermissionError`, else `OSError`, so that who reads
need not know which of the two it is. Requests that fail for a while (503, 429, a connection that breaks) are made
again, with growing pauses. Who may read is said by the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_REGION`, `AWS_ENDPOINT_URL`, ...) or by the role of the machine. Lance reads the same ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib import import_module
from typing import Any

from lookalike.errors import UsageError

Named = str | os.PathLike[str]
AGAIN = 8
"""How often a request that failed is made again: where three in ten fail, that leaves one photo in 50,000."""
FIRST_PAUSE = 0.2
"""Seconds before the first time that it is."""
_ROLES = "169.254.169.254"  # where a machine in Amazon's cloud is told its role: asked where no keys are given
_NO_KEYS = "no keys were given: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL for other servers"
_START = re.compile(r"s3:/{1,2}(?=[^/]|$)")  # a `Path` made of an address has lost one of its slashes


def is_address(place: Named) -> bool:
    """Whether `place` names something in an object store, and no file.

    >>> is_address("s3://shoes/photos"), is_address("photos/s3")
    (True, False)
    """
    return _START.match(os.fspath(place)) is not None


def address(place: Named) -> str:
    """The address in its one form, without a slash at its end. Raises `UsageError` where it names no bucket.

    >>> address("s3://shoes/photos/")
    's3://shoes/photos'
    """
    bucket, _, key = _START.sub("", os.fspath(place)).partition("/")
    if not bucket or any(part in ("", ".", "..") for part in key.rstrip("/").split("/")[:-1]):
        raise UsageError(f"{os.fspath(place)!a} is no address: give s3://BUCKET/PREFIX")
    return f"s3://{bucket}/{key}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Found:
    """An object: its name below the prefix that was listed, its bytes, and when it was written (seconds since 1970)."""

    name: str
    size: int
    at: float


class ShortRead(OSError):
    """Fewer bytes came than the store had announced, also when the rest was asked for again."""


class Prefix:
    """All objects whose address starts with that of the prefix and a slash."""

    def __init__(self, place: Named) -> None:
        self.address = address(place)
        self._store = _store(self.address)

    def __repr__(self) -> str:
        return f"Prefix({self.address!r})"

    def list(self, below: str = "") -> Iterator[Found]:
        """What is there, in the order of names; of the folder `below` only, named from the prefix on."""
        with _translated(self.address):
            for part in _obstore().list(self._store, below or None, chunk_size=1_000):
                for meta in part:
                    yield Found(meta["path"], meta["size"], meta["last_modified"].timestamp())

    def read(self, name: str, *, most: int | None = None, allow: Callable[[int], None] | None = None) -> bytes:
        """The bytes of an object, or its first `most`. Raises `ShortRead` where fewer come than it has.

        `allow` is called with its size before the bytes are asked for, and may raise.
        """
        with _translated(f"{self.address}/{name}"):
            if most is not None:
                return bytes(_obstore().get_range(self._store, name, start=0, length=most))
            found = _obstore().get(self._store, name)
            if allow is not None:
                allow(found.meta["size"])
            size = found.meta["size"]
            try:
                data = bytes(found.bytes())
            except import_module("obstore.exceptions").BaseError as exc:
                raise ShortRead(f"the answer broke off before its {size:,} bytes had come: {_short(exc)}") from exc
            if len(data) != size:
                raise ShortRead(f"{len(data):,} of {size:,} bytes came")
            return data

    def size(self, name: str) -> int:
        """The bytes that an object has."""
        with _translated(f"{self.address}/{name}"):
            return int(_obstore().head(self._store, name)["size"])

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of an object, a few megabytes at a time."""
        with _translated(f"{self.address}/{name}"):
            for block in _obstore().get(self._store, name).stream(min_chunk_size=4 << 20):
                yield bytes(block)

    def create(self, name: str, data: bytes) -> None:
        """Write an object that is not there; raises `FileExistsError` where another one is.

        The store decides, so of several writers one succeeds. A request that was answered too late and made again
        meets its own object, which is no error.
        """
        try:
            with _translated(f"{self.address}/{name}"):
                _obstore().put(self._store, name, data, mode="create", use_multipart=False)
        except FileExistsError:
            if self.read(name) != data:
                raise

    def replace(self, name: str, data: bytes) -> None:
        """Write an object, whether it is there or not."""
        with _translated(f"{self.address}/{name}"):
            _obstore().put(self._store, name, data, use_multipart=False)

    def remove(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        with _translated(f"{self.address}/{name}"):
            _obstore().delete(self._store, name)


def split(place: str) -> tuple[Prefix, str]:
    """The bucket of an object's address, and its name there."""
    bucket, _, key = address(place).removeprefix("s3://").partition("/")
    return Prefix(f"s3://{bucket}"), key


def _obstore() -> Any:
    try:
        return import_module("obstore")
    except ImportError as exc:
        raise UsageError("addresses such as s3://BUCKET/PREFIX need obstore: pip install 'lookalike[s3]'") from exc


@lru_cache(maxsize=64)
def _store(place: str) -> Any:
    endpoints = [os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")]
    if any(endpoint.startswith("http://") for endpoint in endpoints):
        os.environ.setdefault("AWS_ALLOW_HTTP", "true")  # whoever names such an endpoint means it
    _obstore()
    backoff = {"init_backoff": timedelta(seconds=FIRST_PAUSE), "max_backoff": timedelta(seconds=10), "base": 2.0}
    retry = {"max_retries": AGAIN, "retry_timeout": timedelta(minutes=3), "backoff": backoff}
    with _translated(place):
        return import_module("obstore.store").from_url(place, retry_config=retry)


@contextmanager
def _translated(place: str) -> Iterator[None]:
    errors = import_module("obstore.exceptions")
    try:
        yield
    except (errors.PermissionDeniedError, errors.UnauthenticatedError) as exc:
        raise PermissionError(13, f"access denied: {_short(exc)}", place) from exc
    except (FileNotFoundError, errors.NotFoundError) as exc:
        raise FileNotFoundError(2, "there is no such object", place) from exc
    except (errors.AlreadyExistsError, errors.PreconditionError) as exc:
        raise FileExistsError(17, "another object is there", place) from exc
    except errors.BaseError as exc:
        if _ROLES in str(exc):
            raise PermissionError(13, _NO_KEYS, place) from exc
        raise OSError(f"{place}: {_short(exc)}") from exc


def _short(exc: Exception) -> str:
    """The first line of a message, without the body of the answer."""
    return re.sub(r": <\?xml.*", "", str(exc).partition("\n")[0])[:300]
