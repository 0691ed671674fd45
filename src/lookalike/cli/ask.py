"""Commands that ask a catalog: `similar`, `recommend`, `evaluate`, `info`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli import options as opt
from lookalike.cli.output import as_json, progress_bars, table
from lookalike.options import RankingOptions, parse_preferences

if TYPE_CHECKING:
    from lookalike.records import Estimate


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (similar, recommend, evaluate, info):
        app.command()(command)


def similar(
    catalog: opt.Catalog,
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="An id, a unique file stem, or an image file.", show_default=False)
    ],
    k: opt.K = 3,
    ranking: opt.Ranking = "default",
    color: opt.Color = None,
    where: opt.Where = None,
    same: opt.Same = None,
    prefer: opt.Prefer = None,
    diverse: opt.Diverse = False,
    approximate: opt.Approximate = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Also write a page that shows them, in one file.", show_default=False, dir_okay=False),
    ] = None,
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """The most similar items of one item or photo. Exact: no item that is nearer is left out."""
    import lookalike

    held = lookalike.open(catalog, version=version)
    options = RankingOptions(
        k=k,
        ranking=ranking,
        color=color,
        where=where,
        same=tuple(same or ()),
        prefer=parse_preferences(prefer or ()),
        diverse=diverse,
        approximate=approximate,
    )
    held.prepare(options)
    found, picture = held.look_up(query, options)
    if html is not None:
        held.similar_page(found, picture, html)
    if json:
        as_json(found.as_json())
        return
    names = list(found.results[0].metadata)[:3] if found.results else []
    rows = [
        [
            hit.id,
            round(hit.distance, 4),
            round(hit.score, 3),
            *(hit.metadata.get(name) for name in names),
            ", ".join(hit.reasons) or None,
        ]
        for hit in found.results
    ]
    table(["id", "distance", "score", *names, "why"], rows)
    if found.diverse is not None:
        told = found.diverse
        typer.echo(
            f"Chosen from the {told.pool} nearest to differ, {told.collapsed} of them near-identical to one before: "
            f"mean score {told.score:.3f}, {told.cost:.3f} less than that of the nearest."
        )
    if not found.exact:
        typer.echo(_receipt(found.recall, found.recall_low, found.recall_high))
    if html is not None:
        typer.echo(f"Open {html} in a browser.")


def recommend(
    catalog: opt.Catalog,
    out: Annotated[Path, typer.Option(help="A .parquet, .csv or .jsonl file.", show_default=False, dir_okay=False)],
    k: opt.K = 3,
    ranking: opt.Ranking = "default",
    color: opt.Color = None,
    where: opt.Where = None,
    same: opt.Same = None,
    prefer: opt.Prefer = None,
    diverse: opt.Diverse = False,
    approximate: opt.Approximate = False,
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """The look-alikes of every item, as a table. Columns: id, rank, neighbor_id, distance."""
    import lookalike

    preferred, held = dict(parse_preferences(prefer or ())), lookalike.open(catalog, version=version)
    with progress_bars() as progress:
        rows = held.recommend(
            k,
            ranking=ranking,
            color=color,
            where=where,
            same=same or (),
            prefer=preferred,
            diverse=diverse,
            approximate=approximate,
            out=out,
            progress=progress,
        )
    measured = held.receipt(k) if approximate else None
    if json:
        told = {"items": len(held), "rows": rows.num_rows, "file": str(out), "exact": measured is None}
        shares = (1.0, 1.0, 1.0) if measured is None else (measured.value, measured.low, measured.high)
        as_json({**told, **dict(zip(("recall", "recall_low", "recall_high"), shares, strict=True))})
        return
    typer.echo(f"{rows.num_rows:,} rows for {len(held):,} items in {out}")
    if measured is not None:
        typer.echo(_receipt(measured.value, measured.low, measured.high))


def evaluate(
    catalog: opt.Catalog,
    labels: Annotated[
        str | None, typer.Option(help="Metadata columns, separated by commas.", show_default=False)
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="Also for each value of this metadata column.", show_default=False),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Also agreement with pairs that people made: columns id, other and maybe alike (yes or no).",
            show_default=False,
        ),
    ] = None,
    k: opt.K = 3,
    ranking: opt.Ranking = "default",
    color: opt.Color = None,
    where: opt.Where = None,
    same: opt.Same = None,
    prefer: opt.Prefer = None,
    diverse: opt.Diverse = False,
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """How often look-alikes carry the query's label. The share of the k nearest, with 95% intervals."""
    import lookalike

    liked, held = dict(parse_preferences(prefer or ())), lookalike.open(catalog, version=version)
    names = [name.strip() for name in (labels or "").split(",") if name.strip()]
    with progress_bars() as progress:
        found = held.evaluate(
            names,
            k,
            ranking=ranking,
            color=color,
            where=where,
            same=same or (),
            prefer=liked,
            diverse=diverse,
            by=by,
            pairs=pairs,
            progress=progress,
        )
    if json:
        as_json(found.as_json())
        return
    if found.agreement:
        rows = [
            [name, *_rounded(e), _first(found.precision[name]), *_rounded(found.ndcg[name])]
            for name, e in found.agreement.items()
        ]
        table(["label", "agreement", "low", "high", "first", "ndcg", "low", "high"], rows)
        typer.echo(
            f"Share of the {found.k} nearest with the query's label, {found.n:,} items, 95% interval; the share of "
            f"the first alone; nDCG of the {found.k}."
        )
    for name, groups in found.groups.items():
        table([str(found.by), "queries", name, "low", "high"], [[g.value, g.n, *_rounded(g.agreement)] for g in groups])
    if found.pairs is not None:
        told = found.pairs
        rows = [
            [f"{told.alike:,} alike pairs: one among the {found.k} nearest of the other", *_rounded(told.found)],
            [f"{told.unlike:,} other pairs: neither is", *_rounded(told.apart)],
            ["an alike pair is nearer than another", *_rounded(told.ordered)],
        ]
        table(["pairs", "share", "low", "high"], rows)


def info(
    catalog: opt.Catalog,
    failures: Annotated[bool, typer.Option("--failures", help="List the photos that could not be used.")] = False,
    version: opt.Version = None,
    json: opt.Json = False,
) -> None:
    """What is in a catalog, and what of it is old. Results older than the items are marked."""
    from dataclasses import asdict

    import lookalike

    held = lookalike.open(catalog, version=version)
    if failures:
        found = held.failures()
        if json:
            as_json({"failures": [asdict(failure) for failure in found]})
        elif not found:
            typer.echo("No photo failed.")
        else:
            table(["path", "stage", "code", "detail"], [[f.path, f.stage, f.code, f.detail] for f in found])
        return
    facts = held.info()
    if json:
        as_json(facts)
        return
    for name, value in facts.items():
        typer.echo(f"{name:<10} {_shown(value)}")


def _rounded(estimate: Estimate) -> list[float]:
    return [round(value, 3) for value in (estimate.value, estimate.low, estimate.high)]


def _first(precision: Sequence[Estimate]) -> float:
    """The share of the first place alone; NaN where no item has a neighbor."""
    return round(precision[0].value, 3) if precision else float("nan")


def _receipt(value: float, low: float, high: float) -> str:
    return f"Approximate: finds {value:.1%} of the nearest ({low:.1%} to {high:.1%}), measured on 50 items."


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(entry)}" for name, entry in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
