"""The table in docs/faults.md and the tests say the same: each line has tests of its number, each test its line."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = {"I": 24, "F": 13, "S": 14, "W": 19, "M": 7, "N": 10, "D": 8}
"""How many lines of each kind the list of faults has."""


def table() -> dict[str, list[str]]:
    """The rows by number: fault, promise, test, result."""
    text = (ROOT / "docs" / "faults.md").read_text()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {row[0]: row[1:] for row in cells if re.fullmatch(r"[A-Z]\d\d", row[0])}


def numbered() -> dict[str, set[str]]:
    """The files that have a test of each number: `test_s01_...`, or `test_s03_s04_...` for several."""
    found = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in re.findall(r"^(?:async )?def test_((?:[a-z]\d\d_)+)", path.read_text(), re.MULTILINE):
            for number in name.strip("_").split("_"):
                found[number.upper()].add(str(path.relative_to(ROOT)))
    return found


def test_every_line_of_the_list_is_in_the_table() -> None:
    assert sorted(table()) == sorted(f"{kind}{n:02d}" for kind, count in LINES.items() for n in range(1, count + 1))


def test_the_table_names_the_files_of_the_tests_of_its_number_and_no_others() -> None:
    tests = numbered()
    assert set(tests) <= set(table())
    for number, (_, _, files, _) in table().items():
        assert set(re.findall(r"`(tests/[^`]+)`", files)) == tests[number], number


def test_what_a_line_promises_and_how_it_went_is_said() -> None:
    for number, (fault, promise, _, result) in table().items():
        assert fault, number
        assert promise, number
        assert result in ("holds", "holds; see below"), number
