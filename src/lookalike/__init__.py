"""lookalike finds products that look alike: exact similar items, clusters and a map of any set of images.

```python
import lookalike

catalog = lookalike.create("shoes.catalog")
catalog.index("photos/", metadata="products.csv")
catalog.similar("photo.jpg", k=3, where="gender = 'Women'")

lookalike.nearest_neighbors(vectors, k=3)     # arrays in, arrays out: no catalog needed
```

Names are loaded when they are first used, so `import lookalike` loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.analysis import Comparison, Difference, Evaluation, Sweep, kmeans_sweep, nearest_neighbors, tsne
    from lookalike.catalog import Catalog, create
    from lookalike.catalog import open_catalog as open
    from lookalike.errors import (
        CatalogDamaged,
        CatalogForeign,
        CatalogLocked,
        Interrupted,
        LookalikeError,
        ModelError,
        ModelMismatch,
        NotFound,
        Rejected,
        StoreError,
        UsageError,
    )
    from lookalike.records import (
        Clusters,
        Elbow,
        Estimate,
        Failure,
        Hit,
        Indexed,
        Layout,
        Neighbors,
        Similar,
        Tuned,
    )

__version__ = "0.1.0"

__all__ = [
    "Catalog",
    "CatalogDamaged",
    "CatalogForeign",
    "CatalogLocked",
    "Clusters",
    "Comparison",
    "Difference",
    "Elbow",
    "Estimate",
    "Evaluation",
    "Failure",
    "Hit",
    "Indexed",
    "Interrupted",
    "Layout",
    "LookalikeError",
    "ModelError",
    "ModelMismatch",
    "Neighbors",
    "NotFound",
    "Rejected",
    "Similar",
    "StoreError",
    "Sweep",
    "Tuned",
    "UsageError",
    "create",
    "kmeans_sweep",
    "nearest_neighbors",
    "open",
    "tsne",
]

_HOMES = {
    "catalog": ("Catalog", "create", "open"),
    "analysis": ("Comparison", "Difference", "Evaluation", "Sweep", "kmeans_sweep", "nearest_neighbors", "tsne"),
    "records": (
        "Clusters",
        "Elbow",
        "Estimate",
        "Failure",
        "Hit",
        "Indexed",
        "Layout",
        "Neighbors",
        "Similar",
        "Tuned",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
    home = import_module(f"lookalike.{_HOME.get(name, 'errors')}")
    value = getattr(home, "open_catalog" if name == "open" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
