"""Find, decode, normalize, thumbnail: from SOURCEs to bytes to pixels, or a `Rejected` with its reason.

`find` lists inputs, `read` takes one's bytes (`fetch` those of many in an object store), `load` decodes them;
`read_table` and `match_metadata` bring in what is known of the products. `WORKERS` decodes many in processes of its
own, `HERE` in this one. The modules stand in that order: find (walk, remote, globs, inputs), read (fetch), decode
(sniff, structure, color, fit, histogram, thumbnail, quiet), apart (worker, wire), tables (infer), metadata.
"""

from __future__ import annotations

from lookalike.images.apart import HERE, WORKERS, Decoder, Pending, Workers
from lookalike.images.decode import THUMBNAIL_SIDE, content_hash, load
from lookalike.images.fetch import fetch
from lookalike.images.find import Found, find
from lookalike.images.histogram import color_histogram
from lookalike.images.metadata import Matched, match_metadata, stored_names
from lookalike.images.outline import outline, telling
from lookalike.images.read import read
from lookalike.images.tables import Table, is_table_name, read_table

__all__ = [
    "HERE",
    "THUMBNAIL_SIDE",
    "WORKERS",
    "Decoder",
    "Found",
    "Matched",
    "Pending",
    "Table",
    "Workers",
    "color_histogram",
    "content_hash",
    "fetch",
    "find",
    "is_table_name",
    "load",
    "match_metadata",
    "outline",
    "read",
    "read_table",
    "stored_names",
    "telling",
]
