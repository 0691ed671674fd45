"""The explorer for everybody: axe-core finds no serious issue in any state, light and dark."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import lookalike
from lookalike.web import make_app
from tests.web.pages import Open, address, browser, results, running, until, visit

pytestmark = pytest.mark.slow
__all__ = ["address", "browser", "visit"]
CHECK = """() => axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations
  .filter((each) => ['serious', 'critical'].includes(each.impact))
  .map((each) => each.id + ': ' + each.nodes.map((node) => node.target + ' ' + node.failureSummary).join(' | ')))"""


@pytest.fixture(scope="module")
def axe() -> str:
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("needs axe-core: pip install 'lookalike[dev]'")
    return (Path(found.origin).parent / "axe.min.js").read_text()


def issues(page: Any, axe: str) -> list[str]:
    """What axe-core calls serious or critical."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found: list[str] = page.evaluate(CHECK)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_issue_in_any_state(visit: Open, axe: str, shown: Path, scheme: str) -> None:
    page = visit(color_scheme=scheme)
    found = {"map": issues(page, axe)}
    page.click("summary:has-text('How many groups')")
    page.click(".chip >> nth=0")
    page.click(".facet summary >> nth=0")
    found["cluster"] = issues(page, axe)
    page.set_input_files("#photo", shown.parent / "photos" / "green-01.png")
    results(page)
    found["upload"] = issues(page, axe)
    page.click(".result >> nth=0")
    until(page, "document.querySelector('.head').dataset.item")
    results(page)
    page.click(".acts button >> nth=0")
    page.click("#picked-keep")
    page.fill("#find", "gray")
    page.wait_for_selector("#found li")
    found["item, selection, search"] = issues(page, axe)
    page.goto(page.url.split("#")[0] + "#item=red-00.png&only.year=[2030,null]")
    page.wait_for_selector("text=Nothing passes the filters")
    found["nothing found"] = issues(page, axe)
    assert {state: words for state, words in found.items() if words} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_empty_catalog_and_an_interface(visit: Open, axe: str, tmp_path: Path, scheme: str) -> None:
    empty = make_app(lookalike.create(tmp_path / "empty.catalog", model="tiny"))
    with running(empty) as base:
        page = visit(base=base, color_scheme=scheme, ready="text=This catalog is empty")
        assert "lookalike index empty.catalog" in page.inner_text("#veil")
        assert issues(page, axe) == []
        page.goto(base + "docs")
        page.wait_for_selector("body[data-ready]")
        assert issues(page, axe) == []
