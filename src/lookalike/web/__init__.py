"""The explorer: a catalog as a web page and a REST API, and as one file that opens without a server.

`make_app` is for people who mount it in their own service. FastAPI is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.web.app import make_app
    from lookalike.web.onefile import write_page
    from lookalike.web.server import serve

__all__ = ["make_app", "serve", "write_page"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    homes = {"make_app": "app", "serve": "server", "write_page": "onefile"}
    if name not in homes:
        raise AttributeError(f"module 'lookalike.web' has no attribute {name!r}")
    return getattr(import_module(f"lookalike.web.{homes[name]}"), name)
