"""Photos in an object store, found by their names: what `walk` is for folders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from lookalike import objects
from lookalike.errors import NotFound, UsageError
from lookalike.images.fetch import AT_ONCE
from lookalike.images.globs import Pattern, has_wildcard, split_wildcard
from lookalike.images.inputs import Listing
from lookalike.images.sniff import has_image_name, sniff
from lookalike.images.tables import is_table_name
from lookalike.images.walk import CATALOG_MARK
from lookalike.records import Input


def list_objects(given: str) -> tuple[str, Listing]:
    """A SOURCE's address and the photos below it, as `walk.list_files` has them for a folder.

    `given` is a prefix (with all below it), a glob, or one photo. Raises `NotFound` where nothing is there, and
    `UsageError` for a catalog, a table, or a store that does not answer.
    """
    place, pattern = given, None
    if has_wildcard(given):
        base, rest = split_wildcard(objects.address(given).removeprefix("s3://"))
        place, pattern = f"s3://{base}", Pattern(rest)
    name = objects.address(given)
    try:
        listing = _list(objects.Prefix(place), name, pattern)
        if listing is None and pattern is None:
            listing = _list_one(name)
    except OSError as exc:
        raise UsageError(f"SOURCE {given!a} cannot be listed: {exc.strerror or exc}") from exc
    if listing is None:
        raise NotFound(f"no SOURCE {given!a}: there is no object of that name or prefix")
    if listing.is_catalog:
        raise UsageError(f"SOURCE {given!a} is a catalog: give the prefix that holds the photos")
    return name, listing


def _list(prefix: objects.Prefix, source: str, pattern: Pattern | None) -> Listing | None:
    """What a prefix holds; None where it holds nothing."""
    names = [found.name for found in prefix.list() if not found.name.endswith("/")]
    if not names:
        return None
    catalogs = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == CATALOG_MARK}
    listing = Listing(is_catalog="" in catalogs)
    unknown = []
    for name in names:
        path = PurePosixPath(name)
        if any(_folder(parent) in catalogs for parent in path.parents):
            continue
        if pattern is not None and not pattern.takes(path.parts):
            continue
        if has_image_name(name):
            listing.inputs.append(_input(prefix, name, source))
        else:
            unknown.append(name)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, is_image in zip(
            unknown, pool.map(lambda name: _begins_like_image(prefix, name), unknown), strict=True
        ):
            if is_image:
                listing.inputs.append(_input(prefix, name, source))
            else:
                listing.ignored += 1
    return None if pattern is not None and not listing.inputs and not listing.ignored else listing


def _list_one(address: str) -> Listing | None:
    """The photo that an address names; None where there is none."""
    folder, _, name = address.rpartition("/")
    if folder == "s3:/":
        return None
    prefix = objects.Prefix(folder)
    try:
        prefix.size(name)
    except FileNotFoundError:
        return None
    if is_table_name(name):
        raise UsageError(f"SOURCE {address!a} is a table: copy it here, tables are read from local files only")
    if not has_image_name(name) and not _begins_like_image(prefix, name):
        raise UsageError(f"SOURCE {address!a} is no image: give a prefix, a glob or an image")
    return Listing(inputs=[_input(prefix, name, address)])


def _input(prefix: objects.Prefix, name: str, source: str) -> Input:
    address = f"{prefix.address}/{name}"
    return Input(id=name, path=name, location=Path(address), source=source, root=Path(), address=address)


def _begins_like_image(prefix: objects.Prefix, name: str) -> bool:
    try:
        return sniff(prefix.read(name, most=16)) is not None
    except OSError:
        return False


def _folder(parent: PurePosixPath) -> str:
    return "" if str(parent) == "." else str(parent)
