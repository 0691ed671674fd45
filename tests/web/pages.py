"""What the browser tests share: a browser, a server, and pages that must not complain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import lookalike
from lookalike.web import make_app
from tests.web.browser import started

Open = Callable[..., Any]
SIZES = {"wide": (1440, 900), "tablet": (768, 1024), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser a module."""
    with started() as found:
        yield found


@contextmanager
def running(app: Any) -> Iterator[str]:
    """The address of `app`, in a thread of this process."""
    import uvicorn

    config = uvicorn.Config(app, port=0, ws="none", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def address(shown: Path) -> Iterator[str]:
    """A server of the catalog."""
    with running(make_app(lookalike.open(shown))) as found:
        yield found


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Open]:
    """Open the page; at the end nothing was complained of and no other host was asked."""
    contexts, complaints, asked, bases = [], [], [], []

    def go(
        path: str = "", size: str = "wide", base: str | None = None, ready: str = "body[data-ready]", **options: Any
    ) -> Any:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else 0
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        bases.extend([base] if base else [])
        page.goto((base or address) + path)
        page.wait_for_selector(ready)
        return page

    yield go
    for context in contexts:
        context.close()
    ours = (address, *bases, "blob:", "data:", "file:")
    assert [url for url in asked if not url.startswith(ours)] == []
    expected = ("GPU stall", "SwiftShader", "status of 415", "status of 401", "ERR_CONNECTION_REFUSED")
    # of software rendering, a file that is no photo, a token that is asked for, and a server that was ended
    assert [text for text in complaints if not any(known in text for known in expected)] == []


def until(page: Any, expression: str) -> None:
    """Wait until an expression holds; asked from outside, because the page's policy forbids `eval`."""
    for _ in range(200):
        if page.evaluate(f"Boolean({expression})"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {expression}")


def results(page: Any) -> list[str]:
    """The ids of the look-alikes that are shown, once they are there."""
    page.wait_for_selector(".result")
    until(page, "!document.querySelector('.panel .empty')")
    found: list[str] = page.eval_on_selector_all(".result", "all => all.map(each => each.dataset.id)")
    return found
