"""An S3 server of this machine for tests, where moto is installed: buckets in memory, conditional writes and all."""

from __future__ import annotations

import importlib.util
import logging
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

MISSING = "moto or obstore is not installed: pip install 'lookalike[dev-cluster]'"


@contextmanager
def server() -> Iterator[str]:
    """The address of an S3 server, which the environment names while it runs."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto: Any = import_module("moto.server")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        yield f"http://{host}:{port}"
    running.stop()


def make_bucket(endpoint: str, name: str) -> str:
    """An empty bucket; returns its address."""
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT")):
        return f"s3://{name}"


def upload(folder: Path, address: str) -> str:
    """Copy a folder to an address, which is returned."""
    from lookalike import objects

    prefix = objects.Prefix(address)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            prefix.replace(path.relative_to(folder).as_posix(), path.read_bytes())
    return address


def is_here() -> bool:
    """Whether all that is needed is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("moto", "obstore", "flask"))
