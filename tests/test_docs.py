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


FAULTS = {"I": 24, "F": 13, "S": 14, "W": 19, "M": 7, "N": 10, "D": 8}
"""How many lines of each kind the list of faults has."""


def test_every_fault_has_its_line_and_its_test() -> None:
    text = (ROOT / "docs" / "faults.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    lines = {row[0]: row for row in rows if re.fullmatch(r"[A-Z]\d\d", row[0])}
    assert sorted(lines) == sorted(f"{kind}{n:02d}" for kind, count in FAULTS.items() for n in range(1, count + 1))
    for number, (_, _, _, test, result) in lines.items():
        files = re.findall(r"`(tests/[^`]+)`", test)
        assert files or number in ("D04", "D05", "W13"), number
        assert (result == "not applicable") == (number in ("D04", "D05"))
        assert all((ROOT / file).exists() for file in files), number


def test_faults_in_the_names_of_tests_are_in_the_table() -> None:
    text = (ROOT / "docs" / "faults.md").read_text()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in re.findall(r"^def test_((?:[a-z]\d\d_)+)", path.read_text(), re.MULTILINE):
            for number in name.strip("_").split("_"):
                assert f"| {number.upper()} |" in text, f"{path.name}: {number}"
