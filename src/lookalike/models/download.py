"""Weights from where their publisher keeps them: resumed where they were cut off, kept aside until they are right."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lookalike.errors import LookalikeError, ModelError
from lookalike.models.weights import Published, digests, weights_folder
from lookalike.records import Advance

ATTEMPTS = 4
"""Connections that may be cut off in a row without a byte gained, before the download gives up."""
TIMEOUT = 30.0
BLOCK = 1 << 18


class _CutOff(Exception):
    """The connection failed; what arrived is kept."""


def download(name: str, published: Published, *, progress: Advance | None = None) -> Path:
    """Fetch the weights of model `name` into the cache folder and return their file; at once if they are there.

    What has arrived is kept as `FILE.part` and the next call goes on from there; only a file of the published size
    and checksum gets its name. `progress` is called with bytes. Raises `ModelError` (`E_MODEL_DOWNLOAD`) where the
    address cannot be reached, with the address, the checksum and where to put the file, and (`E_MODEL_CHECKSUM`)
    where what arrived is another file.
    """
    target = weights_folder() / published.file
    if target.is_file() and digests(target).md5 == published.md5:
        return target
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _held(part) as file:
            _fill(file, published, progress)
            found = _digest(file)
            if found != published.md5:
                raise ModelError(
                    f"what {published.url} gave has MD5 {found}, not {published.md5}: it is kept aside as "
                    f"{str(part)!r} and not used; try again, or get the file elsewhere and put it at {str(target)!r}",
                    code="E_MODEL_CHECKSUM",
                )
            part.replace(target)
    except _CutOff as exc:
        raise ModelError(
            f"{published.url} cannot be fetched ({exc}): run the same command again to go on from what arrived, or "
            f"get the file of the weights of {name} elsewhere (MD5 {published.md5}) and put it at {str(target)!r}",
            code="E_MODEL_DOWNLOAD",
        ) from exc
    except OSError as exc:
        raise LookalikeError(f"{str(part)!r} cannot be written: {exc.strerror or exc}", code="E_WRITE") from exc
    return target


@contextmanager
def _held(part: Path) -> Iterator[IO[bytes]]:
    """The file that collects the bytes, for this process alone."""
    with part.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise ModelError(
                f"another process is downloading {part.name}: wait for it", code="E_MODEL_DOWNLOAD"
            ) from exc
        yield file


def _fill(file: IO[bytes], published: Published, progress: Advance | None) -> None:
    """Bring the file to its published size, on as many connections as it takes."""
    have = file.seek(0, 2)
    if have >= published.bytes:
        have = file.truncate(0)  # whole and wrong, or it would have its name
    failures, reason = 0, ""
    while have < published.bytes:
        try:
            for done in _receive(file, published, have):
                have, failures = done, 0
                if progress:
                    progress(done, published.bytes)
            reason = f"it ended after {have:,} of {published.bytes:,} bytes"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as exc:
            reason = str(getattr(exc, "reason", "") or exc) or type(exc).__name__
            if isinstance(exc, urllib.error.HTTPError):
                exc.close()
                if exc.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    file.truncate(0)
                elif exc.code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise _CutOff(f"{exc.code} {reason}") from exc
        have = file.seek(0, 2)
        failures += 1
        if failures >= ATTEMPTS:
            raise _CutOff(reason)
    file.flush()


def _receive(file: IO[bytes], published: Published, have: int) -> Iterator[int]:
    """Append what one connection gives, yielding the bytes there are; starts over where the server cannot resume."""
    request = urllib.request.Request(  # noqa: S310  # the address is one of ours, https
        published.url, headers={"User-Agent": "lookalike", "Accept-Encoding": "identity"}
    )
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # as above
        if have and not _continues(answer, have):
            have = file.truncate(0)
        while block := answer.read(BLOCK):
            if have + len(block) > published.bytes:
                file.truncate(0)
                raise _CutOff(f"it gives more than the {published.bytes:,} bytes that are published")
            file.write(block)
            have += len(block)
            yield have


def _continues(answer: Any, have: int) -> bool:
    told = str(answer.headers.get("Content-Range", ""))
    return answer.status == http.HTTPStatus.PARTIAL_CONTENT and told.startswith(f"bytes {have}-")


def _digest(file: IO[bytes]) -> str:
    found = hashlib.md5(usedforsecurity=False)
    file.seek(0)
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()
