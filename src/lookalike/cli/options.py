"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.errors import UsageError

Catalog = Annotated[
    Path, typer.Argument(metavar="CATALOG", help="The catalog: a folder, or s3://BUCKET/PREFIX.", show_default=False)
]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Folders, s3:// addresses, quoted globs, image files, or CSV/Parquet/JSONL tables with a `path` column.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else there.")]
Model = Annotated[
    str | None,
    typer.Option(
        help="Model for a new catalog: one that `lookalike models list` names, onnx:PATH, timm:NAME or open_clip:NAME.",
        show_default=False,
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(help="How photos become square: stretch, crop, pad or nearest.", show_default="the model's own"),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Precision for a new catalog, one that the model has.",
        show_default="what suits this CPU's instructions",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        help="What computes a new catalog's vectors: auto, cpu, openvino (extra) or cuda (extra).",
        show_default="the catalog's own",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Weight file for a model that takes one, such as vgg16 (.h5) or timm:NAME (.safetensors).",
        show_default="the downloaded one",
    ),
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model-option",
        metavar="KEY=VALUE",
        help="How photos go into the file of --model onnx:PATH: layout, size, color, mean, std, output, pool; "
        "may be repeated.",
        show_default=False,
    ),
]
Vectors = Annotated[
    Path | None,
    typer.Option(
        help="Vectors computed elsewhere, in place of a model: .parquet with `id` or `path` and `vector`, or .npy with "
        "a row a photo in the order of ids.",
        show_default=False,
    ),
]
Metadata = Annotated[
    Path | None,
    typer.Option(help="CSV, Parquet or JSONL table; `path` or `id` names the photo of a row.", show_default=False),
]
Root = Annotated[
    Path | None,
    typer.Option(help="Folder that the paths of a SOURCE table start from and may not leave.", show_default="its own"),
]
Prune = Annotated[bool, typer.Option("--prune", help="Remove items of these SOURCEs that are no longer in them.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Prune without asking, however many.")]
Retry = Annotated[
    bool, typer.Option("--retry", help="Try photos again that failed before. Those of items are not read.")
]
Engine = Annotated[
    str,
    typer.Option(help="Where photos are worked on: `local` threads, or a `ray` cluster (RAY_ADDRESS, else here)."),
]
Refit = Annotated[bool, typer.Option("--refit", help="Fit the default ranking anew on the items there are.")]
AllowTruncated = Annotated[
    bool, typer.Option("--allow-truncated", help="Keep photos whose end is missing, marked as degraded.")
]
MinSide = Annotated[int, typer.Option("--min-side", help="Refuse photos with a shorter side, in pixels.", min=1)]
Version = Annotated[
    int | None,
    typer.Option("--version", help="The catalog as it was at this version.", show_default="the newest", min=1),
]
K = Annotated[int, typer.Option("-k", help="How many look-alikes, 1 to 1000.")]
Ranking = Annotated[
    str,
    typer.Option(help="`euclidean`: plain distance, as published; `default`: the best from pictures alone."),
]
Color = Annotated[
    float | None,
    typer.Option(
        help="How much color counts in the default ranking: 0 (shape and material alone) to 1 (color alone).",
        show_default="what suits most catalogs",
    ),
]
Where = Annotated[
    str | None,
    typer.Option(help="Only items for which this SQL expression over the metadata holds.", show_default=False),
]
Same = Annotated[
    list[str] | None,
    typer.Option(help="Only items with the query's value in this field; may be repeated.", show_default=False),
]
Prefer = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=WEIGHT",
        help="Rather items with the query's value in this field (numbers: near it). A weight of 1 counts like a "
        "picture at the typical distance; may be repeated.",
        show_default=False,
    ),
]
Diverse = Annotated[
    bool, typer.Option("--diverse", help="Results that differ: near-identical items count once; says what that costs.")
]
Approximate = Annotated[
    bool,
    typer.Option(
        "--approximate",
        help="With --ranking euclidean: by an index, which may miss some; the answer says how many it finds.",
    ),
]
MaxK = Annotated[int, typer.Option("--max-k", help="Largest K of the sweep; at most the number of items.")]
Clusters = Annotated[str, typer.Option("-k", help="Number of clusters, or `auto` for the elbow.")]
Seed = Annotated[int, typer.Option(help="Seed; equal seeds give equal results.")]
Perplexity = Annotated[
    float | None,
    typer.Option(help="Perplexity of the map; 30 as published.", show_default="equal weights on the 15 nearest"),
]
MapMethod = Annotated[
    str, typer.Option(help="How the map is made: `tsne`, as published, or `umap` (extra); --perplexity is for `tsne`.")
]


def shown(catalog: Path) -> str:
    """A catalog as it was given: a path that was made of an address has lost one of its slashes."""
    from lookalike import objects

    return objects.address(catalog) if objects.is_address(catalog) else str(catalog)


def settings(told: list[str] | None) -> dict[str, str]:
    """What `--model-option KEY=VALUE` said; raises `UsageError` for another form."""
    found = {}
    for text in told or ():
        key, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"--model-option {text!r} is not of the form KEY=VALUE, such as size=256")
        found[key.strip()] = value.strip()
    return found
