"""A headless browser that is there already; none is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str:
    """The browser of LOOKALIKE_BROWSER or of the system, or a skip that says how to have one."""
    found = os.environ.get("LOOKALIKE_BROWSER") or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs a browser: install chromium, or set LOOKALIKE_BROWSER to one")
    return found


@contextmanager
def started() -> Iterator[Any]:
    """The running browser."""
    path = executable()
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'lookalike[dev]'")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
