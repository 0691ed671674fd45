"""The API is what `docs/api.md` says: every endpoint, parameter and answered field, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
HEAD = re.compile(r"^## (GET|POST|DELETE) `([^`]+)`$", re.MULTILINE)


def sections() -> dict[str, str]:
    parts = HEAD.split(PAGE.read_text())[1:]
    return {f"{method} {path}": text for method, path, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


def operations(document: dict[str, Any]) -> dict[str, Any]:
    return {f"{m.upper()} {path}": op for path, ops in document["paths"].items() for m, op in ops.items()}


@pytest.fixture(scope="module")
def document(shown: Path) -> dict[str, Any]:
    catalog = lookalike.open(shown)
    with TestClient(make_app(catalog, against=catalog, writable=True)) as client:
        found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_endpoint_is_documented_and_no_other(document: dict[str, Any]) -> None:
    assert set(sections()) == set(operations(document))


def test_every_parameter_is_documented(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                assert f"`{parameter['name']}`" in sections()[name], f"{name}: {parameter['name']}"


def fields(document: dict[str, Any], part: Any) -> set[str]:
    """The names of the fields of a schema, and of what it is made of."""
    found: set[str] = set()
    if isinstance(part, dict):
        found |= set(part.get("properties", {}))
        if "$ref" in part:
            found |= fields(document, document["components"]["schemas"][part["$ref"].rpartition("/")[2]])
        for inner in part.values():
            found |= fields(document, inner) if isinstance(inner, dict | list) else set()
    elif isinstance(part, list):
        found = {name for inner in part for name in fields(document, inner)}
    return found


def test_every_answered_field_is_documented(document: dict[str, Any]) -> None:
    text = PAGE.read_text()
    for name, operation in operations(document).items():
        for field in fields(document, operation["responses"].get("200") or operation["responses"]["201"]):
            assert f"`{field}`" in text, f"{name}: {field}"


PATHS = ["info", "items", "items/red-00.png", "items/red-00.png/similar", "clusters", "clusters?k=3", "map", "columns"]


@pytest.mark.parametrize("path", PATHS)
def test_answers_have_the_documented_form(client: TestClient, document: dict[str, Any], path: str) -> None:
    from lookalike.web import schemas

    models: dict[str, Any] = {
        "info": schemas.Info,
        "items": schemas.Items,
        "items/red-00.png": schemas.Described,
        "items/red-00.png/similar": schemas.Similar,
        "clusters": schemas.Clusters,
        "clusters?k=3": schemas.Clusters,
        "map": schemas.Map,
        "columns": schemas.Columns,
    }
    answer = client.get(f"/api/{path}").json()
    kept = models[path].model_validate(answer).model_dump(exclude_unset=True)
    assert kept == answer, "a field is answered that the document does not know"
