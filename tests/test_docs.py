"""The documentation says what the code does: the reference is generated, links lead somewhere, names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lookalike
from lookalike import models
from lookalike.cli.reference import commands, reference
from lookalike.records import Indexed
from lookalike.store import schema

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_command_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "run `make docs`"


def test_every_option_says_what_it_does() -> None:
    for name, command in commands():
        assert command.help, name
        for param in command.params:
            assert getattr(param, "help", None) or param.name == "help", f"{name} {param.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_pages_exist(page: Path) -> None:
    known = {name.removeprefix("lookalike ").split()[0] for name, _ in commands()}
    for used in re.findall(r"^\s+lookalike ([a-z]+)", page.read_text(), flags=re.MULTILINE):
        assert used in known, f"{page.name} shows `lookalike {used}`"


def test_every_model_is_documented() -> None:
    text = (ROOT / "docs" / "models.md").read_text()
    for name in models.names():
        assert f"`{name}`" in text
        assert models.facts(name).sha256 in (ROOT / "NOTICE").read_text()


def test_every_public_name_is_documented() -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    for name in lookalike.__all__:
        assert f"{name}" in text, name


def test_every_json_key_is_documented() -> None:
    text = (ROOT / "docs" / "json.md").read_text()
    for key in Indexed().as_json():
        assert f"`{key}`" in text


def test_every_column_of_the_catalog_is_documented() -> None:
    text = (ROOT / "docs" / "format.md").read_text()
    for table in schema.TABLES:
        assert table in text
        for name in schema.empty(table, 4).column_names:
            assert f"`{name}`" in text, f"{table}.{name}"


def test_the_changelog_names_this_version() -> None:
    assert f"## {lookalike.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_benchmark_is_in_the_list() -> None:
    listed = (ROOT / "benchmarks" / "README.md").read_text()
    scripts = [path.stem for path in (ROOT / "benchmarks").glob("*.py") if "argparse" in path.read_text()]
    assert len(scripts) > 20
    assert [name for name in sorted(scripts) if f"benchmarks.{name}" not in listed] == []
