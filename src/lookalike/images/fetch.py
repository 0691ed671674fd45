"""The bytes of photos in an object store: many at a time, each whole and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lookalike import objects
from lookalike.errors import Rejected
from lookalike.options import ImageLimits
from lookalike.records import Input

AT_ONCE = 16
"""Objects that are asked for at the same time: each answer is long in coming, whatever its size."""


def read_object(item: Input, limits: ImageLimits) -> bytes:
    """All bytes of one photo, at most `limits.bytes`; see `read`.

    Raises `Rejected` with code E_GONE, E_PERMISSION, E_EMPTY, E_TOO_LARGE, E_SHORT_READ where the answer breaks
    off, or E_FETCH where the store does not answer, each after several tries.
    """

    def allow(size: int) -> None:
        if size > limits.bytes:
            detail = f"the file has {size:,} bytes, allowed are {limits.bytes:,}"
            raise Rejected("E_TOO_LARGE", detail, stage="read")

    try:
        prefix, name = objects.split(item.address or "")
        data = prefix.read(name, allow=allow)
    except FileNotFoundError as exc:
        raise Rejected("E_GONE", "the file is not there any more", stage="read") from exc
    except PermissionError as exc:
        raise Rejected("E_PERMISSION", f"the file may not be read: {exc.strerror}", stage="read") from exc
    except objects.ShortRead as exc:
        raise Rejected("E_SHORT_READ", str(exc)[:500], stage="read") from exc
    except OSError as exc:
        raise Rejected("E_FETCH", f"the file cannot be fetched: {exc}", stage="read") from exc
    if not data:
        raise Rejected("E_EMPTY", "the file has 0 bytes", stage="read")
    return data


def fetch(items: Sequence[Input], limits: ImageLimits) -> dict[str, bytes | Rejected]:
    """By id, the bytes of those `items` that are in an object store, or why they cannot be read; all at once."""
    remote = [item for item in items if item.address is not None]
    if not remote:
        return {}

    def one(item: Input) -> bytes | Rejected:
        try:
            return read_object(item, limits)
        except Rejected as reason:
            return reason

    with ThreadPoolExecutor(min(AT_ONCE, len(remote))) as pool:
        return dict(zip([item.id for item in remote], pool.map(one, remote), strict=True))
