"""Prints the oldest release of every dependency that pyproject.toml allows, as requirements: `make test-oldest`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def oldest(requirement: str) -> str:
    """`name>=1.2,<2` becomes `name==1.2.*`; a requirement without a lower bound stays as it is.

    >>> oldest("numpy>=2.0,<3"), oldest("pillow>=13"), oldest("weights==0.1.0")
    ('numpy==2.0.*', 'pillow==13.0.*', 'weights==0.1.0')
    """
    name, found, bound = requirement.partition(">=")
    if not found:
        return requirement
    digits = re.match(r"[\d.]+", bound)
    assert digits, requirement
    version = digits[0] if "." in digits[0] else f"{digits[0]}.0"
    return f"{name}=={version}.*"


if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    print("\n".join(map(oldest, project["dependencies"])))
