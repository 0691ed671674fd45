"""One photo that comes as bytes, not as a file: decoded and embedded already, committed as an item."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lookalike import images
from lookalike.pipeline import rows
from lookalike.pipeline.embed import Embedded
from lookalike.pipeline.fitting import renew_whitening
from lookalike.pipeline.metadata import plan_metadata
from lookalike.records import Floats, Input, Photo, Value
from lookalike.store import Append, Change, Delete, Store, Upsert, schema

SOURCE = "upload:"
"""The source of items that came as bytes: no folder, so `--prune` never concerns them."""


def add(
    store: Store, item: str, data: bytes, photo: Photo, vector: Floats, metadata: Mapping[str, Value] | None = None
) -> bool:
    """Add or replace one item, under `writing`; True if it is new.

    `photo` and `vector` belong to the bytes `data`. Metadata that is known of the item stays where `metadata` says
    nothing of it. What failed under this id before is forgotten.
    """
    origin = Input(id=item, path=item, location=Path(item), source=SOURCE, root=Path())
    row = rows.embedded_row(Embedded(origin, images.content_hash(data), photo, vector))
    table = rows.items_table([row], store.head.model.dimension)
    known = store.read(schema.ITEMS, ["id"], ids=[item]).num_rows > 0
    said = plan_metadata(store, {item: dict(metadata or {})}, [item])
    changes: list[Change] = [] if said.replaced is None else [said.replaced]
    changes.append(Upsert(schema.ITEMS, table) if known else Append(schema.ITEMS, table))
    changes.append(Upsert(schema.METADATA, said.table([origin])))
    if store.read(schema.FAILURES, ["id"], ids=[item]).num_rows:
        changes.append(Delete(schema.FAILURES, [item]))
    store.commit(f"{item[:100]!r} {'replaced' if known else 'added'}", changes, vectors_changed=True)
    renew_whitening(store)
    return not known
