"""Commands that fill a catalog: `index`, and `run`, which does everything."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, complain, progress_bars, skipped
from lookalike.errors import UsageError
from lookalike.options import ClusterOptions, ImageLimits, IndexOptions, MapOptions, ModelOptions, RankingOptions

if TYPE_CHECKING:
    from lookalike.catalog import Catalog
    from lookalike.records import Indexed, Progress

SOME_FAILED = 3
AS_PUBLISHED: Mapping[str, Any] = {
    "model": "vgg16",
    "resize": "nearest",
    "ranking": "euclidean",
    "max_k": 200,
    "k": "20",
    "perplexity": 30.0,
}
"""What `run --as-published` stands for; an option that is given takes precedence."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(index)
    app.command()(run)


def index(
    catalog: opt.Catalog,
    sources: opt.Sources,
    metadata: opt.Metadata = None,
    root: opt.Root = None,
    model: opt.Model = None,
    resize: opt.Resize = None,
    precision: opt.Precision = None,
    device: opt.Device = None,
    weights: opt.Weights = None,
    model_option: opt.ModelOption = None,
    vectors: opt.Vectors = None,
    prune: opt.Prune = False,
    yes: opt.Yes = False,
    retry: opt.Retry = False,
    refit: opt.Refit = False,
    allow_truncated: opt.AllowTruncated = False,
    min_side: opt.MinSide = 1,
    engine: opt.Engine = "local",
    json: opt.Json = False,
) -> None:
    """Add photos to a catalog, or bring it up to date. Only what is new or changed is embedded.

    A photo that cannot be used is listed as a failure and never ends the run (exit code 3 then).
    """
    from lookalike.catalog import build

    limits = ImageLimits(allow_truncated=allow_truncated, min_side=min_side)
    options = IndexOptions(
        metadata=metadata,
        root=root,
        prune=prune,
        yes=yes,
        retry=retry,
        refit=refit,
        limits=limits,
        engine=engine,
    )
    with progress_bars() as progress:
        _, done, notices = build(
            catalog,
            sources,
            options,
            model=_model(model, resize, precision, device, weights, model_option, vectors),
            progress=progress,
            confirm=_confirm(json),
        )
    _say(notices, done)
    if json:
        as_json(done.as_json())
    else:
        named = opt.shown(catalog)
        typer.echo(_summary(done, named))
        if done.total:
            typer.echo(f"Next: lookalike similar {named} ID, or lookalike report {named} --out report")
    if done.failed:
        raise typer.Exit(SOME_FAILED)


def run(
    context: typer.Context,
    catalog: opt.Catalog,
    sources: opt.Sources,
    out: Annotated[
        Path, typer.Option(help="Folder for the recommendations and the report.", show_default=False, file_okay=False)
    ],
    metadata: opt.Metadata = None,
    root: opt.Root = None,
    model: opt.Model = None,
    resize: opt.Resize = None,
    precision: opt.Precision = None,
    device: opt.Device = None,
    weights: opt.Weights = None,
    model_option: opt.ModelOption = None,
    vectors: opt.Vectors = None,
    prune: opt.Prune = False,
    yes: opt.Yes = False,
    retry: opt.Retry = False,
    refit: opt.Refit = False,
    allow_truncated: opt.AllowTruncated = False,
    min_side: opt.MinSide = 1,
    engine: opt.Engine = "local",
    recommendations: Annotated[int, typer.Option(help="Look-alikes of each item, 1 to 1000.")] = 3,
    ranking: opt.Ranking = "default",
    color: opt.Color = None,
    max_k: opt.MaxK = 200,
    k: opt.Clusters = "auto",
    perplexity: opt.Perplexity = None,
    method: opt.MapMethod = "tsne",
    seed: opt.Seed = 0,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="The method as first published: --model vgg16 --resize nearest --ranking euclidean --max-k 200 "
            "-k 20 --perplexity 30.",
        ),
    ] = False,
    json: opt.Json = False,
) -> None:
    """From photos to the report in one command. Indexes, recommends, clusters, maps and reports.

    Skips what is done: run it again after photos were added, changed or removed.
    """
    from lookalike.catalog import build

    limits = ImageLimits(allow_truncated=allow_truncated, min_side=min_side)
    options = IndexOptions(
        metadata=metadata,
        root=root,
        prune=prune,
        yes=yes,
        retry=retry,
        refit=refit,
        limits=limits,
        engine=engine,
    )
    chosen: dict[str, Any] = {
        "model": model,
        "resize": resize,
        "ranking": ranking,
        "max_k": max_k,
        "k": k,
        "perplexity": perplexity,
    }
    if as_published:
        kept: tuple[str, ...] = ("model", "resize") if vectors is not None else ()
        kept += ("perplexity",) if method != "tsne" else ()
        chosen |= {
            name: value for name, value in AS_PUBLISHED.items() if name not in kept and not _was_given(context, name)
        }
    clusters = ClusterOptions(max_k=chosen["max_k"], k=cluster_count(chosen["k"]), seed=seed)
    ranked = RankingOptions(k=recommendations, ranking=chosen["ranking"], color=color)
    layout = MapOptions(perplexity=chosen["perplexity"], seed=seed, method=method)
    started = time.perf_counter()
    with progress_bars() as progress:
        held, done, notices = build(
            catalog,
            sources,
            options,
            model=_model(chosen["model"], chosen["resize"], precision, device, weights, model_option, vectors),
            progress=progress,
            confirm=_confirm(json),
        )
        files = everything(
            held,
            out,
            clusters,
            progress,
            ranking=ranked,
            layout=layout,
        )
    _say(notices, done)
    if json:
        as_json({"index": done.as_json(), **files, "seconds": round(time.perf_counter() - started, 3)})
    else:
        typer.echo(_summary(done, opt.shown(catalog)))
        typer.echo(f"Recommendations: {files['recommendations']}")
        typer.echo(f"Open {files['report']} in a browser.")
        typer.echo(f"To look around, and to search by photo: lookalike serve {shlex.quote(str(catalog))}")
    if done.failed:
        raise typer.Exit(SOME_FAILED)


