"""Whatever OpenAPI describes can be asked, in any way it allows and in ways it does not: no answer is a 500.

Requests are drawn from `openapi.json` itself, so that an endpoint or a parameter that is added is tried at once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import lookalike
from lookalike.web import make_app
from tests.web.test_api import photo

METHODS = ("get", "post", "delete")
text = st.text(max_size=12) | st.sampled_from(
    ["red-00.png", "deep/red-08.png", "color", "year > 2011", "a", "../x", "\0"]
)
anything = text | st.integers().map(str) | st.floats().map(str)
relaxed = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.generate),
)


@pytest.fixture(scope="module")
def whole(shown: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app with every endpoint, on a catalog that may be written to."""
    folder = shutil.copytree(shown, tmp_path_factory.mktemp("whole") / "mine.catalog")
    with TestClient(make_app(lookalike.open(folder), against=lookalike.open(shown), writable=True)) as found:
        yield found


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Values that a parameter's schema allows, as text."""
    if "anyOf" in schema:
        return st.one_of(*(fitting(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema:
        return st.sampled_from([str(value) for value in schema["enum"]])
    low, high = schema.get("minimum", -5), schema.get("maximum", 5_000)
    kinds: dict[str, st.SearchStrategy[str]] = {
        "integer": st.integers(int(low), int(high)).map(str),
        "number": st.floats(low, high).map(str),
        "boolean": st.sampled_from(["true", "false"]),
    }
    return kinds.get(schema.get("type", ""), text)


def bodies(operation: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What an operation is sent: nothing, its form, its JSON, or what is neither."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return st.just({})
    wrong = st.binary(max_size=60).map(lambda body: {"content": body})
    if "multipart/form-data" in content:
        names = sorted(content["multipart/form-data"]["schema"]["properties"])
        fields = st.dictionaries(st.sampled_from(names), anything, max_size=3)
        photos = st.sampled_from([photo(), photo("blue", 4, "JPEG"), b"", b"no photo"])
        return st.builds(lambda data, file: {"data": data, "files": {"file": ("a.png", file)}}, fields, photos) | wrong
    known = content["application/json"]["schema"]["properties"]
    value = anything | st.none() | st.integers() | st.lists(anything, max_size=3)
    drawn = st.fixed_dictionaries({}, optional={name: value | _of(schema) for name, schema in known.items()})
    return drawn.map(lambda given: {"content": json.dumps(given)}) | wrong


def _of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return st.lists(text, max_size=3) if schema.get("type") == "array" else text


@st.composite
def requests(draw: st.DrawFn, document: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """A method, an address and a body."""
    path = draw(st.sampled_from(sorted(document["paths"])))
    method = draw(st.sampled_from([name for name in METHODS if name in document["paths"][path]]))
    operation = document["paths"][path][method]
    query = []
    for parameter in operation.get("parameters", []):
        value = draw(fitting(parameter["schema"]) | anything)
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", quote(value.encode("utf-8", "surrogatepass"), safe=""))
        elif draw(st.booleans()):
            query.append(f"{parameter['name']}={quote(value.encode('utf-8', 'surrogatepass'))}")
    return method, f"{path}?{'&'.join(query)}", draw(bodies(operation))


@given(data=st.data())
@relaxed
def test_nothing_that_is_described_fails(whole: TestClient, data: st.DataObject) -> None:
    document = whole.get("/openapi.json").json()
    method, address, body = data.draw(requests(document))
    answer = whole.request(method, address, **body)
    assert answer.status_code < 500, f"{method} {address}: {answer.text}"
    operation = next(
        ops[method] for path, ops in document["paths"].items() if ops.get(method) and matches(path, address)
    )
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
    assert str(answer.status_code) in operation["responses"] or answer.status_code in (404, 405), "as documented"


def matches(path: str, address: str) -> bool:
    """Whether an address is one of a path; an id may be any text but no further part."""
    want, have = path.split("/"), address.split("?", maxsplit=1)[0].split("/")
    return len(want) == len(have) and all(w == h or w.startswith("{") for w, h in zip(want, have, strict=True))
