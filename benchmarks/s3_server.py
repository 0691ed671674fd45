"""An S3 server for benchmarks, in memory, a share of whose answers may be 503.

    python -m benchmarks.s3_server 9000 0.1

Needs moto (extra `dev-cluster`). Buckets are made by PUT. A request that is to fail is answered with 503 and not looked
at, so that what is written twice or lost shows.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


@contextmanager
def running(failing: float = 0.0) -> Iterator[str]:
    """The address of a server in a process of its own, which the environment names while it runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.s3_server", str(port), str(failing)])
    said = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    os.environ |= {**said, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"}
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/shop", method="PUT")):
                    break
            except OSError:
                time.sleep(0.1)
        yield endpoint
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Serve until terminated."""
    port, failing = int(sys.argv[1]), float(sys.argv[2])
    werkzeug: Any = import_module("werkzeug.serving")
    moto: Any = import_module("moto.moto_server.werkzeug_app")
    app = moto.DomainDispatcherApplication(moto.create_backend_app)
    chance = random.Random(0)

    def flaky(environ: Any, respond: Any) -> Any:
        if chance.random() < failing:
            respond("503 Slow Down", [("Content-Type", "text/plain")])
            return [b"try again"]
        return app(environ, respond)

    import_module("logging").getLogger("werkzeug").setLevel("ERROR")
    werkzeug.run_simple("127.0.0.1", port, flaky, threaded=True)


if __name__ == "__main__":
    main()