def everything(
    catalog: Catalog,
    out: Path,
    clusters: ClusterOptions,
    progress: Progress,
    *,
    ranking: RankingOptions | None = None,
    layout: MapOptions | None = None,
) -> dict[str, Any]:
    """Recommend, cluster, map and report into `out`; what `out` shows already is left as it is."""
    table, page, mark = out / "recommendations.parquet", out / "report.html", out / "run.json"
    catalog.cluster(clusters.k, max_k=clusters.max_k, seed=clusters.seed, progress=progress)
    layout = layout or MapOptions(seed=clusters.seed)
    catalog.map(perplexity=layout.perplexity, seed=layout.seed, method=layout.method, progress=progress)
    asked = ranking or RankingOptions()
    state = {"shows": catalog.fingerprint(), "recommendations": asked.k, "ranking": asked.ranking, "color": asked.color}
    if not (table.exists() and page.exists() and _read(mark) == state):
        mark.unlink(missing_ok=True)
        catalog.recommend(asked.k, ranking=asked.ranking, color=asked.color, out=table, progress=progress)
        catalog.report(out, progress=progress)
        mark.write_text(json.dumps(state))
    return {"recommendations": str(table), "report": str(page)}


def cluster_count(k: str) -> int | None:
    """The number that `-k` gives, None for `auto`."""
    if k == "auto":
        return None
    if not k.isdigit():
        raise UsageError(f"-k {k!r} is neither a number nor `auto`")
    return int(k)


def _read(mark: Path) -> Any:
    try:
        return json.loads(mark.read_text())
    except (OSError, ValueError):
        return None


def _model(
    name: str | None,
    resize: str | None,
    precision: str | None,
    device: str | None,
    weights: Path | None,
    told: list[str] | None,
    vectors: Path | None,
) -> ModelOptions:
    settings = tuple(opt.settings(told).items())
    return ModelOptions(
        name=name,
        resize=resize,
        precision=precision,
        device=device,
        weights=weights,
        settings=settings,
        vectors=vectors,
    )


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")


def _confirm(json: bool) -> Any:
    import sys

    if json or not sys.stdin.isatty():
        return None
    return lambda question: typer.confirm(f"{question}. Go on?", err=True)


def _say(notices: tuple[str, ...], done: Indexed) -> None:
    for notice in notices:
        complain(notice)
    skipped(done.failures)


def _summary(done: Indexed, catalog: str) -> str:
    parts = [f"{done.added:,} added", f"{done.updated:,} updated", f"{done.unchanged:,} unchanged"]
    parts += [f"{done.removed:,} removed"] if done.removed else []
    parts += [f"{done.failed:,} failed (see `lookalike info {catalog} --failures`)"] if done.failed else []
    parts += [f"{done.ignored:,} other files ignored"] if done.ignored else []
    parts += [f"{done.unmatched:,} metadata rows without a photo"] if done.unmatched else []
    rate = f", {done.embedded / done.seconds:,.0f} photos/s" if done.embedded else ""
    return f"{', '.join(parts)}; {done.total:,} items in {done.seconds:.1f} s{rate}"
