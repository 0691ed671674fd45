"""One report, written once for all tests that only look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.report import write_report
from tests.report.data import make_report_data


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on 40 drawn items in three clusters."""
    out = tmp_path_factory.mktemp("report")
    write_report(make_report_data(40), out)
    return out
